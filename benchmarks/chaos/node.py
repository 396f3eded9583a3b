"""A node in threads of the suite: runs the pods of some namespaces as processes of this machine, by the real runner.

Unlike the node of the integration tests it stands outages: what it could not report it reports later, as a kubelet
does. It is an object of the API server, with a lease that it renews, and binds the pods to itself, so that a deletion
has its grace.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.chaos.api import AWAY, NOT_FOUND
from evertask.api import protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from benchmarks.chaos.api import Api
    from benchmarks.chaos.records import Json

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = Path(__file__).parent / "handlers"
NAME = "chaos"
PAUSE_SECONDS = 0.1
RENEW_SECONDS = 3.0
SELECTOR = f"labelSelector={protocol.LABEL_MANAGED_BY}%3D{protocol.MANAGED_BY}"
_NODES = "/api/v1/nodes"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SUCCESS_BELOW = 300


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(eq=False)
class NodePod:
    """A pod whose runner was started."""

    raw: Json
    process: subprocess.Popen[bytes]
    folder: Path
    killed_at: float | None = None
    """Monotonic time at which its grace is over; None while nobody deletes it."""
    is_reported: bool = field(default=False)

    @property
    def name(self) -> str:
        """Name of the pod."""
        return str(self.raw["metadata"]["name"])

    @property
    def path(self) -> str:
        """Path of the pod at the API server."""
        return f"/api/v1/namespaces/{self.raw['metadata']['namespace']}/pods/{self.name}"

    @property
    def lives(self) -> bool:
        """Whether its runner runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill runner and handler, as the kernel does when a container has no memory left."""
        for pid in reversed([self.process.pid, *self.handlers()]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_handler(self) -> bool:
        """Kill the handler's process alone; tells whether there was one."""
        found = self.handlers()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(found)

    def handlers(self) -> list[int]:
        """Give the processes below the runner's parent."""
        return _below(self.process.pid)


def _below(pid: int) -> list[int]:
    try:
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *(each for child in children for each in _below(child))]


class Node:
    """The node, for the length of the block."""

    def __init__(
        self,
        api: Api,
        namespaces: list[str],
        folder: Path,
        *,
        server: str,
        ca: str,
        token: str,
        ledger: str,
        name: str = NAME,
        handlers: Path = HANDLERS,
    ) -> None:
        """Say whose pods to run.

        Args:
            api: of the node itself, as the administrator.
            namespaces: whose pods it runs.
            folder: for logs, termination messages and the pods' credentials.
            server: URL by which the runners reach the API server.
            ca: path of the authority that they trust.
            token: that they show.
            ledger: where handlers note what they do: an URL, or what those handlers take.
            name: of the node; several may stand beside one another on a control plane.
            handlers: folder with the handlers' modules.
        """
        self._name, self._handlers = name, handlers
        self.pods: dict[str, NodePod] = {}
        self._api, self._namespaces, self._folder = api, namespaces, folder
        self._server, self._ledger = server, ledger
        self._credentials = folder / "credentials"
        self._credentials.mkdir(parents=True)
        (self._credentials / "token").write_text(token)
        shutil.copy(ca, self._credentials / "ca.crt")
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._forever, args=(deed, pause), daemon=True)
            for deed, pause in ((self._look, PAUSE_SECONDS), (self._renew, RENEW_SECONDS))
        ]
        self.faults: list[str] = []
        """What went wrong with the node itself."""

    def __enter__(self) -> Self:
        self._register()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for pod in self.pods.values():
            pod.kill()
            pod.process.wait()

    def alive(self) -> list[NodePod]:
        """Give the pods whose runners run, oldest first."""
        return [pod for pod in list(self.pods.values()) if pod.lives]

    def evict(self, pod: NodePod) -> bool:
        """Evict a pod, as the drain of a node does; tells whether it was there."""
        meta = {"name": pod.name, "namespace": pod.raw["metadata"]["namespace"]}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        return self._api("POST", f"{pod.path}/eviction", body).status < SUCCESS_BELOW

    # --- the threads -------------------------------------------------------------------------------------------

    def _register(self) -> None:
        taint = {"key": "evertask.io/chaos", "effect": "NoSchedule"}
        self._api.create(_NODES, {"metadata": {"name": self._name}, "spec": {"taints": [taint]}})
        now = _now()[:19] + "Z"
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Chaos",
            "message": "",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        self._api.patch(f"{_NODES}/{self._name}/status", {"status": {"conditions": [ready]}})
        lease = {"holderIdentity": self._name, "leaseDurationSeconds": 16, "renewTime": _now()}
        self._api.create("/api/v1/namespaces", {"metadata": {"name": "kube-node-lease"}})
        self._api.create(_LEASES, {"metadata": {"name": self._name}, "spec": lease})

    def _renew(self) -> None:
        self._api.patch(f"{_LEASES}/{self._name}", {"spec": {"renewTime": _now()}})

    def _forever(self, deed: Any, pause: float) -> None:
        while not self._stop.wait(pause):
            try:
                deed()
            except (*AWAY, TimeoutError):
                pass  # the API server is away: a kubelet tries again
            except Exception as error:  # noqa: BLE001  (told at the end: a node must not die in the middle)
                self.faults.append(repr(error))

    def _look(self) -> None:
        items: dict[str, Json] = {}
        for namespace in self._namespaces:
            answer = self._api.once("GET", f"/api/v1/namespaces/{namespace}/pods?{SELECTOR}")
            if answer.status != 200:  # noqa: PLR2004
                return
            items |= {item["metadata"]["uid"]: item for item in answer.body["items"]}
        for uid, raw in items.items():
            if uid not in self.pods and "deletionTimestamp" not in raw["metadata"]:
                self._start(uid, raw)
        for uid, pod in self.pods.items():
            if not pod.is_reported:
                self._attend(pod, items.get(uid))
        for uid, raw in items.items():
            if "deletionTimestamp" in raw["metadata"] and (
                uid not in self.pods or self.pods[uid].is_reported
            ):
                self._remove(raw)

    def _start(self, uid: str, raw: Json) -> None:
        meta = raw["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
        target = {"kind": "Node", "name": self._name}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"]},
            "target": target,
        }
        if self._api("POST", path, binding).status == NOT_FOUND:
            return
        folder = self._folder / f"{meta['name']}-{uid[:8]}"
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "evertask_runner"],
                env=self._environment(raw, folder),
                cwd=self._handlers,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        pod = self.pods[uid] = NodePod(raw, process, folder)
        self._report(pod, "Running", {"running": {"startedAt": _now()[:19] + "Z"}})

    def _environment(self, raw: Json, folder: Path) -> dict[str, str]:
        container, address = raw["spec"]["containers"][0], urlsplit(self._server)
        said = {one["name"]: one["value"] for one in container.get("env") or () if "value" in one}
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("sdk", "runner")),
            **said,
            protocol.ENV_POD_NAME: raw["metadata"]["name"],
            protocol.ENV_API_SERVER: self._server,
            protocol.ENV_CREDENTIALS_PATH: str(self._credentials),
            protocol.ENV_TERMINATION_MESSAGE_PATH: str(folder / "message"),
            protocol.ENV_PAYLOAD_SOURCES_PATH: str(folder / "payload"),
            "CHAOS_LEDGER": self._ledger,
            # For what a handler dispatches.
            "KUBERNETES_SERVICE_HOST": address.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(address.port),
        }

    def _attend(self, pod: NodePod, raw: Json | None) -> None:
        """Stop a pod that is being deleted, report one that has ended."""
        if raw is None or "deletionTimestamp" in raw["metadata"]:
            self._stop_pod(pod, raw)
        if pod.lives:
            return
        code = pod.process.returncode
        code = 128 - code if code < 0 else code
        message = pod.folder / "message"
        terminated = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "message": message.read_text()[-4096:] if message.exists() else "",
            "finishedAt": _now()[:19] + "Z",
        }
        if raw is not None:
            self._report(pod, "Failed" if code else "Succeeded", {"terminated": terminated})
        pod.is_reported = True

    def _stop_pod(self, pod: NodePod, raw: Json | None) -> None:
        if pod.killed_at is None:
            grace = (raw or {}).get("metadata", {}).get("deletionGracePeriodSeconds", 0)
            pod.killed_at = time.monotonic() + grace
            if pod.lives:
                pod.process.send_signal(signal.SIGTERM)
        elif time.monotonic() > pod.killed_at:
            pod.kill()

    def _remove(self, raw: Json) -> None:
        path = f"/api/v1/namespaces/{raw['metadata']['namespace']}/pods/{raw['metadata']['name']}"
        preconditions = {"uid": raw["metadata"]["uid"]}
        self._api("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": preconditions})

    def _report(self, pod: NodePod, phase: str, state: Json) -> None:
        container = {
            "name": protocol.CONTAINER_NAME,
            "image": "runner",
            "imageID": "",
            "ready": phase == "Running",
            "restartCount": 0,
            "state": state,
        }
        self._api.patch(f"{pod.path}/status", {"status": {"phase": phase, "containerStatuses": [container]}})
