"""The occurrences of a series: what has become due, whose turn it is, what is skipped, and when it is over. Pure.

The watermark (``status.lastScheduledTime``) is the newest nominal time that was dealt with. What becomes due while a
run goes on (a handler that lets time pass) is the overlap policy's; anything else has its turn.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import MAX_WAITING, Condition, State, run_now_run_id, scheduled_run_id
from evertask.api.times import format_time, parse_time
from evertask.recurrence import (
    before_first,
    compile_recurrence,
    count_between,
    describe,
    jitter_of,
    next_occurrence,
)
from evertask.testing.statuses import accepted, with_condition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask.recurrence import Series

Json = dict[str, Any]

OVERLAP, RUN_NOW = "Overlap", "RunNow"
COUNTED_AT_MOST = 10_000

_SCHEDULE_FIELDS = ("cron", "crons", "every", "calendar", "timeZone", "dayMatch", "first", "daylightSaving")
"""What decides when the occurrences are; the other fields only bound or treat them."""


def _series(task: Mapping[str, Any]) -> Series:
    return compile_recurrence(task["spec"]["recurrence"])


def _digest(task: Mapping[str, Any]) -> str:
    recurrence = task["spec"]["recurrence"]
    made_from = {field: recurrence[field] for field in _SCHEDULE_FIELDS if field in recurrence}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def _watermark(task: Mapping[str, Any], anchor: datetime) -> datetime:
    text = (task.get("status") or {}).get("lastScheduledTime")
    return parse_time(text) if text else before_first(anchor)


def _following(task: Mapping[str, Any], after: datetime, anchor: datetime) -> datetime | None:
    return next_occurrence(_series(task), after, anchor)


def due_of(task: Mapping[str, Any], scheduled: datetime, reason: str = "") -> datetime:
    """When the run of a nominal time starts at the earliest; an extra run at once."""
    if reason == RUN_NOW:
        return scheduled
    return scheduled + jitter_of(task["metadata"]["uid"], scheduled, _series(task).jitter)


def _has_runs_left(task: Mapping[str, Any]) -> bool:
    limit = _series(task).max_runs
    done = ((task.get("status") or {}).get("counts") or {}).get("incarnationRuns", 0)
    return limit is None or done < limit


def _turn(scheduled: datetime, reason: str, run_id: str | None = None) -> Json:
    run = run_id or scheduled_run_id(int(scheduled.timestamp()))
    return {"scheduledTime": format_time(scheduled), "reason": reason, "run": run}


def _turns(task: Mapping[str, Any]) -> list[Json]:
    return list((task.get("status") or {}).get("waiting") or ())


def first_turn(task: Mapping[str, Any]) -> Json | None:
    """The occurrence that runs next, of those that are due; None where there is none, or no run is left."""
    turns = _turns(task)
    return turns[0] if turns and _has_runs_left(task) else None


def _counted(task: Mapping[str, Any], name: str, number: int) -> Json:
    if not number:
        return {}
    counts = (task.get("status") or {}).get("counts") or {}
    return {"counts": {name: counts.get(name, 0) + number}}


def dropped_turns(task: Mapping[str, Any]) -> Json:
    """What waits when a series is held does not run any more."""
    return _counted(task, "skipped", len(_turns(task)))


def skipped_meanwhile(task: Mapping[str, Any], anchor: datetime, now: datetime) -> Json:
    """What was due while the series was suspended is skipped."""
    mark = _watermark(task, anchor)
    skipped = count_between(_series(task), mark, now, anchor, COUNTED_AT_MOST)
    return {"lastScheduledTime": format_time(max(mark, now)), **_counted(task, "skipped", skipped)}


def take_up(task: Mapping[str, Any], anchor: datetime, now: datetime) -> Json:
    """Note the schedule, a request for an extra run, and what has become due; empty where there is nothing new."""
    status, digest = task.get("status") or {}, _digest(task)
    if status.get("scheduleDigest") != digest:
        is_edited = bool(
            status.get("scheduleDigest") or status.get("lastScheduledTime") or status.get("nextRunTime")
        )
        begins = {"lastScheduledTime": format_time(now), "waiting": None} if is_edited else {}
        return {"scheduleDigest": digest, **begins}
    token = task["spec"].get("runNow")
    if token and token != (status.get("runNow") or {}).get("token"):
        return _run_now(task, token, now)
    mark = _watermark(task, anchor)
    turns, is_new = _turns(task), False
    while (
        len(turns) < MAX_WAITING
        and (scheduled := _following(task, mark, anchor))
        and due_of(task, scheduled) <= now
    ):
        turns.append(_turn(scheduled, OVERLAP))
        mark, is_new = scheduled, True
    return {"lastScheduledTime": format_time(mark), "waiting": turns} if is_new else {}


def _run_now(task: Mapping[str, Any], token: str, now: datetime) -> Json:
    answer = {"token": token, "time": format_time(now)}
    if not _has_runs_left(task):
        return {"runNow": {**answer, "run": None, "answer": "Skipped"}}
    turn = _turn(now, RUN_NOW, run_now_run_id(token))
    return {
        "waiting": [*_turns(task), turn],
        "runNow": {**answer, "run": turn["run"], "answer": "Started"},
    }


def overlapped(task: Mapping[str, Any], anchor: datetime, now: datetime) -> Json:
    """Treat what became due during the run that has just ended by the overlap policy.

    Args:
        task: the run is not folded yet.
        anchor: of the series.
        now: the end of the run.
    """
    due = []
    mark = _watermark(task, anchor)
    while (scheduled := _following(task, mark, anchor)) and due_of(task, scheduled) <= now:
        due.append(scheduled)
        mark = scheduled
    change = _overlapping_request(task, now)
    if not due:
        return change
    change["lastScheduledTime"] = format_time(mark)
    only: dict[str, list[datetime]] = {"Skip": [], "Replace": due[-1:]}
    runs = only.get(_series(task).overlap, due)
    waiting = [*(change.get("waiting") or _turns(task)), *(_turn(one, OVERLAP) for one in runs)]
    skipped = len(due) - len(runs) + max(0, len(waiting) - MAX_WAITING)
    return change | {"waiting": waiting[:MAX_WAITING] or None} | _counted(task, "skipped", skipped)


def _overlapping_request(task: Mapping[str, Any], now: datetime) -> Json:
    token = task["spec"].get("runNow")
    if (
        not token
        or token == ((task.get("status") or {}).get("runNow") or {}).get("token")
        or _series(task).overlap != "Skip"
    ):
        return {}
    return {"runNow": {"token": token, "time": format_time(now), "run": None, "answer": "Skipped"}}


def replaced_at(task: Mapping[str, Any], anchor: datetime) -> datetime | None:
    """Tell when a run that goes on makes way for a later one; None: it need not."""
    if _series(task).overlap != "Replace":
        return None
    scheduled = _following(task, _watermark(task, anchor), anchor)
    return None if scheduled is None else due_of(task, scheduled)


def is_replaced(task: Mapping[str, Any], anchor: datetime, now: datetime) -> bool:
    """Tell whether a run that goes on makes way for a later one."""
    at = replaced_at(task, anchor)
    return at is not None and at <= now


def summary(task: Mapping[str, Any], anchor: datetime, now: datetime) -> Json:
    """Say how a series stands that waits for its next occurrence, or is over."""
    runs_left, series = _has_runs_left(task), _series(task)
    following = _following(task, _watermark(task, anchor), anchor) if runs_left else None
    if following is not None:
        due = format_time(due_of(task, following))
        return {
            "state": str(State.PENDING),
            "message": f"waits until {due}",
            "nextRunTime": due,
            "schedule": describe(series.recurrence),
            "conditions": accepted(task, now),
        }
    if not runs_left:
        reason, why = "MaxRunsReached", f"recurrence.maxRuns ({series.max_runs}) is reached"
    elif series.until is not None:
        reason, why = "UntilReached", f"recurrence.until ({format_time(series.until)}) is reached"
    else:
        reason, why = "NothingFollows", "the schedule has no further occurrence"
    return {
        "state": str(State.COMPLETED),
        "message": f"the series has ended: {why}",
        "finishTime": format_time(now),
        "nextRunTime": None,
        "waiting": None,
        "conditions": with_condition(task, now, Condition.SERIES_ENDED, said=f"True {reason}", message=why),
    }
