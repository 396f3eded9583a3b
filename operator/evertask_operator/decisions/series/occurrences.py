"""The occurrences of a series as the operator meets them: from its watermark on.

The watermark (``status.lastScheduledTime``) is the newest nominal time that was dealt with. It only grows, and it is
written before the Job is made: so a restart, a lost answer or a clock that is set back neither loses an occurrence
nor makes one twice.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.times import parse_time
from evertask.recurrence import before_first, compile_recurrence, jitter_of, next_occurrence
from evertask_operator.decisions.due import armed_at

if TYPE_CHECKING:
    from datetime import datetime

    from evertask.recurrence import Series
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import TaskRecord

Json = dict[str, Any]

AT_ONCE = 2000
"""Due occurrences that one pass looks at; after a long outage of a frequent series several passes follow."""

_SCHEDULE_FIELDS = ("cron", "crons", "every", "calendar", "timeZone", "dayMatch", "first", "daylightSaving")
"""What decides when the occurrences are; the other fields only bound or treat them."""


class Occurrence(NamedTuple):
    """One nominal time of a series."""

    scheduled: datetime
    """The nominal time."""
    due: datetime
    """The nominal time and its jitter."""


def series_of(task: TaskRecord) -> Series:
    """Give the series of a task, compiled.

    Raises:
        RecurrenceError: it cannot be evaluated; the message names field, value and way out.
    """
    return compile_recurrence(task.spec["recurrence"])


def schedule_digest(task: TaskRecord) -> str:
    """Digest of what decides when the occurrences are."""
    recurrence = task.spec["recurrence"]
    made_from = {field: recurrence[field] for field in _SCHEDULE_FIELDS if field in recurrence}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def watermark(situation: Situation) -> datetime:
    """The nominal time after which nothing has been dealt with yet.

    An edited schedule begins anew at the moment in which the edit is seen, and so does a task that has become a
    series; nothing of the new schedule is due before.
    """
    if is_new_schedule(situation):
        return situation.now
    text = situation.task.status.get("lastScheduledTime")
    return parse_time(text) if text else before_first(armed_at(situation.task))


def is_new_schedule(situation: Situation) -> bool:
    """Tell whether the schedule is another than the one that the status speaks of."""
    status = situation.task.status
    known = status.get("scheduleDigest")
    if known is None:
        return bool(status.get("lastScheduledTime") or status.get("nextRunTime"))  # a one-shot task until now
    return bool(known != schedule_digest(situation.task))


def following(situation: Situation, after: datetime) -> Occurrence | None:
    """The next occurrence strictly after a nominal time; None where the series is over."""
    series = series_of(situation.task)
    scheduled = next_occurrence(series, after, armed_at(situation.task))
    if scheduled is None:
        return None
    return Occurrence(scheduled, scheduled + jitter_of(situation.task.uid, scheduled, series.jitter))


def due_occurrences(situation: Situation, mark: datetime) -> list[Occurrence]:
    """The occurrences after the watermark that are due by now, at most ``AT_ONCE``."""
    found: list[Occurrence] = []
    while len(found) < AT_ONCE and (one := following(situation, mark)) and one.due <= situation.now:
        found.append(one)
        mark = one.scheduled
    return found
