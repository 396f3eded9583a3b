"""What the operator keeps of tasks, Jobs and pods: small frozen values, cut out of the API's objects.

Payloads, results and tracebacks are left out, and histories are kept as text, so that ten thousand waiting tasks stay
small. A record remembers the resource version that it was read at: writes are conditional on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NewType

from evertask.api import protocol
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

TaskUid = NewType("TaskUid", str)
Json = dict[str, Any]

_SPEC_LEFT_OUT = frozenset({"payload"})
_STATUS_LEFT_OUT = frozenset({"result", "history"})
_ERROR_LEFT_OUT = frozenset({"traceback", "logTail"})
"""Up to 10 KiB for a person to read; no decision looks at them."""
EPOCH = datetime.fromtimestamp(0, UTC)


class TaskKey(NamedTuple):
    """Names one task for the work queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One EverTask."""

    key: TaskKey
    uid: TaskUid
    version: int
    generation: int
    created: datetime
    deleting: bool
    spec: Json
    status: Json
    payload_bytes: int = 0
    """Size of the payload as JSON; the payload itself is not kept."""
    history: bytes = field(default=b"", repr=False)
    """``status.history`` as compact JSON, which is read only when a run is folded; empty when there is none."""

    @property
    def history_entries(self) -> list[Json]:
        """The past runs, newest first: a new list at each call."""
        entries: list[Json] = json.loads(self.history) if self.history else []
        return entries

    @property
    def state(self) -> protocol.State:
        """The state; Pending while there is none."""
        return protocol.State(self.status.get("state") or protocol.State.PENDING)

    @property
    def finished(self) -> bool:
        """Whether the state is terminal."""
        return self.state in protocol.TERMINAL_STATES

    @property
    def open_runs(self) -> dict[str, Json]:
        """Runs without an outcome, by run id."""
        runs: dict[str, Json] = self.status.get("runs") or {}
        return {run_id: run for run_id, run in runs.items() if run["phase"] in protocol.OPEN_PHASES}


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One Job of ours."""

    namespace: str
    name: str
    uid: str
    version: int
    task_uid: TaskUid
    task_name: str
    run_id: str
    launch: int
    created: datetime
    deleting: bool
    template: str
    complete: bool
    failed_reason: str = ""
    failed_message: str = ""
    gone: bool = False
    """The Job was deleted while its run was open, and not by us: remembered, since it means something."""


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One pod of a Job of ours."""

    namespace: str
    name: str
    uid: str
    version: int
    task_uid: TaskUid
    task_name: str
    run_id: str
    launch: int
    phase: str
    reason: str
    message: str
    delete_by: datetime | None
    """The deletionTimestamp: when the pod should be gone at the latest."""
    disruption: str
    """Reason of the DisruptionTarget condition, empty when there is none."""
    unschedulable: str
    """Message of a failing PodScheduled condition."""
    waiting_reason: str
    waiting_message: str
    exit_code: int | None
    exit_reason: str
    runner_ended: bool
    """The handler's container runs no more; others may, beside it."""
    termination_message: str = field(repr=False)

    @property
    def ended(self) -> bool:
        """Whether no container of the pod runs any more."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def over_for_the_run(self) -> bool:
        """Whether the pod can do nothing more for its run."""
        return self.ended or self.runner_ended


def version_of(raw: Mapping[str, Any]) -> int:
    """Give the resource version as a number: newer is greater on one object and kind."""
    return int(raw["metadata"]["resourceVersion"])


def read_task(raw: Mapping[str, Any]) -> TaskRecord:
    """Cut a record out of an EverTask."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    return TaskRecord(
        key=TaskKey(meta["namespace"], meta["name"]),
        uid=TaskUid(meta["uid"]),
        version=version_of(raw),
        generation=meta.get("generation", 0),
        created=parse_time(meta["creationTimestamp"]),
        deleting="deletionTimestamp" in meta,
        spec=_without(_SPEC_LEFT_OUT, spec),
        status=_read_status(status),
        payload_bytes=len(_compact_json(spec.get("payload"))),
        history=_compact_json(status.get("history")),
    )


def _read_status(status: Mapping[str, Any]) -> Json:
    kept = _without(_STATUS_LEFT_OUT, status)
    if isinstance(error := kept.get("error"), dict):
        kept["error"] = _without(_ERROR_LEFT_OUT, error)
    return kept


def _without(fields: frozenset[str], document: Mapping[str, Any]) -> Json:
    return {k: v for k, v in document.items() if k not in fields}


def _compact_json(value: Any) -> bytes:
    """Write a value as JSON; nothing for none or an empty one."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() if value else b""


def _identity(raw: Mapping[str, Any]) -> tuple[TaskUid, str, str, int] | None:
    """Read whose a Job or pod is; None when its labels are not those of a launch."""
    meta = raw["metadata"]
    labels = meta.get("labels") or {}
    launch = labels.get(protocol.LABEL_LAUNCH, "")
    if protocol.LABEL_TASK_UID not in labels or protocol.LABEL_RUN not in labels or not launch.isdecimal():
        return None
    name = (meta.get("annotations") or {}).get(protocol.ANNOTATION_TASK_NAME, "")
    return TaskUid(labels[protocol.LABEL_TASK_UID]), name, labels[protocol.LABEL_RUN], int(launch)


def read_job(raw: Mapping[str, Any]) -> JobRecord | None:
    """Cut a record out of a Job; None when it is not one of ours."""
    identity = _identity(raw)
    if identity is None:
        return None
    meta = raw["metadata"]
    conditions = {
        c["type"]: c for c in (raw.get("status") or {}).get("conditions") or () if c["status"] == "True"
    }
    failed = conditions.get("Failed") or conditions.get("FailureTarget") or {}
    task_uid, task_name, run_id, launch = identity
    return JobRecord(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=version_of(raw),
        task_uid=task_uid,
        task_name=task_name,
        run_id=run_id,
        launch=launch,
        created=parse_time(meta["creationTimestamp"]),
        deleting="deletionTimestamp" in meta,
        template=(meta.get("annotations") or {}).get(protocol.ANNOTATION_TEMPLATE, ""),
        complete="Complete" in conditions or "SuccessCriteriaMet" in conditions,
        failed_reason=failed.get("reason", "Failed") if failed else "",
        failed_message=failed.get("message", ""),
    )


def _container(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of the handler's container; of an init container that is stuck, if one is."""
    for init in status.get("initContainerStatuses") or ():
        state: Json = init.get("state") or {}
        if "waiting" in state or (state.get("terminated") or {}).get("exitCode"):
            return state
    return _runner(status)


def _runner(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        if container["name"] == protocol.CONTAINER_NAME:
            return container.get("state") or {}
    return {}


def read_pod(raw: Mapping[str, Any]) -> PodRecord | None:
    """Cut a record out of a pod; None when it is not one of ours."""
    identity = _identity(raw)
    if identity is None:
        return None
    meta, status = raw["metadata"], raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    disruption = conditions.get("DisruptionTarget") or {}
    scheduled = conditions.get("PodScheduled") or {}
    state, runner = _container(status), _runner(status)
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    task_uid, task_name, run_id, launch = identity
    return PodRecord(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=version_of(raw),
        task_uid=task_uid,
        task_name=task_name,
        run_id=run_id,
        launch=launch,
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        delete_by=parse_time(meta["deletionTimestamp"]) if "deletionTimestamp" in meta else None,
        disruption=disruption.get("reason", "") if disruption.get("status") == "True" else "",
        unschedulable=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        exit_code=terminated.get("exitCode"),
        exit_reason=terminated.get("reason", ""),
        runner_ended="terminated" in runner,
        termination_message=terminated.get("message", ""),
    )
