"""The parts of a view: what a task's status says about errors, runs, changes and conditions. Standard library only.

Each is a value with the status' own words, and is read from JSON that the API server's schema has checked.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta  # noqa: TC003  (dataclass fields keep their types readable at run time)
from typing import TYPE_CHECKING, Any

from evertask.api.durations import parse_duration
from evertask.api.protocol import (
    ANNOTATION_PARENT_NAME,
    ANNOTATION_PARENT_RUN,
    LABEL_PARENT_UID,
    State,
)
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
class CallbackError:
    """A callback of the handler that raised; it changed nothing of the outcome."""

    callback: str
    """``on_started``, ``on_completed``, ``on_error`` or ``on_retry``."""
    message: str
    """Class and text of the exception."""


@dataclass(frozen=True)
class Transition:
    """One change of the task's state."""

    time: datetime
    state: State
    """From then on."""
    run: str | None = None
    """Id of the run that it was about, where it was about one."""
    message: str | None = None
    """Why, where there is more to say than the state."""


@dataclass(frozen=True)
class ParentRef:
    """The task whose run dispatched this one. It may be gone."""

    uid: str
    """In the cluster."""
    name: str | None = None
    """Of its object."""
    run: str | None = None
    """Id of its run."""


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
    retries: int = 0
    """Calls of a handler beyond the first of its run."""


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
    lateness: timedelta | None = None
    """How long after its time (the nominal time and its jitter) the handler started."""
    error_type: str | None = None
    """Of a failed run: class of the handler's exception, or one of EverTask's own error types."""
    error_traceback: str | None = None
    """The innermost frames in the runner."""
    children_count: int = 0
    """Tasks that the run dispatched."""
    callback_errors: tuple[CallbackError, ...] = ()
    attempts: int = 1
    """Calls of the handler; 1 for a run in which it was not called, too."""


def read_time(text: str | None) -> datetime | None:
    """Read an instant that may be absent."""
    return parse_time(text) if text else None


def read_error(error: Mapping[str, Any] | None) -> TaskError | None:
    """Read ``status.error``."""
    if not error:
        return None
    return TaskError(
        type=error["type"],
        message=error.get("message") or "",
        traceback=error.get("traceback"),
        attempt=error.get("attempt"),
        log_tail=error.get("logTail"),
    )


def read_counts(counts: Mapping[str, Any]) -> Counts:
    """Read ``status.counts``."""
    return Counts(**{each.name: counts.get(each.name) or 0 for each in fields(Counts)})


def read_conditions(conditions: Iterable[Mapping[str, Any]] | None) -> tuple[Condition, ...]:
    """Read ``status.conditions``."""
    return tuple(
        Condition(one["type"], one["status"], one["reason"], one.get("message") or "")
        for one in conditions or ()
    )


def read_callback_errors(errors: Iterable[Mapping[str, Any]] | None) -> tuple[CallbackError, ...]:
    """Read ``callbackErrors`` of a run."""
    return tuple(CallbackError(one["callback"], one["message"]) for one in errors or ())


def read_transitions(transitions: Iterable[Mapping[str, Any]] | None) -> tuple[Transition, ...]:
    """Read ``status.transitions``."""
    return tuple(
        Transition(parse_time(one["time"]), State(one["state"]), one.get("run"), one.get("message"))
        for one in transitions or ()
    )


def read_parent(metadata: Mapping[str, Any]) -> ParentRef | None:
    """Read whose run dispatched a task; None where none did."""
    uid = (metadata.get("labels") or {}).get(LABEL_PARENT_UID)
    if not uid:
        return None
    annotations = metadata.get("annotations") or {}
    return ParentRef(uid, annotations.get(ANNOTATION_PARENT_NAME), annotations.get(ANNOTATION_PARENT_RUN))


def read_past_run(entry: Mapping[str, Any]) -> PastRun:
    """Read an entry of ``status.history``."""
    error = entry.get("error") or {}
    return PastRun(
        run=entry["run"],
        scheduled_time=read_time(entry.get("scheduledTime")),
        start_time=read_time(entry.get("startTime")),
        end_time=read_time(entry.get("endTime")),
        outcome=entry.get("outcome"),
        message=entry.get("message"),
        lateness=read_duration(entry.get("lateness")),
        error_type=error.get("type"),
        error_traceback=error.get("traceback"),
        children_count=entry.get("childrenCount") or 0,
        callback_errors=read_callback_errors(entry.get("callbackErrors")),
        attempts=entry.get("attempts") or 1,
    )


def read_progress(progress: Mapping[str, Any] | None) -> Progress | None:
    """Read ``progress`` of a run."""
    return Progress(progress.get("percent"), progress.get("message")) if progress else None


def read_duration(text: str | None) -> timedelta | None:
    """Read a duration that may be absent."""
    with suppress(ValueError):  # the schema takes any text of 32 characters
        return parse_duration(text) if text else None
    return None
