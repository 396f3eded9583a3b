"""Builders of what the operator decides on: a task, its Jobs and pods, the time.

    decide(make_task().delay("5m").suspended().at(minutes=1))

A task was created at ``CREATED`` and is looked at then, unless ``at`` says how much later. Builders are values: each
method gives another one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api.audit import AuditLevel, level_of
from evertask.api.protocol import (
    MAX_TRANSITIONS,
    TRANSITIONS_BYTES,
    Condition,
    Phase,
    State,
    job_name,
    scheduled_run_id,
)
from evertask.api.times import format_time, parse_time
from evertask_operator.decisions.merging import merged as merge_patch
from evertask_operator.decisions.situation import Situation
from evertask_operator.records import JobRecord, Parent, PodRecord, TaskKey, TaskRecord, TaskUid, read_task
from evertask_operator.resources.jobs import template_digest
from evertask_operator.settings import Settings

if TYPE_CHECKING:
    from evertask_operator.decisions.plans import Plan
    from evertask_operator.decisions.situation import Diagnosis

Json = dict[str, Any]

CREATED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
UID = TaskUid("6f1f7f3e-52f6-4f0b-9f3d-0c9f3f0f4a11")
RUN = scheduled_run_id(int(CREATED.timestamp()))
"""Id of the run of a task that is due at its creation."""


def instant(**later: float) -> str:
    """Write an instant, ``later`` than the creation."""
    return format_time(CREATED + timedelta(**later))


@dataclass(frozen=True)
class TaskBuilder:
    """A task in some state, and what is around it."""

    key: TaskKey = field(default_factory=lambda: TaskKey("shop", "report"))
    spec: Json = field(default_factory=lambda: {"handler": "shop.reports:daily"})
    status: Json = field(default_factory=dict)
    generation: int = 1
    deleting: bool = False
    parent: Parent | None = None
    around: Json = field(default_factory=lambda: {"now": CREATED, "settings": Settings()})

    # --- the spec ------------------------------------------------------------------------------------------

    def with_spec(self, **fields: Any) -> TaskBuilder:
        """Set fields of the spec, by their names on the wire; None removes one."""
        spec = {k: v for k, v in {**self.spec, **fields}.items() if v is not None}
        return replace(self, spec=spec)

    def edited(self, **fields: Any) -> TaskBuilder:
        """Edit the spec after the operator has looked at it: the generation grows."""
        return replace(self.with_spec(**fields), generation=self.generation + 1)

    def delay(self, text: str) -> TaskBuilder:
        """Delay the run."""
        return self.with_spec(delay=text)

    def run_at(self, **later: float) -> TaskBuilder:
        """Run at an instant, relative to the creation."""
        return self.with_spec(runAt=instant(**later))

    def suspended(self) -> TaskBuilder:
        """Suspend it."""
        return self.with_spec(suspend=True)

    def cancelled(self) -> TaskBuilder:
        """Ask for its cancellation."""
        return self.edited(cancel=True)

    def dispatched_in(self, run_id: str = RUN, uid: str = "parent") -> TaskBuilder:
        """Let it be the child of a run."""
        return replace(self, parent=Parent(TaskUid(uid), run_id))

    # --- the status ----------------------------------------------------------------------------------------

    def with_status(self, **fields: Any) -> TaskBuilder:
        """Set fields of the status as a merge patch does."""
        return replace(self, status=merge_patch(self.status, fields))

    def launched(self, launch: int = 1, *, run_id: str = RUN, **fields: Any) -> TaskBuilder:
        """Open a run that nobody has claimed yet."""
        run = {
            "scheduledTime": instant(),
            "launch": launch,
            "phase": str(Phase.LAUNCHING),
            "launchTime": instant(),
            **fields,
        }
        return self.with_status(
            observedGeneration=self.generation,
            incarnation=self.spec.get("incarnation", 0),
            state=str(State.QUEUED),
            job=job_name(UID, run_id, launch),
            launches=launch,
            lastScheduledTime=instant(),
            runs={run_id: run},
        )

    def claimed(self, launch: int = 1, **fields: Any) -> TaskBuilder:
        """Open a run and let its pod in."""
        claim = {
            "phase": str(Phase.RUNNING),
            "podName": pod_name(launch),
            "startTime": instant(),
            "attempt": 1,
        }
        return self.launched(launch, **{**claim, **fields}).with_status(state=str(State.IN_PROGRESS))

    def in_backoff(
        self, launch: int = 1, *, attempt: int = 1, delay: float = 60, **fields: Any
    ) -> TaskBuilder:
        """Let an attempt fail at the creation, and its pod give the run back."""
        failure = {"attempt": attempt, "time": instant(), "type": "ValueError", "message": "no"}
        backoff = {
            "phase": str(Phase.BACKOFF),
            "failedAttempts": attempt,
            "failures": [failure],
            "nextAttemptTime": instant(seconds=delay),
            **fields,
        }
        message = f"attempt {attempt} of 4 failed: ValueError: no; the next at {instant(seconds=delay)}"
        return self.launched(launch, **backoff).with_status(state=str(State.IN_PROGRESS), message=message)

    def finished(self, state: State = State.COMPLETED, **later: float) -> TaskBuilder:
        """End the task, ``later`` than the creation."""
        return self.claimed().with_status(
            state=str(state), finishTime=instant(**later), runs={RUN: {"phase": str(Phase.SUCCEEDED)}}
        )

    def condition(self, type_: Condition, value: str, reason: str = "Because") -> TaskBuilder:
        """Add a condition."""
        made = {
            "type": str(type_),
            "status": value,
            "reason": reason,
            "message": "",
            "lastTransitionTime": instant(),
            "observedGeneration": self.generation,
        }
        return self.with_status(conditions=[*self.status.get("conditions", []), made])

    # --- what is around it ---------------------------------------------------------------------------------

    def at(self, **later: float) -> TaskBuilder:
        """Look at it later than its creation."""
        return self.knowing(now=CREATED + timedelta(**later))

    def knowing(self, **fields: Any) -> TaskBuilder:
        """Set any other field of the situation (verified, refusal, postponement, diagnosis, room, settings)."""
        return replace(self, around={**self.around, **fields})

    def with_job(self, launch: int = 1, *, run_id: str = RUN, **fields: Any) -> TaskBuilder:
        """Add a Job, made from the spec as it is."""
        made = make_job(launch, run_id=run_id, **{"template": template_digest(self.spec), **fields})
        return self.knowing(jobs=(*self.around.get("jobs", ()), made))

    def with_pod(self, launch: int = 1, *, run_id: str = RUN, **fields: Any) -> TaskBuilder:
        """Add a pod; it runs unless its fields say otherwise."""
        return self.knowing(pods=(*self.around.get("pods", ()), make_pod(launch, run_id=run_id, **fields)))

    def diagnosed(self, diagnosis: Diagnosis) -> TaskBuilder:
        """Say what the events of its pod say."""
        return self.knowing(diagnosis=diagnosis)

    # --- the end -------------------------------------------------------------------------------------------

    def record(self) -> TaskRecord:
        """Give the record of the task."""
        made = make_record(self.spec, self.status, key=self.key, generation=self.generation)
        return replace(made, version=100, deleting=self.deleting, parent=self.parent)

    def situation(self) -> Situation:
        """Give all that a decision looks at."""
        return Situation(task=self.record(), **self.around)


def make_task(**spec: Any) -> TaskBuilder:
    """Begin with a task that is due at once and was never looked at."""
    return TaskBuilder().with_spec(**spec)


def make_record(spec: Json, status: Json, *, key: TaskKey | None = None, generation: int = 1) -> TaskRecord:
    """Make the record of a task that was created at ``CREATED``, as it is read from the API server."""
    meta = {
        "namespace": key.namespace if key else "shop",
        "name": key.name if key else "report",
        "uid": UID,
        "resourceVersion": "1",
        "generation": generation,
        "creationTimestamp": instant(),
    }
    return read_task({"metadata": meta, "spec": spec, "status": status})


def assert_transitions_hold(spec: Json, before: Json, after: Json) -> None:
    """Check what holds for ``status.transitions`` at each write: bounds, order, the newest entry, the level."""
    old, new, level = before.get("transitions") or [], after.get("transitions") or [], level_of(spec)
    assert len(new) <= MAX_TRANSITIONS
    assert len(json.dumps(new, ensure_ascii=False, separators=(",", ":")).encode()) <= TRANSITIONS_BYTES
    times = [parse_time(entry["time"]) for entry in new]
    assert times == sorted(times, reverse=True), "newest first"
    if level is AuditLevel.NONE:
        assert new == old, "nothing is added"
    if level is not AuditLevel.FULL:
        added = new[: next((n for n in range(len(new)) if new[n:] == old[: len(new) - n]), len(new))]
        assert all(entry["state"] == State.FAILED for entry in added)
    elif after.get("state") != (before.get("state") or State.PENDING):
        assert new[0]["state"] == after["state"], "the change is noted in the write that makes it"


def relaunches(plan: Plan) -> bool:
    """Tell whether a plan gives an open run a new launch."""
    return plan.opens_run is None and "launches" in (plan.status or {})


def written(plan: Plan) -> Json:
    """Give the change of the status that a plan writes; there must be one."""
    assert plan.status is not None, plan
    return plan.status


def pod_name(launch: int = 1, run_id: str = RUN) -> str:
    """Give the name of the pod of a launch."""
    return f"{job_name(UID, run_id, launch)}-x7k2p"


def make_job(launch: int = 1, *, run_id: str = RUN, **fields: Any) -> JobRecord:
    """Make the record of a Job."""
    return replace(
        JobRecord(
            namespace="shop",
            name=job_name(UID, run_id, launch),
            uid=f"job-{launch}",
            version=200 + launch,
            task_uid=UID,
            task_name="report",
            run_id=run_id,
            launch=launch,
            created=CREATED,
            deleting=False,
            template="",
            complete=False,
        ),
        **fields,
    )


def make_pod(launch: int = 1, *, run_id: str = RUN, **fields: Any) -> PodRecord:
    """Make the record of a running pod."""
    return replace(
        PodRecord(
            namespace="shop",
            name=pod_name(launch, run_id),
            uid=f"pod-{launch}",
            version=300 + launch,
            task_uid=UID,
            task_name="report",
            run_id=run_id,
            launch=launch,
            phase="Running",
            reason="",
            message="",
            delete_by=None,
            disruption="",
            unready_since=None,
            unschedulable="",
            waiting_reason="",
            waiting_message="",
            init_running="",
            init_failed="",
            exit_code=None,
            exit_reason="",
            runner_ended=False,
            termination_message="",
        ),
        **fields,
    )
