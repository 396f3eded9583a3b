"""What the integration tests share: a real API server with EverTask's API, and a namespace of their own."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.control_plane import install_crd

if TYPE_CHECKING:
    from collections.abc import Iterator

# Requests that are cut off (by a killed API server, a deadline, a cancelled task) leave their TLS connection to the
# garbage collector, which finds it in whatever test comes next.
CUT_OFF = (
    r"ignore:Exception ignored in. <(socket\.socket|function _SelectorTransport)"
    r":pytest.PytestUnraisableExceptionWarning"
)

HERE = __file__.rpartition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder: it needs the light control plane."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings(CUT_OFF))


@pytest.fixture(scope="session")
def control_plane() -> Iterator[LightControlPlane]:
    """Start etcd, API server and controller manager, once for all workers of the run, and install the CRD."""
    with LightControlPlane.shared() as plane:
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            install_crd(client)
        yield plane


@pytest.fixture(scope="session")
def admin(control_plane: LightControlPlane) -> Iterator[ApiClient]:
    """Call the API server as its administrator."""
    with closing(ApiClient(control_plane.server, control_plane.ca, control_plane.token)) as client:
        yield client


@pytest.fixture(scope="module")
def plane() -> Iterator[LightControlPlane]:
    """Start a control plane of the module's own, which may be stopped and killed."""
    with LightControlPlane() as plane:
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            install_crd(client)
        yield plane


@pytest.fixture
def owner(plane: LightControlPlane) -> Iterator[ApiClient]:
    """Call the API server of ``plane`` as its administrator."""
    with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
        yield client


@pytest.fixture
def namespace(admin: ApiClient) -> str:
    """Make a namespace for one test. It goes when the control plane goes."""
    name = f"test-{secrets.token_hex(5)}"
    answer = admin("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert answer.status == 201, answer
    return name
