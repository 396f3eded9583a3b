"""A run as it was at one moment: its attempts, those that failed, when the next begins. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta  # noqa: TC003  (dataclass fields keep their types readable at run time)
from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import attempts_of
from evertask.api.times import parse_time
from evertask.view_parts import Progress, read_duration, read_progress, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class FailedAttempt:
    """An attempt that failed and was, or will be, followed by another."""

    attempt: int
    """From 1."""
    time: datetime
    """When it failed."""
    type: str
    """Class of the handler's exception, or one of EverTask's own error types."""
    message: str = ""
    delay: timedelta | None = None
    """Before the attempt that follows."""


@dataclass(frozen=True)
class RunView:
    """A run that is open, or the last run of a finished one-shot."""

    run: str
    """Its id."""
    scheduled_time: datetime
    """The nominal time."""
    phase: str
    """Launching (or Held) until a pod was let in, Running until the outcome (Backoff while it waits without a pod for
    its next attempt), then Succeeded, Failed or Cancelled."""
    start_time: datetime | None
    """When its handler first started; None where it has not."""
    end_time: datetime | None
    attempt: int | None
    """The newest attempt that has begun, from 1; None before the first."""
    failed_attempts: int
    """Attempts that failed and were, or will be, followed by another."""
    failures: tuple[FailedAttempt, ...]
    """The newest of these, newest first, at most 8."""
    next_attempt_time: datetime | None
    """When the next attempt begins; None while none is waited for."""
    interruptions: int
    """Pods that were lost."""
    progress: Progress | None


def read_failures(failures: Iterable[Mapping[str, Any]] | None) -> tuple[FailedAttempt, ...]:
    """Read ``failures`` of a run."""
    return tuple(
        FailedAttempt(
            one["attempt"],
            parse_time(one["time"]),
            one["type"],
            one.get("message") or "",
            read_duration(one.get("delay")),
        )
        for one in failures or ()
    )


def read_runs(runs: Mapping[str, Mapping[str, Any]] | None) -> tuple[RunView, ...]:
    """Read ``status.runs``, the newest run first."""
    newest_first = sorted(
        (runs or {}).items(),
        key=lambda entry: (parse_time(entry[1]["scheduledTime"]), entry[1].get("launch", 0)),
        reverse=True,
    )
    return tuple(_read_run(run_id, run) for run_id, run in newest_first)


def _read_run(run_id: str, run: Mapping[str, Any]) -> RunView:
    return RunView(
        run=run_id,
        scheduled_time=parse_time(run["scheduledTime"]),
        phase=run.get("phase") or "",
        start_time=read_time(run.get("firstStartTime") or run.get("startTime")),
        end_time=read_time(run.get("endTime")),
        attempt=attempts_of(run) or None,
        failed_attempts=run.get("failedAttempts") or 0,
        failures=read_failures(run.get("failures")),
        next_attempt_time=read_time(run.get("nextAttemptTime")),
        interruptions=run.get("interruptions") or 0,
        progress=read_progress(run.get("progress")),
    )
