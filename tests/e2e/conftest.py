"""End-to-end tests: real pods, on any cluster where EverTask is installed.

The cluster is KUBECONFIG's, or the one that ``python3 -m hack.cluster ensure`` picked. Each test has a namespace of its
own, so that they run side by side (``-n 4``). Those in ``disruptive/`` stop the operator, the API server or the node
for everybody, so they run by themselves, one after the other (``make test-e2e`` does both):

    pytest tests/e2e --ignore=tests/e2e/disruptive -n 4 --dist loadfile
    pytest tests/e2e/disruptive
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from hack.cluster import pick
from hack.install import NAMESPACE, RELEASE
from hack.kubectl import Kubectl
from tests.support.kubectl_proxy import proxied_client
from tests.support.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.api_client import ApiClient

HERE = __file__.rpartition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder: it needs a cluster that runs pods."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show with a failed test what is in its namespaces."""
    report = yield
    if report.failed and report.when == "call":
        used = (getattr(value, "workspace", value) for value in getattr(item, "funcargs", {}).values())
        for workspace in {one for one in used if isinstance(one, Workspace)}:
            report.sections.append((f"namespace {workspace.name}", workspace.describe()))
    return report


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """Path of the kubeconfig of the cluster under test."""
    return os.environ.get("KUBECONFIG") or pick.chosen().kubeconfig


@pytest.fixture(scope="session")
def kubectl(kubeconfig: str) -> Kubectl:
    """kubectl for the cluster under test."""
    return Kubectl(kubeconfig)


@pytest.fixture(scope="session")
def client(kubectl: Kubectl) -> Iterator[ApiClient]:
    """Call the API server as the kubeconfig's user."""
    with proxied_client(kubectl) as client:
        yield client


@pytest.fixture(scope="session")
def runner_image(client: ApiClient) -> str:
    """Name of the image that runs handlers, as the installed operator knows it."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}"
    answer = client("GET", path)
    assert answer.status == 200, f"EverTask is not installed here; run `make install` first: {answer}"
    settings = json.loads(next(iter(answer.body["data"].values())))
    image: str = settings["runner"]["image"]
    return image


@pytest.fixture
def workspace(client: ApiClient) -> Iterator[Workspace]:
    """Make a namespace for one test."""
    workspace = Workspace(client)
    yield workspace
    workspace.delete()


@pytest.fixture
def other_workspace(client: ApiClient) -> Iterator[Workspace]:
    """Make a second namespace for one test."""
    workspace = Workspace(client)
    yield workspace
    workspace.delete()


@pytest.fixture
def ledger(workspace: Workspace) -> Workspace:
    """Give the test's namespace with its ledger open: ``calls()`` tells how often handlers were called."""
    workspace.open_ledger()
    return workspace
