"""Jobs and pods of ours, told by their labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.times import parse_time
from evertask_operator.records.tasks import TaskUid, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]


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
    unready_since: datetime | None
    """Of a pod that is to go: since when it is not ready. A node that does not answer makes its pods so."""
    unschedulable: str
    """Message of a failing PodScheduled condition."""
    waiting_reason: str
    waiting_message: str
    init_running: str
    """Name of the init container that runs, before the handler's can be started; empty when there is none."""
    init_failed: str
    """Name of the init container that has failed; what follows is of it then."""
    exit_code: int | None
    exit_reason: str
    runner_ended: bool
    """The handler's container runs no more; others may, beside it."""
    termination_message: str = field(repr=False)
    owned: bool = True
    """Something owns the pod: it goes with that."""

    @property
    def ended(self) -> bool:
        """Whether no container of the pod runs any more."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def over_for_the_run(self) -> bool:
        """Whether the pod can do nothing more for its run."""
        return self.ended or self.runner_ended


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


def _transition(condition: Mapping[str, Any]) -> datetime | None:
    """When a condition last changed its value."""
    text = condition.get("lastTransitionTime")
    return parse_time(text) if text else None


def _inits(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The init containers, as long as they matter: until the handler's container was started.

    What happens to a sidecar afterwards tells nothing of the run.
    """
    runner = _runner(status)
    if "running" in runner or "terminated" in runner:
        return []
    return list(status.get("initContainerStatuses") or ())


def _stuck_init(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The init container that waits for something, or has failed; empty when there is none."""
    for init in _inits(status):
        state: Json = init.get("state") or {}
        if "waiting" in state or (state.get("terminated") or {}).get("exitCode"):
            return init
    return {}


def _running_init(raw: Mapping[str, Any]) -> str:
    """Name of the init container that the pod waits for; a sidecar that was started is none."""
    specs = (raw.get("spec") or {}).get("initContainers") or ()
    sidecars = {spec["name"] for spec in specs if spec.get("restartPolicy") == "Always"}
    return next(
        (
            str(init["name"])
            for init in _inits(raw.get("status") or {})
            if "running" in (init.get("state") or {})
            and not (init["name"] in sidecars and init.get("started"))
        ),
        "",
    )


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
    runner, stuck = _runner(status), _stuck_init(status)
    state = stuck.get("state") or runner
    ready = conditions.get("Ready") or {}
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
        unready_since=_transition(ready)
        if "deletionTimestamp" in meta and ready.get("status") == "False"
        else None,
        unschedulable=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        init_running=_running_init(raw),
        init_failed=str(stuck.get("name", "")) if terminated and stuck else "",
        exit_code=terminated.get("exitCode"),
        exit_reason=terminated.get("reason", ""),
        runner_ended="terminated" in runner,
        termination_message=terminated.get("message", ""),
        owned=bool(meta.get("ownerReferences")),
    )
