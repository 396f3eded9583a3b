"""What a recurrence gives, as a person would write it down."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from evertask.recurrence import occurrences

Json = dict[str, Any]


def instant(text: str) -> datetime:
    """Read an instant that says its zone."""
    read = datetime.fromisoformat(text)
    assert read.tzinfo is not None
    return read


def course(recurrence: Json, created: str, count: int = 3, after: str | None = None) -> list[str]:
    """Give the first occurrences of a task, one at its creation included, on the clocks of the recurrence's zone.

    Args:
        recurrence: ``spec.recurrence``.
        created: the instant of the creation.
        count: how many, at most.
        after: only those after this instant; one at it is left out.
    """
    zone = ZoneInfo(recurrence.get("timeZone", "UTC"))
    anchor = instant(created)
    start = anchor - timedelta(seconds=2) if after is None else instant(after)
    found = islice(occurrences(recurrence, start, anchor), count)
    return [written(one.astimezone(zone)) for one in found]


def written(time: datetime) -> str:
    """Write a local time with as much of it as says something; in UTC without the offset."""
    text = f"{time:%a} {time.replace(tzinfo=None).isoformat(' ')}"
    if not time.microsecond:
        text = text.removesuffix(":00")
    offset = time.isoformat()[-6:]
    return text if offset == "+00:00" else text + offset
