"""Kubelet and runner in one thread: plays the pods of a namespace on a control plane that runs none.

The Job controller makes real pods; nobody runs them. This thread claims their runs, commits outcomes and reports their
ends with the very patches of the runner, as the administrator.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.outcomes import Outcome, apply_outcome, is_one_shot, make_error
from evertask.api.protocol import Phase
from evertask.api.times import format_time
from evertask_runner.patches import Holder, claim_patch, give_back_patch, outcome_patch
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tests.support.api_client import ApiClient

Json = dict[str, Any]

PAUSE_SECONDS = 0.05
OK = 200


def now() -> str:
    """Write the time now."""
    return format_time(datetime.now(UTC))


class SimulatedPod:
    """One pod, and what its kubelet and its runner do."""

    def __init__(self, client: ApiClient, raw: Json) -> None:
        """Wrap a pod as the API server gave it."""
        labels = raw["metadata"]["labels"]
        self.client = client
        self.raw = raw
        self.name: str = raw["metadata"]["name"]
        self.namespace: str = raw["metadata"]["namespace"]
        self.task: str = raw["metadata"]["annotations"][protocol.ANNOTATION_TASK_NAME]
        self.launch = int(labels[protocol.LABEL_LAUNCH])
        self.holder = Holder(
            labels[protocol.LABEL_TASK_UID], labels[protocol.LABEL_RUN], self.launch, self.name
        )
        self._status_path = tasks_path(self.namespace, self.task, "status")

    def claim(self) -> bool:
        """Write 4; tells whether this pod was let in."""
        answer = self.client.patch(self._status_path, claim_patch(self.holder, now()))
        if answer.status == OK:
            self.report(phase="Running", state={"running": {"startedAt": now()}})
        return answer.status == OK

    def commit(self, phase: Phase = Phase.SUCCEEDED, result: Any = None, error: str | None = None) -> bool:
        """Write 6; tells whether it was taken."""
        read = self.client.patch(self._status_path, [])
        if read.status != OK:
            return False
        attempt = read.body["status"]["runs"][self.holder.run].get("failedAttempts", 0) + 1
        made = make_error("ValueError", error, time=now(), attempt=attempt) if error else None
        outcome = Outcome(phase, now(), result, made, attempt)
        change = apply_outcome(
            read.body["status"], self.holder.run, outcome, one_shot=is_one_shot(read.body["spec"])
        )
        patch = outcome_patch(self.holder, change, progress=None, only_if_cancelled=phase is Phase.CANCELLED)
        return self.client.patch(self._status_path, patch).status == OK

    def give_back(self, delay_seconds: float, attempt: int = 1) -> bool:
        """Write 9: an attempt has failed, the next is so far off; tells whether it was taken."""
        due = format_time(datetime.now(UTC) + timedelta(seconds=delay_seconds))
        failure = {"attempt": attempt, "time": now(), "type": "ValueError", "message": "no", "delay": "1s"}
        fields = {"failedAttempts": attempt, "failures": [failure], "nextAttemptTime": due}
        patch = give_back_patch(self.holder, fields, f"attempt {attempt} failed; the next at {due}")
        return self.client.patch(self._status_path, patch).status == OK

    def end(self, exit_code: int = 0, message: str = "", reason: str = "", *, disruption: str = "") -> None:
        """End the container and the pod."""
        terminated = {
            "exitCode": exit_code,
            "message": message,
            "reason": reason or ("Error" if exit_code else "Completed"),
        }
        conditions = []
        if disruption:
            conditions.append({"type": "DisruptionTarget", "status": "True", "reason": disruption})
        phase = "Failed" if exit_code else "Succeeded"
        self.report(phase=phase, state={"terminated": terminated}, conditions=conditions)

    def wait_for(self, reason: str, message: str = "") -> None:
        """Keep the container waiting for a reason."""
        self.report(phase="Pending", state={"waiting": {"reason": reason, "message": message}})

    def report(self, *, phase: str, state: Json, conditions: list[Json] | None = None) -> None:
        """Report the pod's status as a kubelet does."""
        container = {
            "name": protocol.CONTAINER_NAME,
            "image": "runner",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": state,
        }
        status = {"phase": phase, "containerStatuses": [container], "conditions": conditions or []}
        self.client.patch(f"{pods_path(self.namespace)}/{self.name}/status", {"status": status})


def pods_path(namespace: str) -> str:
    """Give the path of a namespace's pods."""
    return f"/api/v1/namespaces/{namespace}/pods"


def succeed(pod: SimulatedPod) -> None:
    """Claim, succeed, end: what most pods do."""
    if pod.claim():
        pod.commit(result={"launch": pod.launch})
    pod.end()


def hold(pod: SimulatedPod) -> None:
    """Claim, and run for ever."""
    pod.claim()


class SimulatedPods:
    """Plays every new pod of a namespace once, for the length of the block."""

    def __init__(
        self, client: ApiClient, namespace: str, play: Callable[[SimulatedPod], None] = succeed
    ) -> None:
        """Say what pods do: ``play`` is called once for each, by one thread."""
        self.play = play
        self.played: list[SimulatedPod] = []
        self._client = client
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pods", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        seen: set[str] = set()
        try:
            while not self._stop.wait(PAUSE_SECONDS):
                answer = self._client("GET", pods_path(self._namespace))
                for raw in answer.body["items"]:
                    ours = protocol.LABEL_TASK_UID in (raw["metadata"].get("labels") or {})
                    if ours and raw["metadata"]["uid"] not in seen:
                        seen.add(raw["metadata"]["uid"])
                        self.played.append(pod := SimulatedPod(self._client, raw))
                        self.play(pod)
        except BaseException as error:  # noqa: BLE001  (raised again at the end of the block)
            self._failure = error
