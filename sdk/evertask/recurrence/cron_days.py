"""The days on which a cron expression fires, as a table of kinds of months.

What the two day fields mean depends only on the length of a month (28 to 31) and the weekday of its first day: 28
kinds. Whether a year has such a day at all depends only on its first weekday and on whether it is a leap year: 14
kinds, and each of them comes within 28 years, or within 40 around a year such as 2100. So both are worked out once, and
a search skips years and months without a look at their days.

In a set of days bit n stands for the day n.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from evertask.recurrence.cron_fields import numbers_from

if TYPE_CHECKING:
    from evertask.recurrence.cron_fields import DayOfMonth, DayOfWeek

_WEEK: Final = 7
_SUNDAY, _SATURDAY = 0, 6
_SHORTEST, _LONGEST = 28, 31
_LENGTHS: Final = _LONGEST - _SHORTEST + 1
_EVERY_SEVENTH: Final = numbers_from(0, 28, _WEEK)
_ONE_WEEK: Final = numbers_from(0, _WEEK - 1)
_WHOLE_MONTHS: Final = {length: numbers_from(1, length) for length in range(_SHORTEST, _LONGEST + 1)}

_MONTH_LENGTHS: Final = (
    (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
    (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
)
_MONTH_STARTS: Final = tuple(tuple(accumulate(lengths[:-1], initial=0)) for lengths in _MONTH_LENGTHS)


def month_kind(kind_of_year: int, month: int) -> int:
    """The kind, 0 to 27, of a month (1 to 12) in a year of a kind."""
    leap = kind_of_year & 1
    first_weekday = ((kind_of_year >> 1) + _MONTH_STARTS[leap][month - 1]) % _WEEK
    return first_weekday * _LENGTHS + _MONTH_LENGTHS[leap][month - 1] - _SHORTEST


def year_kind(year: int) -> int:
    """The kind, 0 to 13, of a year."""
    return date(year, 1, 1).isoweekday() % _WEEK * 2 + isleap(year)


def days_by_month_kind(of_month: DayOfMonth, of_week: DayOfWeek, *, either: bool) -> tuple[int, ...]:
    """For each kind of month the days that meet both conditions, or either of them."""
    table = []
    for first_weekday in range(_WEEK):
        for length in range(_SHORTEST, _LONGEST + 1):
            by_number = _days_of_month(of_month, first_weekday, length)
            by_weekday = _days_of_week(of_week, first_weekday, length)
            table.append(by_number | by_weekday if either else by_number & by_weekday)
    return tuple(table)


def year_kinds_with(days: tuple[int, ...], months: int) -> int:
    """The set of kinds of years that have such a day in one of a set of months."""
    return sum(
        1 << kind
        for kind in range(_WEEK * 2)
        if any(months >> month & 1 and days[month_kind(kind, month)] for month in range(1, 13))
    )


def _days_of_month(condition: DayOfMonth, first_weekday: int, length: int) -> int:
    numbers = condition.numbers
    if condition.before_last is not None:
        day = length - condition.before_last
        numbers = 1 << day if day >= 1 else 0
    numbers &= _WHOLE_MONTHS[length]
    if numbers and condition.nearest_weekday:  # of a day that this month has: 31W is no day of June
        return 1 << _nearest_weekday(numbers.bit_length() - 1, first_weekday, length)
    return numbers


def _nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    weekday = (first_weekday + day - 1) % _WEEK
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _days_of_week(condition: DayOfWeek, first_weekday: int, length: int) -> int:
    # The week turned so that its bit 0 is the weekday of the first, and repeated through the month.
    week = (condition.numbers << _WEEK | condition.numbers) >> first_weekday & _ONE_WEEK
    days = week * _EVERY_SEVENTH << 1 & _WHOLE_MONTHS[length]
    if condition.last:
        days &= _ONE_WEEK << length - _WEEK + 1
    if condition.ordinal is not None:
        days &= _ONE_WEEK << 1 + (condition.ordinal - 1) * _WEEK
    return days
