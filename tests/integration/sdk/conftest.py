"""Dispatchers of several identities, on the shared control plane."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Dispatcher, Task
from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from evertask.connection import Observer
    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient


class Report(Task):
    handler = "shop.reports:MonthlyReport"
    region: Any = "eu"


@pytest.fixture
def report() -> type[Report]:
    return Report


def make_connection(
    ca: str, server: str, token: str, namespace: str, observer: Observer | None = None
) -> Connection:
    """Connect with a bearer token."""
    return Connection(
        Credentials(
            server=server,
            ssl=ssl.create_default_context(cafile=ca),
            authorization=Authorization(lambda _afresh: f"Bearer {token}"),
            namespace=namespace,
        ),
        observer=observer,
    )


@pytest.fixture
def connect() -> Callable[..., Connection]:
    return make_connection


@pytest.fixture
async def connection(control_plane: LightControlPlane, namespace: str) -> AsyncIterator[Connection]:
    plane = control_plane
    async with make_connection(plane.ca, plane.server, plane.token, namespace) as made:
        yield made


@pytest.fixture
async def dispatcher(connection: Connection) -> AsyncIterator[Dispatcher]:
    async with Dispatcher(connection=connection) as made:
        yield made


@pytest.fixture
def service_account(admin: ApiClient, namespace: str) -> str:
    """Make a service account without rights; give its token."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    assert admin("POST", path, {"metadata": {"name": "web"}}).status == 201
    answer = admin("POST", f"{path}/web/token", {"spec": {"expirationSeconds": 3600}})
    assert answer.status == 201, answer
    return str(answer.body["status"]["token"])


@pytest.fixture
async def stranger(
    control_plane: LightControlPlane, namespace: str, service_account: str
) -> AsyncIterator[Dispatcher]:
    """Dispatch as the service account."""
    plane = control_plane
    async with (
        make_connection(plane.ca, plane.server, service_account, namespace) as connection,
        Dispatcher(connection=connection) as made,
    ):
        yield made
