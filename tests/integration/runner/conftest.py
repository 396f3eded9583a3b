"""A task with an open run, and runners for it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pytest

from tests.support.runner_pods import RunnerPod, open_run
from tests.support.tasks import StoredTask
from tests.support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient


@pytest.fixture
def credentials(control_plane: LightControlPlane, tmp_path: Path) -> Path:
    """Lay out a service account's folder. Whose token may write what is for the tests of the policy."""
    (tmp_path / "token").write_text(control_plane.token)
    shutil.copy(control_plane.ca, tmp_path / "ca.crt")
    return tmp_path


@pytest.fixture
def launched(admin: ApiClient, namespace: str) -> Callable[..., StoredTask]:
    """Make a task of the handlers beside this file whose run is open: ``launched("work:greet", timeout="1s")``."""

    def make(handler: str, name: str = "a", **spec: Any) -> StoredTask:
        return open_run(StoredTask(admin, namespace, name).create(handler=handler, **spec))

    return make


class PodMaker(Protocol):
    """Makes a runner for a task."""

    def __call__(self, task: StoredTask, server: str = "", **given: Any) -> RunnerPod: ...


@pytest.fixture
def pod(control_plane: LightControlPlane, credentials: Path) -> PodMaker:
    """Make a runner that is started by entering it."""

    def make(task: StoredTask, server: str = "", **given: Any) -> RunnerPod:
        return RunnerPod(task, credentials, server or control_plane.server, **given)

    return make


@pytest.fixture
def proxy(control_plane: LightControlPlane) -> Iterator[TcpProxy]:
    """Stand between runners and the API server."""
    with TcpProxy(urlsplit(control_plane.server).port or 0) as made:
        yield made
