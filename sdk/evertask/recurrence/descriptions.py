"""A recurrence in words, for a column and for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import bounded
from evertask.api.recurrence import Recurrence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.api.recurrence import Calendar

LIMIT = 256
"""Characters of a description: ``status.schedule`` takes no more."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def describe(recurrence: Recurrence | Mapping[str, Any]) -> str:
    """Say a recurrence in words, in at most 256 characters.

    Raises:
        pydantic.ValidationError: it is not a recurrence at all.
    """
    if not isinstance(recurrence, Recurrence):
        recurrence = Recurrence.model_validate(recurrence)
    parts = [_first(recurrence), _schedule(recurrence)]
    said = ", then ".join(part for part in parts if part)
    if recurrence.time_zone and (recurrence.cron or recurrence.crons or recurrence.calendar):
        said += f" {recurrence.time_zone}"
    if recurrence.max_runs is not None:
        said += f", {recurrence.max_runs} run{'' if recurrence.max_runs == 1 else 's'}"
    if recurrence.until is not None:
        said += f", until {recurrence.until}"
    return bounded(said, LIMIT)


def _first(recurrence: Recurrence) -> str:
    first = recurrence.first
    if first is None:
        return ""
    if first.at is not None:
        return f"at {first.at}"
    return "at once" if first.after is None else f"after {first.after}"


def _schedule(recurrence: Recurrence) -> str:
    if recurrence.every is not None:
        return f"every {recurrence.every}"
    if recurrence.cron is not None:
        return f"cron {' '.join(recurrence.cron.split())}"
    if recurrence.crons is not None:
        return "crons " + "; ".join(" ".join(cron.split()) for cron in recurrence.crons)
    return _calendar(recurrence.calendar) if recurrence.calendar else ""


def _calendar(calendar: Calendar) -> str:
    unit = calendar.unit.lower()
    said = f"every {unit}" if calendar.every == 1 else f"every {calendar.every} {unit}s"
    if calendar.on_months:
        said = f"every {_listed([_MONTHS[month - 1] for month in calendar.on_months])}"
    if calendar.on_weekday:
        said += f" on the {calendar.on_weekday.ordinal.lower()} {calendar.on_weekday.day}"
    elif calendar.on_day is not None:
        said += f" on day {calendar.on_day}"
    elif calendar.on_days:
        days = _listed([str(day) for day in calendar.on_days])
        said += f" on {days}" if calendar.unit == "Week" else f" on day {days}"
    if calendar.at_times:
        said += f" at {', '.join(calendar.at_times)}"
    if calendar.at_minute is not None:
        said += f" at minute {calendar.at_minute}"
    if calendar.at_second is not None:
        said += f"{',' if calendar.at_minute is not None else ' at'} second {calendar.at_second}"
    return said


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
