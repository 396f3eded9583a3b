"""A task as a row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time
from evertask.cli.texts import age, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertask.views import TaskView

MESSAGE_WIDTH = 80
"""Characters of a message in a table; ``describe`` has the whole."""

_SHORT = ("NAME", "STATE", "HANDLER", "NEXT", "LAST", "AGE")
_LONG = ("KEY", "QUEUE", "SCHEDULE", "ATTEMPT", "RUNS", "FAILED", "RETRIES", "MESSAGE")


def heading(*, wide: bool, namespaces: bool) -> list[str]:
    """Give the names of the columns.

    Args:
        wide: with the long ones.
        namespaces: with the namespace before all.
    """
    return [*(("NAMESPACE",) if namespaces else ()), *_SHORT, *(_LONG if wide else ())]


def row(view: TaskView, now: datetime, *, wide: bool, namespaces: bool) -> list[str]:
    """Give the cells of a task, safe to show."""
    cells = [
        view.name,
        state_of(view),
        view.handler,
        "" if view.is_finished else age(view.next_run_time, now),
        age(view.last_run_time, now),
        age(view.created, now),
    ]
    if wide:
        cells += [
            view.task_key or "",
            view.queue,
            view.schedule or "",
            str(view.attempt or ""),
            str(view.counts.runs or ""),
            str(view.counts.failed or ""),
            str(view.counts.retries or ""),
            message_of(view) or "",
        ]
    if namespaces:
        cells.insert(0, view.namespace)
    return [one_line(cell, None if number < 3 else MESSAGE_WIDTH) for number, cell in enumerate(cells)]  # noqa: PLR2004


def spec_of(view: TaskView) -> dict[str, Any]:
    """Give the spec of a task as JSON."""
    spec: dict[str, Any] = view.raw["spec"]
    return spec


def is_series(view: TaskView) -> bool:
    """Tell whether a task runs again and again."""
    return "recurrence" in spec_of(view)


def state_of(view: TaskView) -> str:
    """Give the state, and in brackets what a person should know beside it."""
    if view.is_finished:
        return str(view.state)
    aside = at_work(view) if view.state is State.IN_PROGRESS else ""
    if spec_of(view).get("cancel"):
        aside = "cancelling"
    elif spec_of(view).get("suspend") and view.state is not State.IN_PROGRESS:
        aside = "suspended"
    elif condition(view, Condition.ACCEPTED) is not None and condition(view, Condition.ACCEPTED) == "False":
        aside = "not accepted"
    return f"{view.state} ({aside})" if aside else str(view.state)


def at_work(view: TaskView) -> str:
    """Give how far the newest run is: its attempt, where one has failed, and what the handler says of itself."""
    if view.next_attempt_time is not None:
        return retry_of(view)
    progress = view.progress
    percent = f"{progress.percent}%" if progress and progress.percent is not None else ""
    return ", ".join(part for part in (retry_of(view), percent) if part)


def retry_of(view: TaskView) -> str:
    """Name the attempt of the newest run, or the one that it waits for; nothing for the first."""
    if view.next_attempt_time is not None:
        return f"waits for attempt {view.failed_attempts + 1}"
    return f"attempt {view.attempt}" if view.attempt and view.attempt > 1 else ""


def waiting_of(view: TaskView) -> str | None:
    """Say until when a run waits for its next attempt, and why; None where it does not."""
    if view.next_attempt_time is None or view.is_finished:
        return None
    until = f"until {time_of(view.next_attempt_time)}"
    if not view.failures:
        return until
    failure = view.failures[0]
    return f"{until} after {': '.join(part for part in (failure.type, failure.message) if part)}"


def condition(view: TaskView, kind: str) -> str | None:
    """Give the status of a condition; None where the task lacks it."""
    return next((one.status for one in view.conditions if one.type == kind), None)


def message_of(view: TaskView) -> str | None:
    """Give the most telling sentence about a task: why it failed, why it does not start, what its state means."""
    if view.error is not None and view.state is State.FAILED:
        return ": ".join(part for part in (view.error.type, view.error.message) if part)
    not_accepted = (
        one.message for one in view.conditions if one.type == Condition.ACCEPTED and one.status == "False"
    )
    return next(not_accepted, None) or view.message or waiting_of(view)


def time_of(instant: datetime | None) -> str:
    """Write an instant to the second; nothing for none."""
    return format_time(instant.replace(microsecond=0)) if instant else ""


def table(views: Sequence[TaskView], now: datetime, *, wide: bool, namespaces: bool) -> list[list[str]]:
    """Give the rows of tasks, without the heading."""
    return [row(view, now, wide=wide, namespaces=namespaces) for view in views]
