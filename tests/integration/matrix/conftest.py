"""Operator and runners as real processes, each behind a proxy that can kill it at any of its writes."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.chaos.api import Api
from benchmarks.chaos.node import Node
from evertask.api import protocol
from tests.support.api_client import tasks_path
from tests.support.killing_proxies import Kill, KillingProxy
from tests.support.live_tasks import LiveTask, checked
from tests.support.operator_processes import OperatorProcess, write_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask.api.protocol import Write
    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient
    from tests.support.killing_proxies import Side

HANDLERS = Path(__file__).parent / "handlers"
KILL_SECONDS = 40.0


class Stage:
    """One namespace with an operator and a node; all of it ends with the test."""

    def __init__(self, plane: LightControlPlane, admin: ApiClient, namespace: str, folder: Path) -> None:
        self.admin, self.namespace, self.folder, self.plane = admin, namespace, folder, plane
        self._stack = ExitStack()
        self.proxies = {
            who: self._stack.enter_context(KillingProxy(plane.server, plane.ca, self._made(f"{who}-proxy")))
            for who in ("operator", "runner")
        }
        proxy = self.proxies["operator"]
        place = self._made("operator")
        kubeconfig = write_kubeconfig(place / "kubeconfig", proxy.url, plane.token, proxy.ca)
        self.operator = OperatorProcess(
            place,
            kubeconfig,
            watchNamespaces=[namespace],
            prelaunch={"maxLead": "0s"},
            defaults={"holdPod": "1s"},
        )
        self._stack.callback(self.operator.kill)
        proxy = self.proxies["runner"]
        api = Api(plane.server, plane.ca, plane.token)
        self._stack.callback(api.close)
        self._ledger = folder / "ledger"
        self.node = self._stack.enter_context(
            Node(
                api,
                [namespace],
                self._made("node"),
                server=proxy.url,
                ca=proxy.ca,
                token=plane.token,
                ledger=str(self._ledger),
                name=f"node-of-{namespace}",
                handlers=HANDLERS,
            )
        )
        self.operator.start()

    def _made(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def task(self, name: str = "task", **spec: Any) -> LiveTask:
        """Create a task."""
        body = {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "metadata": {"name": name},
            "spec": {"handler": "matrix:work", "gracePeriod": "2s", **spec},
        }
        checked(self.admin("POST", f"{tasks_path(self.namespace)}?fieldValidation=Strict", body))
        return LiveTask(self.admin, self.namespace, name)

    def kill(self, who: str, number: Write, nth: int, side: Side) -> Kill:
        """Let somebody die at one of its writes; an operator is started again, as its Deployment does."""
        deed = self.operator.kill if who == "operator" else self._kill_runners
        kill = self.proxies[who].kill = Kill(number, nth, side, deed)
        if who == "operator":
            threading.Thread(target=self._start_again_after, args=(kill,), daemon=True).start()
        return kill

    def _kill_runners(self) -> None:
        for pod in self.node.alive():
            pod.kill()

    def _start_again_after(self, kill: Kill) -> None:
        if kill.made.wait(KILL_SECONDS):
            self.operator.start(until_ready=False)

    def calls(self) -> list[dict[str, Any]]:
        """Give the calls of the handler, in their order."""
        if not self._ledger.exists():
            return []
        return [json.loads(line) for line in self._ledger.read_text().splitlines()]

    def logs(self) -> str:
        """Give what operator and runners have said, for a failed test."""
        pods = [(pod.name, (pod.folder / "log").read_text()) for pod in self.node.pods.values()]
        return "\n".join([self.operator.log, *(f"{name}\n{log}" for name, log in pods)])


@pytest.fixture
def stage(
    control_plane: LightControlPlane, admin: ApiClient, namespace: str, tmp_path: Path
) -> Iterator[Stage]:
    """Give the stage; what its actors have said is printed, and shown where the test fails."""
    made = Stage(control_plane, admin, namespace, tmp_path)
    yield made
    made.close()
    print(made.logs())
