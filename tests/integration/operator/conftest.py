"""An operator as a real process, serving the test's own namespace; its pods are played by the test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from tests.support.api_client import tasks_path
from tests.support.cutting_proxies import CuttingProxy
from tests.support.live_tasks import LiveTask, checked
from tests.support.operator_processes import OperatorProcess, write_kubeconfig
from tests.support.orphans import orphaned_pod
from tests.support.simulated_pods import SimulatedPods, succeed
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient
    from tests.support.simulated_pods import SimulatedPod

CREATED = 201
HANDLER = "shop.reports:daily"


class Stage:
    """The test's namespace, and what can be started in it; all of it ends with the test."""

    def __init__(self, plane: LightControlPlane, admin: ApiClient, namespace: str, folder: Path) -> None:
        self.plane = plane
        self.admin = admin
        self.namespace = namespace
        self._folder = folder
        self._stack = ExitStack()

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def proxy(self) -> CuttingProxy:
        """Start a proxy in front of the API server."""
        return self._stack.enter_context(CuttingProxy(self.plane.server, self.plane.ca))

    def operator(
        self,
        *,
        through: CuttingProxy | None = None,
        token: str | None = None,
        start: bool = True,
        **settings: Any,
    ) -> OperatorProcess:
        """Start an operator for the namespace, as the administrator unless a token says otherwise."""
        folder = self._folder / f"operator-{len(list(self._folder.iterdir()))}"
        folder.mkdir()
        server, ca = (through.url, None) if through else (self.plane.server, self.plane.ca)
        kubeconfig = write_kubeconfig(folder / "kubeconfig", server, token or self.plane.token, ca)
        # The pods that tests play claim as soon as they are there: none is made before its time, unless a test says so.
        defaults: dict[str, Any] = {"watchNamespaces": [self.namespace], "prelaunch": {"maxLead": "0s"}}
        operator = OperatorProcess(folder, kubeconfig, **{**defaults, **settings})
        self._stack.callback(operator.kill)
        if start:
            operator.start()
        return operator

    def pods(self, play: Callable[[SimulatedPod], None] = succeed) -> SimulatedPods:
        """Play the namespace's pods."""
        return self._stack.enter_context(SimulatedPods(self.admin, self.namespace, play))

    def task(self, name: str = "task", **spec: Any) -> LiveTask:
        """Create a task."""
        body = {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "metadata": {"name": name},
            "spec": {"handler": HANDLER, **spec},
        }
        checked(self.admin("POST", f"{tasks_path(self.namespace)}?fieldValidation=Strict", body))
        return LiveTask(self.admin, self.namespace, name)

    def jobs(self) -> list[dict[str, Any]]:
        """Give the namespace's Jobs, those that are being deleted too."""
        items: list[dict[str, Any]] = checked(
            self.admin("GET", f"/apis/batch/v1/namespaces/{self.namespace}/jobs")
        )["items"]
        return items

    def orphaned_pod(self) -> None:
        """Create a pod of a Job and a task that are gone."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        body = orphaned_pod(self.namespace)
        eventually(lambda: self.admin("POST", path, body).status, lambda status: status == CREATED, 10)

    def events(self, task: LiveTask) -> list[dict[str, Any]]:
        """Give the events about a task."""
        path = f"/api/v1/namespaces/{self.namespace}/events?fieldSelector=involvedObject.name%3D{task.name}"
        items: list[dict[str, Any]] = checked(self.admin("GET", path))["items"]
        return items


@pytest.fixture
def stage(
    control_plane: LightControlPlane, admin: ApiClient, namespace: str, tmp_path: Path
) -> Iterator[Stage]:
    made = Stage(control_plane, admin, namespace, tmp_path)
    yield made
    made.close()
