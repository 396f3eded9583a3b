"""A calendar made ready to be asked: every n units, refined by days and times.

Days, weeks and months are local: they are found on the wall clock, and mapped to instants like the times of a cron
expression. Seconds, minutes and hours are real time: a change of the clocks neither adds nor drops one. More than one
unit at a time is counted from the unit that holds the phase: the creation of the task, or its first run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from pydantic.alias_generators import to_camel

from evertask.api.recurrence import WEEKDAYS
from evertask.recurrence.days import Days, MonthDays, Months, Weeks
from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.grids import Grid
from evertask.recurrence.zones import DaylightPolicy, next_instant

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from evertask.api.recurrence import Calendar
    from evertask.recurrence.zones import Fold, Gap

_FIELD = "spec.recurrence.calendar"

_FITS: dict[str, frozenset[str]] = {
    "at_second": frozenset({"Minute", "Hour"}),
    "at_minute": frozenset({"Hour"}),
    "at_times": frozenset({"Day", "Week", "Month"}),
    "on_day": frozenset({"Month"}),
    "on_days": frozenset({"Week", "Month"}),
    "on_weekday": frozenset({"Month"}),
    "on_months": frozenset({"Month"}),
}
"""Which fields refine which units."""

_UNITS = {
    "Second": timedelta(seconds=1),
    "Minute": timedelta(minutes=1),
    "Hour": timedelta(hours=1),
}


class _LocalDays(Protocol):
    """Which days of the calendar are meant."""

    def first_from(self, day: date, phase: date) -> date | None:
        """The first of them on a day or after it; ``phase`` is the day from which units are counted."""


class CalendarSchedule(Protocol):
    """A calendar, ready to be asked."""

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """The first occurrence strictly after an instant; ``phase`` is where the counting of units began."""


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Times of the day on certain days, on the clocks of a zone."""

    days: _LocalDays
    times: tuple[time, ...]
    zone: ZoneInfo
    policy: DaylightPolicy

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """See ``CalendarSchedule``."""
        phase_day = phase.astimezone(self.zone).date()

        def next_local(wall: datetime) -> datetime | None:
            return self._next_local(wall, phase_day)

        return next_instant(next_local, after, self.zone, self.policy)

    def _next_local(self, wall: datetime, phase_day: date) -> datetime | None:
        day = self.days.first_from(max(wall.date(), phase_day), phase_day)
        if day is not None and day == wall.date():
            for at in self.times:
                if at > wall.time():
                    return datetime.combine(day, at)
            day = self.days.first_from(day + timedelta(days=1), phase_day)
        return None if day is None else datetime.combine(day, self.times[0])


@dataclass(frozen=True, slots=True)
class _WithinUnits:
    """A moment within every n-th minute or hour: counted in real time, and read on the clocks of a zone.

    An offset from UTC that is not whole units (half an hour on Lord Howe, in summer) moves where units begin. The
    moment moves with them, by half a unit at most; a unit that a change of the clocks cuts may lack it.
    """

    interval: timedelta
    unit: timedelta
    moment: timedelta
    zone: ZoneInfo

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """See ``CalendarSchedule``."""
        offset = self._offset(phase)
        clock = phase.astimezone(self.zone)
        minutes = timedelta(minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond)
        begin = phase - minutes % self.unit
        steps = (after - begin - self.moment - self.unit / 2) // self.interval
        while True:
            steps += 1
            around = begin + self.moment + steps * self.interval
            instants = [instant for instant in self._instants(around, offset) if instant > after]
            if instants:
                return min(instants)

    def _instants(self, around: datetime, offset: timedelta) -> set[datetime]:
        """The moment of one unit: once, or twice or never where the clocks change."""
        sides = (around - self.unit / 2, around + self.unit / 2)
        moves = {self._move(self._offset(side), offset) for side in sides}
        return {around + move for move in moves if self._move(self._offset(around + move), offset) == move}

    def _move(self, offset: timedelta, from_offset: timedelta) -> timedelta:
        """By how much units begin later than they did under another offset."""
        move = (from_offset - offset) % self.unit
        return move - self.unit if move > self.unit / 2 else move

    def _offset(self, instant: datetime) -> timedelta:
        offset = instant.astimezone(self.zone).utcoffset()
        assert offset is not None  # a ZoneInfo knows the offset of every instant
        return offset


def compile_calendar(
    calendar: Calendar, zone: ZoneInfo, gap: Gap | None, fold: Fold | None
) -> CalendarSchedule:
    """Make a calendar ready to be asked.

    Args:
        calendar: the model.
        zone: whose clocks.
        gap: of ``daylightSaving``; None: RunAfter.
        fold: of ``daylightSaving``; None: First.

    Raises:
        RecurrenceError: reason ``InvalidCalendar``; its fields do not fit each other.
    """
    _check(calendar)
    if calendar.unit in _UNITS:
        return _real_time(calendar, zone)
    policy = DaylightPolicy(gap or "RunAfter", fold or "First")
    texts = calendar.at_times or ["00:00"]
    times = tuple(sorted({time.fromisoformat(text) for text in texts}))
    return LocalTimes(_days(calendar), times, zone, policy)


def _real_time(calendar: Calendar, zone: ZoneInfo) -> CalendarSchedule:
    unit = _UNITS[calendar.unit]
    interval = calendar.every * unit
    if calendar.at_second is None and calendar.at_minute is None:
        return Grid(interval)
    moment = timedelta(minutes=calendar.at_minute or 0, seconds=calendar.at_second or 0)
    return _WithinUnits(interval, unit, moment, zone)


def _days(calendar: Calendar) -> _LocalDays:
    if calendar.unit == "Day":
        return Days(calendar.every)
    if calendar.unit == "Week":
        names = [day for day in calendar.on_days or () if isinstance(day, str)]
        return Weeks(calendar.every, frozenset(WEEKDAYS.index(name) for name in names))
    numbers = [day for day in calendar.on_days or () if isinstance(day, int)]
    if calendar.on_day is not None:
        numbers = [calendar.on_day]
    weekday = calendar.on_weekday
    days = MonthDays(
        frozenset(numbers),
        weekday.ordinal if weekday else None,
        WEEKDAYS.index(weekday.day) if weekday else 0,
    )
    return Months(calendar.every, frozenset(calendar.on_months or ()), days)


def _check(calendar: Calendar) -> None:
    """Refuse fields that do not fit the unit, or each other."""
    for name, units in _FITS.items():
        if getattr(calendar, name) is not None and calendar.unit not in units:
            raise _refused(
                calendar,
                name,
                f"it goes with the unit {' or '.join(sorted(units))}, and the unit is {calendar.unit}; remove it, "
                "or change the unit",
            )
    if calendar.unit == "Hour" and calendar.at_second is not None and calendar.at_minute is None:
        raise _refused(calendar, "at_second", "with the unit Hour it needs atMinute; add it")
    given = [name for name in ("on_day", "on_days", "on_weekday") if getattr(calendar, name) is not None]
    if len(given) > 1:
        raise _refused(calendar, given[1], f"it cannot stand beside {to_camel(given[0])}; keep one of them")
    if calendar.on_months is not None and calendar.every > 1:
        raise _refused(calendar, "on_months", "it needs every: 1; remove every, or onMonths")
    _check_days(calendar)


def _check_days(calendar: Calendar) -> None:
    wanted: type = str if calendar.unit == "Week" else int
    if any(not isinstance(day, wanted) for day in calendar.on_days or ()):
        what = "weekdays, Monday to Sunday" if wanted is str else "days of the month, 1 to 31"
        raise _refused(calendar, "on_days", f"with the unit {calendar.unit} it lists {what}")


def _refused(calendar: Calendar, name: str, message: str) -> RecurrenceError:
    value = getattr(calendar, name)
    shown = value.model_dump(by_alias=True) if hasattr(value, "model_dump") else value
    return RecurrenceError(message, field=f"{_FIELD}.{to_camel(name)}", value=shown, reason="InvalidCalendar")
