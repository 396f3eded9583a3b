"""The light stage: etcd, API server and controller manager of its own; two operators and each pod are processes.

Operators and runners reach the API server through proxies that make trouble when they are told to; the suite itself,
its node and its observer do not.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from benchmarks.chaos.api import Api
from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.node import Node, NodePod
from benchmarks.chaos.operators import Operators
from benchmarks.chaos.records import What
from hack.cluster import control_plane
from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.control_plane import install_crd
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_processes import OWN_NAMESPACE, write_kubeconfig

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from benchmarks.chaos.records import Json

NAMESPACES = ["chaos-one", "chaos-two"]
MAX_RUNNING = 12
HOLD_POD = "2s"
"""Longer delays before a retry give the run back."""
FAULT_RATE = 0.12
OPERATORS_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OWN_NAMESPACE}/leases/evertask"
SECONDS_TO_SERVE = 60.0
SUCCESS_BELOW = 300


class LightStage:
    """All of it, for the length of the block."""

    name = "light"
    namespaces = NAMESPACES
    keeps_jobs = False
    pod_template: Json | None = None

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._ends = ExitStack()
        self._faults = 0
        self.most_open = 3 * MAX_RUNNING

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def _open(self) -> None:
        enter = self._ends.enter_context
        plane = self.plane = enter(LightControlPlane(controller_manager=True))
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            install_crd(client)
        self.api = enter(closing(Api(plane.server, plane.ca, plane.token)))
        for namespace in (*NAMESPACES, OWN_NAMESPACE):
            self.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        self.ledger = enter(Ledger())
        self.proxies = [
            enter(FaultProxy(plane.server, plane.ca, self._made(f"proxy-{who}"))) for who in ("o", "r")
        ]
        theirs, runners = self.proxies
        self.node = enter(
            Node(
                self.api,
                NAMESPACES,
                self._made("node"),
                server=runners.url,
                ca=runners.ca,
                token=plane.token,
                ledger=self.ledger.url,
            )
        )
        place = self._made("operators")
        kubeconfig = write_kubeconfig(place / "kubeconfig", theirs.url, plane.token, theirs.ca)
        settings = {
            "watchNamespaces": NAMESPACES,
            "maxRunning": MAX_RUNNING,
            "jobs": {"keepSucceeded": "0s", "keepFailed": "0s"},
            "resyncInterval": "30s",
            "defaults": {"holdPod": HOLD_POD},
        }
        self.operators = enter(Operators(place, kubeconfig, settings))

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True)
        return folder

    def entries(self) -> bytes:
        """Give the ledger's entries, one a line."""
        return self.ledger.read()

    def faults(self) -> list[str]:
        """Say what went wrong with the stage itself."""
        return self.node.faults

    # --- disturbances ------------------------------------------------------------------------------------------

    def disturb(self, what: What, dice: random.Random) -> str | None:
        """Do it; gives the pod it was done to (empty: it was no pod), None where nothing was there to do it to."""
        deed = self._deeds().get(what)
        if deed is not None:
            deed(dice)
            return ""
        return self._disturb_pod(what, dice)

    def _deeds(self) -> dict[What, Callable[[random.Random], None]]:
        return {
            What.OPERATOR_KILL: lambda dice: self.operators.kill(dice.choice(self.operators.names)),
            What.OPERATOR_STOP: lambda dice: self.operators.pause(
                dice.choice(self.operators.names), dice.uniform(1, 10)
            ),
            What.LEADER_SWAP: lambda _: self._kill_leader(),
            What.API_SERVER_RESTART: self._restart_api_server,
            What.ETCD_RESTART: lambda _: self._restart_etcd(),
            What.PROXY_FAULTS: self._make_faults,
            What.PROXY_BREAK: lambda _: self._each_proxy(lambda proxy: proxy.break_connections()),
            What.WATCH_END: lambda dice: self._each_proxy(
                lambda proxy: dice.choice([proxy.break_streams, proxy.end_streams])()
            ),
        }

    def _kill_leader(self) -> None:
        holder = (self.api("GET", OPERATORS_LEASE).body.get("spec") or {}).get("holderIdentity") or ""
        self.operators.kill(holder.partition("_")[0])

    def _restart_api_server(self, dice: random.Random) -> None:
        self.plane.stop_apiserver(abruptly=True)
        try:
            time.sleep(dice.uniform(0.5, 5))
        finally:
            self.plane.start_apiserver()

    def _restart_etcd(self) -> None:
        pid = self.plane.processes.alive("etcd")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self.plane.processes.stop("etcd")
        settings = self.plane.settings
        self.plane.processes.start(control_plane.etcd(settings))
        self.plane.processes.wait_healthy(
            "etcd", lambda: control_plane.etcd_healthy(settings), SECONDS_TO_SERVE
        )

    def _make_faults(self, dice: random.Random) -> None:
        self._faults += 1
        for proxy in self.proxies:
            proxy.chaos(self._seed + self._faults, FAULT_RATE)
        try:
            time.sleep(dice.uniform(3, 8))
        finally:
            self.be_calm()

    def _each_proxy(self, deed: Callable[[FaultProxy], object]) -> None:
        for proxy in self.proxies:
            deed(proxy)

    def be_calm(self) -> None:
        """End what goes on by itself."""
        for proxy in self.proxies:
            proxy.calm()

    def _disturb_pod(self, what: What, dice: random.Random) -> str | None:
        alive = self.node.alive()
        if not alive:
            return None
        pod = dice.choice(alive)
        if what is What.EVICT:
            return pod.name if self.node.evict(pod) else None
        if what is What.HANDLER_KILL:
            return pod.name if pod.kill_handler() else None
        if what is What.RUNNER_KILL:
            pod.kill()
            return pod.name
        return pod.name if self._delete(pod, by_force=what is What.POD_FORCE_DELETE) else None

    def _delete(self, pod: NodePod, *, by_force: bool) -> bool:
        body = {"gracePeriodSeconds": 0} if by_force else {}
        with suppress(TimeoutError):
            return self.api("DELETE", pod.path, body).status < SUCCESS_BELOW
        return True
