"""A task as it was at one moment, read from its object. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  (dataclass fields keep their types readable at run time)
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from evertask.api.audit import AuditLevel, level_of
from evertask.api.protocol import DEFAULT_QUEUE, LABEL_TASK_ID, TERMINAL_STATES, State
from evertask.api.times import parse_time
from evertask.run_views import FailedAttempt, RunView, read_runs
from evertask.view_parts import (
    CallbackError,
    Condition,
    Counts,
    ParentRef,
    PastRun,
    Progress,
    TaskError,
    Transition,
    read_callback_errors,
    read_conditions,
    read_counts,
    read_error,
    read_parent,
    read_past_run,
    read_time,
    read_transitions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CallbackError",
    "CancelOutcome",
    "Condition",
    "Counts",
    "FailedAttempt",
    "Page",
    "ParentRef",
    "PastRun",
    "Progress",
    "RunView",
    "TaskError",
    "TaskEvent",
    "TaskView",
    "Transition",
    "view_of",
]


class CancelOutcome(StrEnum):
    """What a call of ``cancel`` found, and did."""

    REQUESTED = "Requested"
    """The wish stands in the object. A task that has not started never starts; in one that runs the handler's
    token fires, and after its grace period it is killed. The state becomes Cancelled when nothing runs any
    more, or Completed if the handler returns before."""
    CANCELLED = "Cancelled"
    """It was cancelled already; nothing was changed."""
    ALREADY_FINISHED = "AlreadyFinished"
    """It has completed or failed; nothing was changed."""
    NOT_FOUND = "NotFound"
    """There is no such task (any more)."""


@dataclass(frozen=True)
class TaskView:
    """A task as it was when it was read; it does not follow the task."""

    id: UUID | None
    """The id that ``dispatch`` returned; None for a task that was made by other means."""
    uid: str
    """In the cluster: another one when a task is deleted and made again."""
    name: str
    namespace: str
    handler: str
    queue: str
    """``default`` where the task names none."""
    task_key: str | None
    state: State
    """Pending until the operator has seen the task."""
    message: str | None
    """One sentence about the state."""
    result: Any
    """What the handler returned, as JSON; None where there is no result."""
    error: TaskError | None
    created: datetime
    """By the API server's clock, cut to the second. All times are in UTC."""
    next_run_time: datetime | None
    """When the next run starts; None where none is planned."""
    last_run_time: datetime | None
    """When the handler last started, in any run."""
    scheduled_time: datetime | None
    """The nominal time of the newest run."""
    start_time: datetime | None
    """When the handler of the newest run first started."""
    end_time: datetime | None
    """When the newest run reported its outcome, or else when the task ended."""
    attempt: int | None
    """The newest attempt of the newest run that has begun, from 1."""
    failed_attempts: int
    """Attempts of the newest run that failed and were, or will be, followed by another."""
    failures: tuple[FailedAttempt, ...]
    """The newest of these, newest first, at most 8."""
    next_attempt_time: datetime | None
    """When the next attempt of the newest run begins; None while none is waited for."""
    runs: tuple[RunView, ...]
    """The runs that are open, newest first; of a finished one-shot its last run."""
    progress: Progress | None
    """Of the newest run."""
    callback_errors: tuple[CallbackError, ...]
    """Of the newest run."""
    children: tuple[str, ...]
    """Names of the tasks that the newest run dispatched: the first 32. ``Dispatcher.children`` finds all."""
    children_count: int
    """How many these are, as far as its runner could report."""
    parent: ParentRef | None
    """The task whose run dispatched this one; None where none did."""
    incarnation: int
    """How often the task was armed anew, from 0."""
    is_suspended: bool
    """It is not started while it is suspended; a run that has started goes on."""
    schedule: str | None
    """Of a series, in words; None until the operator has seen it."""
    counts: Counts
    """All zero until a first run is over."""
    audit_level: AuditLevel
    """How much of the past is kept in the next two."""
    history: tuple[PastRun, ...]
    """The newest runs of a series that are over, newest first."""
    transitions: tuple[Transition, ...]
    """Changes of the state, newest first. What a run's own pod reports is added with its outcome."""
    conditions: tuple[Condition, ...]
    is_finished: bool
    """Completed, Failed or Cancelled, and not to be started again."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    """The whole object, as the API server gave it."""


@dataclass(frozen=True)
class Page:
    """A part of what a query found, in the order of the names."""

    items: tuple[TaskView, ...]
    continue_token: str | None
    """Gives the next page to the same query; it stays valid for as long as you keep it. None: there is no more."""


@dataclass(frozen=True)
class TaskEvent:
    """Something that happened to a task that is watched."""

    kind: Literal["added", "changed", "removed"]
    """``added`` is also what was there at the beginning; ``removed`` what was deleted, or is not selected any more."""
    view: TaskView
    """The task from then on; of a removed one, the last that was seen of it."""


def _task_id(metadata: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID((metadata.get("labels") or {})[LABEL_TASK_ID])
    except (KeyError, ValueError):  # made by hand
        return None


def _of_runs(status: Mapping[str, Any]) -> dict[str, Any]:
    """Read the runs, and what the newest of them says about the task."""
    runs = read_runs(status.get("runs"))
    newest = runs[0] if runs else None
    run = status["runs"][newest.run] if newest else {}
    children = tuple(run.get("children") or ())
    return {
        "runs": runs,
        "scheduled_time": newest.scheduled_time if newest else read_time(status.get("lastScheduledTime")),
        "start_time": newest.start_time if newest else None,
        "end_time": (newest.end_time if newest else None) or read_time(status.get("finishTime")),
        "attempt": newest.attempt if newest else None,
        "failed_attempts": newest.failed_attempts if newest else 0,
        "failures": newest.failures if newest else (),
        "next_attempt_time": newest.next_attempt_time if newest else None,
        "progress": newest.progress if newest else None,
        "callback_errors": read_callback_errors(run.get("callbackErrors")),
        "children": children,
        "children_count": run.get("childrenCount") or len(children),
    }


def view_of(task: Mapping[str, Any]) -> TaskView:
    """Read an EverTask object."""
    metadata, spec, status = task["metadata"], task["spec"], task.get("status") or {}
    state = State(status.get("state") or State.PENDING)
    incarnation = spec.get("incarnation") or 0
    return TaskView(
        id=_task_id(metadata),
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        handler=spec["handler"],
        queue=spec.get("queue") or DEFAULT_QUEUE,
        task_key=spec.get("taskKey"),
        state=state,
        message=status.get("message"),
        result=status.get("result"),
        error=read_error(status.get("error")),
        created=parse_time(metadata["creationTimestamp"]),
        next_run_time=read_time(status.get("nextRunTime")),
        last_run_time=read_time(status.get("lastRunTime")),
        parent=read_parent(metadata),
        incarnation=incarnation,
        is_suspended=bool(spec.get("suspend")),
        schedule=status.get("schedule"),
        counts=read_counts(status.get("counts") or {}),
        audit_level=level_of(spec),
        history=tuple(read_past_run(entry) for entry in status.get("history") or ()),
        transitions=read_transitions(status.get("transitions")),
        conditions=read_conditions(status.get("conditions")),
        is_finished=state in TERMINAL_STATES and incarnation <= (status.get("incarnation") or 0),
        raw=task,
        **_of_runs(status),
    )
