"""The API server behind a proxy that makes trouble, and clients that go through it."""

from __future__ import annotations

import shutil
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization
from tests.integration.operator.conftest import Stage
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_processes import OperatorProcess, write_kubeconfig
from tests.support.runner_pods import RunnerPod, open_run
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient


@pytest.fixture
def proxy(control_plane: LightControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    folder = tmp_path_factory.mktemp("proxy")
    with FaultProxy(control_plane.server, control_plane.ca, folder) as made:
        yield made


class FaultStage(Stage):
    """A stage whose operators go through the proxy."""

    def troubled(self, proxy: FaultProxy, *, start: bool = True, **settings: Any) -> OperatorProcess:
        """Start an operator behind the proxy; it relists every two seconds unless told otherwise."""
        folder = self._folder / f"operator-{len(list(self._folder.iterdir()))}"
        folder.mkdir()
        kubeconfig = write_kubeconfig(folder / "kubeconfig", proxy.url, self.plane.token, proxy.ca)
        defaults: dict[str, Any] = {
            "watchNamespaces": [self.namespace],
            "prelaunch": {"maxLead": "0s"},
            "resyncInterval": "2s",
        }
        operator = OperatorProcess(folder, kubeconfig, **{**defaults, **settings})
        self._stack.callback(operator.kill)
        if start:
            operator.start()
        return operator


@pytest.fixture
def stage(
    control_plane: LightControlPlane, admin: ApiClient, namespace: str, tmp_path: Path
) -> Iterator[FaultStage]:
    made = FaultStage(control_plane, admin, namespace, tmp_path)
    yield made
    made.close()


# --- runners -----------------------------------------------------------------------------------------------


@pytest.fixture
def launched(admin: ApiClient, namespace: str) -> Callable[..., StoredTask]:
    """Make a task of the runner's test handlers whose run is open."""

    def make(handler: str, name: str = "a", **spec: Any) -> StoredTask:
        return open_run(StoredTask(admin, namespace, name).create(handler=handler, **spec))

    return make


@pytest.fixture
def pod(control_plane: LightControlPlane, proxy: FaultProxy, tmp_path: Path) -> Callable[..., RunnerPod]:
    """Make a runner behind the proxy; it is started by entering it."""
    (tmp_path / "token").write_text(control_plane.token)
    shutil.copy(proxy.ca, tmp_path / "ca.crt")

    def make(task: StoredTask, **given: Any) -> RunnerPod:
        return RunnerPod(task, tmp_path, proxy.url, **given)

    return make


# --- the SDK -----------------------------------------------------------------------------------------------


@pytest.fixture
async def connection(
    control_plane: LightControlPlane, proxy: FaultProxy, namespace: str
) -> AsyncIterator[Connection]:
    """Connect through the proxy as the administrator."""
    header = f"Bearer {control_plane.token}"
    context = ssl.create_default_context(cafile=proxy.ca)
    credentials = Credentials(proxy.url, context, Authorization(lambda _afresh: header), namespace)
    async with Connection(credentials) as made:
        yield made
