"""A task as it was at one moment, read from its object. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime  # noqa: TC003  (dataclass fields keep their types readable at run time)
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evertask.api.protocol import LABEL_TASK_ID, TERMINAL_STATES, State
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping


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
class TaskError:
    """Why a run failed."""

    type: str
    """Class of the handler's exception, or one of EverTask's own error types."""
    message: str = ""
    traceback: str | None = None
    """The innermost frames in the runner."""
    attempt: int | None = None
    """The attempt that failed, from 1."""
    log_tail: str | None = None
    """The end of the pod's log, where the pod died without a word."""


@dataclass(frozen=True)
class Progress:
    """How far the handler said it was."""

    percent: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class Condition:
    """One aspect of the task's situation, such as Accepted or Launched."""

    type: str
    status: str
    """True, False or Unknown."""
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Counts:
    """Totals over the life of a task, its incarnations together."""

    runs: int = 0
    """Runs that reached an outcome other than cancelled: what ``maxRuns`` bounds."""
    succeeded: int = 0
    failed: int = 0
    missed: int = 0
    """Occurrences that were due while nothing could launch them."""
    skipped: int = 0
    """Occurrences left out because the run before was not over, or the task was suspended."""
    cancelled: int = 0


@dataclass(frozen=True)
class PastRun:
    """A run of a series that is over."""

    run: str
    """Its id."""
    scheduled_time: datetime | None
    """The nominal time."""
    start_time: datetime | None
    """When the handler started; None where it did not."""
    end_time: datetime | None
    outcome: str | None
    """Succeeded, Failed or Cancelled."""
    message: str | None
    """About the outcome; None for a plain success."""


@dataclass(frozen=True)
class TaskView:
    """A task as it was when it was read; it does not follow the task."""

    id: UUID | None
    """The id that ``dispatch`` returned; None for a task that was made by other means."""
    name: str
    namespace: str
    handler: str
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
    """When the newest run's pod was let in."""
    end_time: datetime | None
    """When the newest run reported its outcome, or else when the task ended."""
    attempt: int | None
    """The attempt of the newest run, from 1."""
    progress: Progress | None
    """Of the newest run."""
    schedule: str | None
    """Of a series, in words; None until the operator has seen it."""
    counts: Counts
    """All zero until a first run is over."""
    history: tuple[PastRun, ...]
    """The newest runs of a series that are over, newest first."""
    conditions: tuple[Condition, ...]
    is_finished: bool
    """Completed, Failed or Cancelled, and not to be started again."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    """The whole object, as the API server gave it."""


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _task_id(metadata: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID((metadata.get("labels") or {})[LABEL_TASK_ID])
    except (KeyError, ValueError):  # made by hand
        return None


def _newest_run(status: Mapping[str, Any]) -> Mapping[str, Any]:
    runs = (status.get("runs") or {}).values()
    return max(runs, key=lambda run: (parse_time(run["scheduledTime"]), run.get("launch", 0)), default={})


def _error(error: Mapping[str, Any] | None) -> TaskError | None:
    if not error:
        return None
    return TaskError(
        type=error["type"],
        message=error.get("message") or "",
        traceback=error.get("traceback"),
        attempt=error.get("attempt"),
        log_tail=error.get("logTail"),
    )


def _counts(counts: Mapping[str, Any]) -> Counts:
    return Counts(**{each.name: counts.get(each.name) or 0 for each in fields(Counts)})


def _past_run(entry: Mapping[str, Any]) -> PastRun:
    return PastRun(
        run=entry["run"],
        scheduled_time=_time(entry.get("scheduledTime")),
        start_time=_time(entry.get("startTime")),
        end_time=_time(entry.get("endTime")),
        outcome=entry.get("outcome"),
        message=entry.get("message"),
    )


def view_of(task: Mapping[str, Any]) -> TaskView:
    """Read an EverTask object."""
    metadata, spec, status = task["metadata"], task["spec"], task.get("status") or {}
    run = _newest_run(status)
    state = State(status.get("state") or State.PENDING)
    armed_anew = (spec.get("incarnation") or 0) > (status.get("incarnation") or 0)
    progress = run.get("progress")
    return TaskView(
        id=_task_id(metadata),
        name=metadata["name"],
        namespace=metadata["namespace"],
        handler=spec["handler"],
        state=state,
        message=status.get("message"),
        result=status.get("result"),
        error=_error(status.get("error")),
        created=parse_time(metadata["creationTimestamp"]),
        next_run_time=_time(status.get("nextRunTime")),
        last_run_time=_time(status.get("lastRunTime")),
        scheduled_time=_time(run.get("scheduledTime") or status.get("lastScheduledTime")),
        start_time=_time(run.get("startTime")),
        end_time=_time(run.get("endTime") or status.get("finishTime")),
        attempt=run.get("attempt"),
        progress=Progress(progress.get("percent"), progress.get("message")) if progress else None,
        schedule=status.get("schedule"),
        counts=_counts(status.get("counts") or {}),
        history=tuple(_past_run(entry) for entry in status.get("history") or ()),
        conditions=tuple(
            Condition(one["type"], one["status"], one["reason"], one.get("message") or "")
            for one in status.get("conditions") or ()
        ),
        is_finished=state in TERMINAL_STATES and not armed_anew,
        raw=task,
    )
