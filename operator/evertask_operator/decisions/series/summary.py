"""What a series' status says as a whole: state, message, the next run, the schedule in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time, parse_time
from evertask.recurrence import describe
from evertask_operator.decisions.backoff import told
from evertask_operator.decisions.series.activity import has_runs_left, prepared
from evertask_operator.decisions.series.occurrences import following, series_of
from evertask_operator.decisions.series.opening import watermark_of
from evertask_operator.decisions.series.turns import ROOM, read_turns
from evertask_operator.decisions.starting import GRACE
from evertask_operator.resources.conditions import find_condition

if TYPE_CHECKING:
    from evertask_operator.decisions.series.drafts import Draft
    from evertask_operator.decisions.situation import OpenRun

Json = dict[str, Any]

STALE = timedelta(seconds=10)
"""A run of this length is worth a write that moves ``nextRunTime`` on to the run after it."""


def next_due(draft: Draft) -> datetime | None:
    """When the next run starts: the earliest that is prepared, else the next occurrence."""
    early = prepared(draft.situation)
    if early:
        return early[0].due_time
    if not has_runs_left(draft.situation):
        return None
    mark = watermark_of(draft)
    one = following(draft.situation, mark)
    if one is not None and one.due <= draft.situation.now:  # skips that are settled later
        one = following(draft.situation, draft.situation.now)
    return one.due if one else None


def _state(draft: Draft) -> tuple[State, str]:
    situation, now = draft.situation, draft.situation.now
    claimed = [run for run in situation.runs if run.claimed]
    if claimed:
        where = f"runs in pod {claimed[0].pod_name}"
        return State.IN_PROGRESS, where if len(claimed) == 1 else f"{len(claimed)} runs go on"
    if begun := [run for run in situation.runs if run.has_failed_before]:
        return State.IN_PROGRESS, _said_of_the_next_attempt(draft, begun[0])
    launching = [
        run for run in situation.runs if run.due_time + _patience(run.launch_time, run.due_time) <= now
    ]
    turns = read_turns(draft.status)
    condition = find_condition(draft.status, Condition.LAUNCHED)
    if launching and condition and condition["status"] == "False":
        return State.QUEUED, condition.get("message", "")
    if launching:
        return State.QUEUED, f"starts in Job {draft.status.get('job')}"
    if turns:
        room = f": {situation.room}" if situation.room else ""
        waits = f"due; waits for room{room}" if turns[0].reason == ROOM else "due; waits for its turn"
        return State.QUEUED, waits
    return State.PENDING, ""


def _said_of_the_next_attempt(draft: Draft, run: OpenRun) -> str:
    if run.in_backoff or run.begins_at > draft.situation.now:
        return told(run)
    condition = find_condition(draft.status, Condition.LAUNCHED)
    if condition and condition["status"] == "False":
        return str(condition.get("message", ""))
    return f"attempt {run.failed_attempts + 1} starts in Job {draft.status.get('job')}"


def _patience(launched: datetime, due: datetime) -> timedelta:
    """A pod that was made before its time is not called late at once: it is about to report."""
    return GRACE if launched < due else timedelta(0)


def summarise(draft: Draft) -> Draft:
    """Bring the fields that speak of the whole task up to date."""
    if draft.situation.task.finished:
        return draft.change(**draft.situation.observed())
    state, message = _state(draft)
    due = next_due(draft)
    if state is State.PENDING:
        message = f"waits until {format_time(due)}" if due else "waits"
    if state is State.QUEUED and draft.status.get("state") == State.QUEUED and "waits for room" in message:
        message = (
            draft.status.get("message") or message
        )  # the figures of the moment in which it began to wait
    fields: Json = {
        "state": str(state),
        "message": message,
        "schedule": describe(series_of(draft.situation.task).recurrence),
        "nextRunTime": _next_run_time(draft, due),
        "conditions": draft.situation.accepted(),
    }
    draft = draft.change(**draft.situation.observed(**fields))
    return draft.wake(_stale_at(draft, due))


def _stale_at(draft: Draft, due: datetime | None) -> datetime | None:
    shown = draft.status.get("nextRunTime")
    if shown is None or due is None or parse_time(shown) >= due:
        return None
    return parse_time(shown) + STALE


def _next_run_time(draft: Draft, due: datetime | None) -> str | None:
    """The next run; while a run has only just begun it may still be its own time: that saves a write for each run."""
    shown = draft.status.get("nextRunTime")
    if (
        due is not None
        and shown is not None
        and not draft.patch.get("runs")
        and parse_time(shown) <= draft.situation.now < parse_time(shown) + STALE
        and draft.situation.runs
    ):
        return str(shown)
    return format_time(due) if due else None
