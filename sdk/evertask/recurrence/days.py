"""Days of the calendar: every n days, certain days of every n weeks or months. Pure dates, no clock.

A week begins on Sunday. A day that a month lacks is its last day. Nothing is stepped through: each answer is computed
from the distance to the day of the phase.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta

_WEEK = 7
_YEAR = 12
_LAST_MONTH = MAXYEAR * _YEAR + _YEAR - 1
_ORDINALS = {"First": 0, "Second": 1, "Third": 2, "Fourth": 3}


@dataclass(frozen=True, slots=True)
class Days:
    """Every n days."""

    every: int

    def first_from(self, day: date, phase: date) -> date | None:
        """The first of them on a day or after it; ``phase`` is the day from which they are counted."""
        return _plus(day, -(day - phase).days % self.every)


@dataclass(frozen=True, slots=True)
class Weeks:
    """Certain weekdays of every n weeks."""

    every: int
    weekdays: frozenset[int]
    """As ``date.weekday()`` counts, Monday 0; empty: the weekday of the phase."""

    def first_from(self, day: date, phase: date) -> date | None:
        """The first of them on a day or after it; ``phase`` lies in the first of the weeks."""
        # The ordinal of a Sunday is a multiple of seven: days in the order of a week that begins on Sunday.
        places = sorted((weekday + 1) % _WEEK for weekday in self.weekdays or {phase.weekday()})
        week, place = divmod(day.toordinal(), _WEEK)
        wait = -(week - phase.toordinal() // _WEEK) % self.every
        if not wait:
            for candidate in places:
                if candidate >= place:
                    return _plus(day, candidate - place)
            wait = self.every
        return _plus(day, wait * _WEEK - place + places[0])


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Certain days of a month."""

    numbers: frozenset[int]
    """1 to 31; empty, and no ordinal either: the day of the phase."""
    ordinal: str | None
    weekday: int
    """Of the ordinal; Monday 0."""

    def of(self, year: int, month: int, phase: date) -> list[int]:
        """The days, in order; there is at least one in every month."""
        first, length = monthrange(year, month)
        if self.ordinal == "Last":
            last = (first + length - 1) % _WEEK
            return [length - (last - self.weekday) % _WEEK]
        if self.ordinal is not None:
            return [1 + (self.weekday - first) % _WEEK + _WEEK * _ORDINALS[self.ordinal]]
        return sorted({min(number, length) for number in self.numbers or {phase.day}})


@dataclass(frozen=True, slots=True)
class Months:
    """Certain days of every n months, or of certain months of every year."""

    every: int
    months: frozenset[int]
    """1 to 12; empty: all."""
    days: MonthDays

    def first_from(self, day: date, phase: date) -> date | None:
        """The first of them on a day or after it; ``phase`` lies in the first of the months."""
        month, earliest = self._wanted(_index(day), phase), day.day
        if month > _index(day):
            earliest = 1
        while month <= _LAST_MONTH:
            year, number = divmod(month, _YEAR)
            for candidate in self.days.of(year, number + 1, phase):
                if candidate >= earliest:
                    return date(year, number + 1, candidate)
            month, earliest = self._wanted(month + 1, phase), 1
        return None

    def _wanted(self, month: int, phase: date) -> int:
        """The first month that is meant, from a month on."""
        month += -(month - _index(phase)) % self.every
        while self.months and month % _YEAR + 1 not in self.months:
            month += 1
        return month


def _index(day: date) -> int:
    return day.year * _YEAR + day.month - 1


def _plus(day: date, days: int) -> date | None:
    """A day so many days later; None beyond the calendar's end."""
    return day + timedelta(days=days) if days <= (date.max - day).days else None
