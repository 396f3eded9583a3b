"""What the operator does about a task: a decision about the task and the time, one step at a time. Pure.

There is no outage in memory, and always room: a task starts at the instant at which it is due. So of the operator's
rules those are left that a user can see: when a task is due, what holds it, how a series overlaps, goes on and ends,
and how long a finished task is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.audit import level_of
from evertask.api.durations import parse_duration
from evertask.api.outcomes import Outcome, apply_outcome, fold_outcome
from evertask.api.protocol import Condition, Phase, State
from evertask.api.times import format_time, parse_time
from evertask.testing import series
from evertask.testing.patches import apply_merge_patch
from evertask.testing.statuses import accepted, held, observed, with_condition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]

HELD = "suspended: set spec.suspend to false to let it run"
CANCELLED = "cancelled before it started"
NEVER_STARTED = {"nextRunTime": None, "waiting": None}


@dataclass(frozen=True)
class Write:
    """Change the status: a merge patch."""

    status: Json


@dataclass(frozen=True)
class Start:
    """Run it now."""

    run_id: str
    scheduled: datetime
    """Nominal time."""
    due: datetime
    """The nominal time and its jitter; of a later attempt when that begins."""
    attempt: int = 1
    """Above 1 the run was given back after a failed attempt."""


@dataclass(frozen=True)
class Rest:
    """Nothing is to be done before an instant; None: before somebody writes."""

    until: datetime | None = None


@dataclass(frozen=True)
class Delete:
    """Its time to live is over."""


Step = Write | Start | Rest | Delete


def next_step(task: Mapping[str, Any], now: datetime) -> Step:
    """Say what is to be done about a task that does not run at the moment."""
    step = _decide(task, now)
    if isinstance(step, Write) and all(
        (task.get("status") or {}).get(name) == value for name, value in step.status.items()
    ):
        return Rest(_wakes(task))
    return step


def _decide(task: Mapping[str, Any], now: datetime) -> Step:
    spec, status = task["spec"], task.get("status") or {}
    if State(status.get("state") or State.PENDING) in protocol.TERMINAL_STATES:
        return _finished(task, now)
    if (run_id := backoff_of(status)) is not None:
        return _in_backoff(task, run_id, now)
    if spec["cancel"]:
        return Write(_cancelled(task, now))
    if spec["suspend"]:
        return Write(_suspended(task, now))
    if _is_held(status):
        return Write(_resumed(task, now))
    if "recurrence" in spec:
        return _series(task, now)
    return _one_shot(task, now)


def _wakes(task: Mapping[str, Any]) -> datetime | None:
    text = (task.get("status") or {}).get("nextRunTime")
    return parse_time(text) if text and not task["spec"]["suspend"] else None


def armed_at(task: Mapping[str, Any]) -> datetime:
    """When the present incarnation was taken up: its creation, or the moment in which it was armed anew."""
    armed = (task.get("status") or {}).get("armedTime")
    if armed and task["spec"].get("incarnation", 0):
        return parse_time(armed)
    return parse_time(task["metadata"]["creationTimestamp"])


def due_time(task: Mapping[str, Any]) -> datetime:
    """When a one-shot is due."""
    if "runAt" in task["spec"]:
        return parse_time(task["spec"]["runAt"])
    if "delay" in task["spec"]:
        # In memory the moment of creation is known exactly, so nothing is added to be sure.
        return armed_at(task) + parse_duration(task["spec"]["delay"])
    return armed_at(task)


def _one_shot(task: Mapping[str, Any], now: datetime) -> Step:
    due, status = due_time(task), task.get("status") or {}
    if due > now:
        return Write(
            observed(task)
            | {
                "state": str(State.PENDING),
                "message": f"waits until {format_time(due)}",
                "nextRunTime": format_time(due),
                "conditions": accepted(task, now),
            }
        )
    if status.get("state") != State.QUEUED:
        queued = {"state": str(State.QUEUED), "message": "due", "nextRunTime": None}
        return Write(observed(task) | queued | {"conditions": accepted(task, now)})
    return Start(protocol.scheduled_run_id(int(due.timestamp())), due, due)


def _series(task: Mapping[str, Any], now: datetime) -> Step:
    taken_up = series.take_up(task, armed_at(task), now)
    if taken_up:
        return Write(observed(task) | taken_up)
    turn = series.first_turn(task)
    if turn is None:
        return Write(observed(task) | series.summary(task, armed_at(task), now))
    if (task.get("status") or {}).get("state") != State.QUEUED:
        return Write(observed(task) | {"state": str(State.QUEUED), "message": "due; waits for its turn"})
    scheduled = parse_time(turn["scheduledTime"])
    return Start(turn["run"], scheduled, series.due_of(task, scheduled, turn["reason"]))


def backoff_of(status: Mapping[str, Any]) -> str | None:
    """Give the id of the run that waits for its next attempt without a pod; None where none does."""
    return next(
        (id_ for id_, run in (status.get("runs") or {}).items() if run["phase"] == Phase.BACKOFF), None
    )


def _in_backoff(task: Mapping[str, Any], run_id: str, now: datetime) -> Step:
    spec, run = task["spec"], task["status"]["runs"][run_id]
    due, following = parse_time(run["nextAttemptTime"]), None
    if spec["cancel"]:
        attempt = run["failedAttempts"] + 1
        return Write(_ended_in_backoff(task, run_id, now, f"cancelled while it waited for attempt {attempt}"))
    if "recurrence" in spec:
        following = series.replaced_at(task, armed_at(task))
        if following is not None and following <= now:
            return Write(_ended_in_backoff(task, run_id, now, "replaced by a later run"))
    if spec["suspend"]:
        return Rest(following)
    if due > now:
        return Rest(min(due, following or due))
    return Start(run_id, parse_time(run["scheduledTime"]), due, run["failedAttempts"] + 1)


def _ended_in_backoff(task: Mapping[str, Any], run_id: str, now: datetime, message: str) -> Json:
    status, one_shot = task["status"], "recurrence" not in task["spec"]
    outcome = Outcome(Phase.CANCELLED, format_time(now), message=message)
    change = apply_outcome(status, run_id, outcome, one_shot=one_shot)
    if one_shot:
        return change
    over = apply_merge_patch(status, change)
    folded = fold_outcome(over, status.get("history") or (), run_id, now, level=level_of(task["spec"]))
    return {**change, **folded, "state": str(State.PENDING), "message": None}


def _finished(task: Mapping[str, Any], now: datetime) -> Step:
    spec, status = task["spec"], task["status"]
    if spec.get("incarnation", 0) > status.get("incarnation", 0):
        return Write(_armed_anew(task, now))
    if "ttlAfterFinished" in spec:
        kept = parse_duration(spec["ttlAfterFinished"])
    elif status["state"] == State.FAILED:
        kept = timedelta(seconds=protocol.DEFAULT_TTL_FAILED_SECONDS)
    else:
        kept = timedelta(seconds=protocol.DEFAULT_TTL_COMPLETED_SECONDS)
    expiry = parse_time(status["finishTime"]) + kept
    return Delete() if expiry <= now else Rest(expiry)


def _armed_anew(task: Mapping[str, Any], now: datetime) -> Json:
    fields = ("runs", "job", "result", "error", "finishTime", "nextRunTime", "conditions")
    change: Json = observed(task) | dict.fromkeys(fields)
    if "recurrence" in task["spec"]:
        change |= dict.fromkeys(("lastScheduledTime", "scheduleDigest", "waiting"))
        change["counts"] = {"incarnationRuns": None}
    return change | {
        "state": str(State.PENDING),
        "message": f"armed anew as incarnation {task['spec']['incarnation']}",
        "armedTime": format_time(now),
    }


def _cancelled(task: Mapping[str, Any], now: datetime) -> Json:
    change = observed(task) | NEVER_STARTED | {"state": str(State.CANCELLED), "finishTime": format_time(now)}
    if "recurrence" not in task["spec"]:
        return change | {"message": CANCELLED}
    ended = with_condition(
        task, now, Condition.SERIES_ENDED, said="True Cancelled", message="spec.cancel asked for it"
    )
    return change | {"message": "cancelled: the series has ended", "conditions": ended}


def _is_held(status: Mapping[str, Any]) -> bool:
    return held(status, Condition.SUSPENDED)


def _suspended(task: Mapping[str, Any], now: datetime) -> Json:
    change = observed(task) | {"state": str(State.PENDING), "message": HELD}
    if "recurrence" in task["spec"]:
        change |= NEVER_STARTED | series.dropped_turns(task)
    else:
        change["nextRunTime"] = format_time(due_time(task))
    if not _is_held(task.get("status") or {}):
        change["conditions"] = with_condition(
            task, now, Condition.SUSPENDED, said="True Suspended", message=HELD
        )
    return change


def _resumed(task: Mapping[str, Any], now: datetime) -> Json:
    change = observed(task) | {"message": None}
    change["conditions"] = with_condition(
        task, now, Condition.SUSPENDED, said="False Resumed", message="resumed"
    )
    if "recurrence" in task["spec"]:
        change |= series.skipped_meanwhile(task, armed_at(task), now)
    return change
