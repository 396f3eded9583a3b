"""Python's values as the API writes them, for the builder; each refusal names the field, the value and the way out."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from evertask.api.durations import format_duration
from evertask.api.times import format_time
from evertask.recurrence.errors import RecurrenceError

if TYPE_CHECKING:
    from typing import Any

_ROOT = "spec.recurrence"


def duration_text(field: str, value: timedelta) -> str:
    """A duration such as ``1h30m``.

    Args:
        field: below ``spec.recurrence``.
        value: not negative, ten years at most.

    Raises:
        RecurrenceError: it is negative or too long.
        TypeError: it is no timedelta.
    """
    if not isinstance(value, timedelta):
        raise TypeError(f"{_ROOT}.{field} takes a timedelta, such as timedelta(minutes=5), not {value!r}")
    try:
        return format_duration(value)
    except ValueError as error:
        raise refusal(field, value, str(error)) from error


def instant_text(field: str, value: datetime) -> str:
    """An instant in UTC, RFC 3339.

    Raises:
        RecurrenceError: it is naive.
        TypeError: it is no datetime.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{_ROOT}.{field} takes a datetime with a time zone, not {value!r}")
    if value.utcoffset() is None:
        raise refusal(
            field,
            str(value),
            "this is naive: it names a different instant in each time zone; give it one, for example "
            "datetime(2027, 1, 1, 9, tzinfo=ZoneInfo('Europe/Rome'))",
        )
    return format_time(value)


def time_of_day_text(value: time) -> str:
    """A time of day, ``HH:MM`` or ``HH:MM:SS``. A fraction of a second is dropped.

    Raises:
        RecurrenceError: it has a time zone of its own.
        TypeError: it is no time.
    """
    field = "calendar.atTimes"
    if not isinstance(value, time):
        raise TypeError(f"{_ROOT}.{field} takes times such as time(9, 30), not {value!r}")
    if value.tzinfo is not None:
        raise refusal(
            field, str(value), "a time of day follows the series' zone; leave its own out, and say in_zone()"
        )
    return value.strftime("%H:%M:%S" if value.second else "%H:%M")


def refusal(field: str, value: Any, message: str) -> RecurrenceError:
    """The error for a value that the model of the API would not see."""
    return RecurrenceError(message, field=f"{_ROOT}.{field}", value=value, reason="InvalidRecurrence")
