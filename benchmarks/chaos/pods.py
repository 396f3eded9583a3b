"""The stage of real pods: a cluster where EverTask is installed, of KUBECONFIG or this machine's own.

Handlers come as a ConfigMap over the runner's working directory, the ledger is a pod beside them. Where the control
plane is this machine's, the API server and etcd are restarted too, and processes in pods are killed one by one; on
another cluster what can be done through its API is done.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.chaos import plan
from benchmarks.chaos.api import AWAY, CREATED, OK, Api
from benchmarks.chaos.node import HANDLERS
from benchmarks.chaos.records import What
from evertask.api import protocol
from hack.cluster.full import FullCluster
from hack.cluster.paths import locked
from hack.install import NAMESPACE, RELEASE
from hack.kubectl import Kubectl
from tests.support.api_client import ApiClient
from tests.support.operators import InstalledOperator
from tests.support.waiting import eventually
from tests.support.workspaces import LABEL

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from benchmarks.chaos.records import Json

WORKING_DIRECTORY = "/app"
"""Of the runner's image."""
LEDGER_PORT = 8080
READY_SECONDS = 90.0
SUCCESS_BELOW = 300
VERBS = ["create", "get", "list", "watch", "patch"]


class PodStage:
    """A namespace of its own, for the length of the block."""

    name = "pods"
    keeps_jobs = True
    most_open = 12

    def __init__(self, kubeconfig: str, *, restarts: bool) -> None:
        """Say where.

        Args:
            kubeconfig: of the cluster.
            restarts: whether the API server and etcd may be restarted, where they are this machine's.
        """
        self._kubeconfig = kubeconfig
        self._is_local = kubeconfig == str(FullCluster().kubeconfig)
        self._restarts = restarts and self._is_local
        self._ends = ExitStack()
        self.namespaces = [f"chaos-{secrets.token_hex(3)}"]
        self.pod_template: Json | None = None

    @property
    def weights(self) -> Mapping[What, float]:
        """How often each disturbance is done here."""
        if self._restarts:
            return plan.MACHINE_WEIGHTS
        if self._is_local:
            return plan.POD_WEIGHTS
        needs_processes = {What.RUNNER_KILL, What.HANDLER_KILL, What.OPERATOR_STOP}
        return {what: weight for what, weight in plan.POD_WEIGHTS.items() if what not in needs_processes}

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
        kubectl = Kubectl(self._kubeconfig)
        proxy = self._ends.enter_context(kubectl.stream("proxy", "--port=0"))
        self._ends.callback(proxy.terminate)
        assert proxy.stdout is not None
        line = proxy.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"kubectl proxy said {line!r}"
        url = f"http://127.0.0.1:{found[1]}"
        self.api = self._ends.enter_context(closing(Api(url)))
        caller = self._ends.enter_context(closing(ApiClient(url)))
        self._operator = InstalledOperator(caller, kubectl, on_this_machine=self._is_local)
        self._operator.until_ready()
        self._ends.callback(self._operator.refresh)
        (namespace,) = self.namespaces
        body = {"metadata": {"name": namespace, "labels": dict([LABEL])}}
        self.api.create("/api/v1/namespaces", body)
        self._ends.callback(lambda: self.api("DELETE", f"/api/v1/namespaces/{namespace}"))
        self._let_handlers_dispatch()
        self._bring_handlers_and_ledger()

    def _core(self, plural: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespaces[0]}/{plural}" + (f"/{name}" if name else "")

    def _let_handlers_dispatch(self) -> None:
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespaces[0]}"
        rule = {"apiGroups": [protocol.GROUP], "resources": [protocol.PLURAL], "verbs": VERBS}
        self.api.create(f"{rbac}/roles", {"metadata": {"name": "dispatching"}, "rules": [rule]})
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": self.namespaces[0]}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dispatching"}
        self.api.create(
            f"{rbac}/rolebindings",
            {"metadata": {"name": "dispatching"}, "roleRef": role, "subjects": [subject]},
        )

    def _bring_handlers_and_ledger(self) -> None:
        eventually(lambda: self.api("GET", self._core("serviceaccounts", "default")).status, _is_ok, 30)
        files = [*HANDLERS.glob("*.py"), Path(__file__).with_name("ledger.py")]
        source = {path.name: path.read_text("utf-8") for path in files}
        self.api.create(self._core("configmaps"), {"metadata": {"name": "handlers"}, "data": source})
        settings = self.api("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}").body["data"]
        image = json.loads(next(iter(settings.values())))["runner"]["image"]
        mount = {"name": "handlers", "mountPath": WORKING_DIRECTORY, "readOnly": True}
        volume = {"name": "handlers", "configMap": {"name": "handlers"}}
        container = {
            "name": "ledger",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", f"{WORKING_DIRECTORY}/ledger.py", str(LEDGER_PORT)],
            "volumeMounts": [mount],
        }
        spec = {"containers": [container], "volumes": [volume], "enableServiceLinks": False}
        self.api.create(self._core("pods"), {"metadata": {"name": "ledger"}, "spec": spec})
        address = eventually(self._ledger_address, bool, READY_SECONDS)
        variable = {"name": "CHAOS_LEDGER", "value": f"http://{address}:{LEDGER_PORT}"}
        runner = {"name": protocol.CONTAINER_NAME, "volumeMounts": [mount], "env": [variable]}
        self.pod_template = {"spec": {"containers": [runner], "volumes": [volume]}}
        eventually(lambda: self.api.once("GET", f"{self._ledger}/healthz").status, _is_ok, READY_SECONDS)

    @property
    def _ledger(self) -> str:
        return f"{self._core('pods', f'ledger:{LEDGER_PORT}')}/proxy"

    def _ledger_address(self) -> str:
        status = self.api("GET", self._core("pods", "ledger")).body["status"]
        return str(status.get("podIP") or "") if status.get("phase") == "Running" else ""

    def entries(self) -> bytes:
        """Give the ledger's entries, one a line."""
        answer = self.api("GET", f"{self._ledger}/?from=0")
        assert answer.status == OK, answer
        body: bytes = answer.body
        return body

    def faults(self) -> list[str]:
        """Say what went wrong with the stage itself: nothing that is not raised."""
        return []

    def be_calm(self) -> None:
        """Wait until the operator is there again."""
        self._operator.until_ready()

    # --- disturbances ------------------------------------------------------------------------------------------

    def disturb(self, what: What, dice: random.Random) -> str | None:
        """Do it; gives the pod it was done to (empty: it was no pod), None where nothing was there to do it to."""
        deeds: dict[What, Callable[[], None]] = {
            What.OPERATOR_KILL: lambda: _ignore(self._operator.kill_and_replace()),
            What.OPERATOR_STOP: lambda: self._pause_operator(dice.uniform(1, 8)),
            What.API_SERVER_RESTART: lambda: self._restart("kube-apiserver", dice.uniform(0, 4)),
            What.ETCD_RESTART: lambda: self._restart("etcd", dice.uniform(0, 2)),
        }
        if what in deeds:
            deeds[what]()
            return ""
        pods = self._running_pods()
        if not pods:
            return None
        pod = dice.choice(pods)
        name = str(pod["metadata"]["name"])
        return name if self._disturb_pod(what, pod, name) else None

    def _running_pods(self) -> list[Json]:
        selector = f"labelSelector={protocol.LABEL_MANAGED_BY}%3D{protocol.MANAGED_BY}"
        items = self.api.items(f"{self._core('pods')}?{selector}")
        return [item for item in items if item["status"].get("phase") == "Running"]

    def _disturb_pod(self, what: What, pod: Json, name: str) -> bool:
        if what is What.EVICT:
            meta = {"name": name, "namespace": self.namespaces[0]}
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
            return self.api("POST", f"{self._core('pods', name)}/eviction", body).status == CREATED
        if what in {What.RUNNER_KILL, What.HANDLER_KILL}:
            return _kill(pod, with_parent=what is What.RUNNER_KILL)
        grace: Json = {"gracePeriodSeconds": 0} if what is What.POD_FORCE_DELETE else {}
        with suppress(TimeoutError):
            return self.api("DELETE", self._core("pods", name), grace).status < SUCCESS_BELOW
        return True

    def _pause_operator(self, seconds: float) -> None:
        pids = processes_of(self._operator.until_ready())
        try:
            _signal(pids, signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            _signal(pids, signal.SIGCONT)

    def _restart(self, part: str, seconds: float) -> None:
        """Be without a part for some seconds. The cluster's lock keeps others from healing it meanwhile."""
        cluster = FullCluster()
        with locked("full"):
            cluster.stop(part)
            try:
                time.sleep(seconds)
            finally:
                cluster.start(part)
        with suppress(*AWAY):
            self.api.once("GET", "/readyz")


def _is_ok(status: int) -> bool:
    return status == OK


def _ignore(_: object) -> None:
    """Take a value that is not needed."""


def processes_of(pod: Json) -> list[int]:
    """Find the processes of a pod's first container on this machine, by their control groups; its parent first."""
    container = pod["status"]["containerStatuses"][0].get("containerID", "").rpartition("/")[2]
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        with suppress(OSError):
            if container and container in file.read_text():
                found.append(int(file.parent.name))
    return sorted(found)


def _kill(pod: Json, *, with_parent: bool) -> bool:
    pids = processes_of(pod)
    _signal(pids if with_parent else pids[1:], signal.SIGKILL)
    return len(pids) > (0 if with_parent else 1)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
