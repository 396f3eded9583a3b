"""Cron expressions: what Cronos understands, as a schedule of local times.

Five fields (minute, hour, day of month, month, day of week), six with the second first, or a macro such as ``@daily``;
``cron_fields`` has the grammar. Blanks and tabs part the fields. A parsed expression is a set of numbers for each unit
of time, so the next local time is found unit by unit, from the year down, and never by trying times in turn.

Which days an expression means that restricts both the day of the month and the day of the week is the caller's choice:

    Any    one condition is enough, as for a CronJob. A field restricts unless it is * or ?; a step restricts too
           (some cron(8) differ there: to them */2 does not). L, W and # are conditions like others: 0 0 LW * MON is
           every Monday and the last weekday of the month.
    Both   both must hold, as in Cronos: 0 0 13 * FRI is Friday the 13th.

Daylight saving, unless the caller says otherwise, is Cronos' too: a time in a gap occurs at the first instant after it;
in a fold an expression that repeats (``*``, ``?``, ``-`` or ``/`` in the second, minute or hour) keeps its rhythm
through both passes, and fixed times occur in the first only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from evertask.recurrence import cron_fields
from evertask.recurrence.cron_days import days_by_month_kind, month_kind, year_kind, year_kinds_with
from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.zones import DaylightPolicy, next_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from evertask.recurrence.zones import Fold, Gap

DayMatch = Literal["Any", "Both"]

MACROS: Final = {
    "@every_second": "* * * * * *",
    "@every_minute": "* * * * *",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Names for expressions, in any case."""

_BLANKS = re.compile(r"[ \t]+")
_SECOND = timedelta(seconds=1)
_WITHOUT_SECONDS: Final = 5
_WITH_SECONDS: Final = 6


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A parsed cron expression; two are equal where they mean the same. Made by `parse_cron`.

    In each set of numbers, bit n stands for n.
    """

    expression: str = attribute(compare=False)
    """The text that was parsed."""
    seconds: int
    minutes: int
    hours: int
    months: int
    days: tuple[int, ...]
    """The set of days for each kind of month (see ``cron_days``)."""
    years: int
    """The kinds of years that have such a day."""
    repeats: bool
    """It repeats within the hour or the day, so by default both passes of a fold count."""

    def next(
        self, after: datetime, zone: ZoneInfo, gap: Gap | None = None, fold: Fold | None = None
    ) -> datetime | None:
        """The first firing strictly after an instant.

        Args:
            after: an aware datetime.
            zone: whose clocks the expression speaks of.
            gap: what becomes of local times that do not exist; None is ``RunAfter``.
            fold: what becomes of local times that come twice; None is ``Both`` for an expression that repeats within
                the hour or the day, else ``First``.

        Returns:
            An aware datetime in UTC; None where there is none before the year 10000.

        Raises:
            ValueError: ``after`` is naive.
        """
        policy = DaylightPolicy(gap or "RunAfter", fold or ("Both" if self.repeats else "First"))
        return next_instant(self.next_local, after, zone, policy)

    def next_local(self, after: datetime) -> datetime | None:
        """The first local time, a naive datetime, strictly after another; None before the year 10000 ends without."""
        try:
            start = after.replace(microsecond=0) + _SECOND
        except OverflowError:
            return None
        time = self._time_from(start.hour, start.minute, start.second)
        day = self._day_from(start.year, start.month, start.day + (time is None))
        if day is None:
            return None
        if time is None or day != (start.year, start.month, start.day):
            time = (_lowest(self.hours), _lowest(self.minutes), _lowest(self.seconds))
        return datetime(*day, *time)  # noqa: DTZ001 - a local time is naive on purpose

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first time at or after another within its day."""
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (seconds := self.seconds >> second):
                return hour, minute, second + _lowest(seconds)
            if minutes := self.minutes >> minute + 1:
                return hour, minute + 1 + _lowest(minutes), _lowest(self.seconds)
        if hours := self.hours >> hour + 1:
            return hour + 1 + _lowest(hours), _lowest(self.minutes), _lowest(self.seconds)
        return None

    def _day_from(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        """The first day at or after another, which may be one beyond the end of its month."""
        while year <= MAXYEAR:
            kind = year_kind(year)
            if self.years >> kind & 1:
                while month <= 12:  # noqa: PLR2004 - months of a year
                    if self.months >> month & 1 and (days := self.days[month_kind(kind, month)] >> day):
                        return year, month, day + _lowest(days)
                    month, day = month + 1, 1
            year, month, day = year + 1, 1, 1
        return None


def parse_cron(
    text: str, *, day_match: DayMatch = "Any", field: str = "spec.recurrence.cron"
) -> CronSchedule:
    """Parse a cron expression.

    Args:
        text: the expression, or a macro.
        day_match: whether ``Any`` or ``Both`` of two restricted day fields must hold.
        field: path of the field that has the text, for the error.

    Raises:
        RecurrenceError: reason ``InvalidCron``: the text is no expression; ``NeverFires``: no day meets it, ever.
    """
    try:
        schedule = _parse(text, day_match)
    except cron_fields.CronSyntaxError as error:
        raise RecurrenceError(str(error), field=field, value=text, reason="InvalidCron") from None
    if not schedule.years:
        raise RecurrenceError(
            f"this never fires: {_no_day(text)}; change the day of month, the month or the day of week",
            field=field,
            value=text,
            reason="NeverFires",
        )
    return schedule


def _parse(text: str, day_match: DayMatch) -> CronSchedule:
    *second, minute, hour, day_of_month, month, day_of_week = _fields(text)
    times = (second[0] if second else "0", minute, hour)
    either = day_match == "Any" and all(map(cron_fields.restricts, (day_of_month, day_of_week)))
    seconds, minutes, hours = (
        cron_fields.read_numbers(*read)
        for read in zip((cron_fields.SECOND, cron_fields.MINUTE, cron_fields.HOUR), times, strict=True)
    )
    of_month = cron_fields.read_day_of_month(day_of_month)
    months = cron_fields.read_numbers(cron_fields.MONTH, month)
    of_week = cron_fields.read_day_of_week(day_of_week)
    days = days_by_month_kind(of_month, of_week, either=either)
    return CronSchedule(
        expression=text,
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=months,
        days=days,
        years=year_kinds_with(days, months),
        repeats=any(map(cron_fields.repeats, times)),
    )


def _fields(text: str) -> list[str]:
    """The five or six fields of an expression or a macro."""
    if not text.isascii():  # before anything is put in upper case: there, a long s is an S
        strange = next(character for character in text if not character.isascii())
        raise cron_fields.CronSyntaxError(f"{strange!r} has no meaning here; write plain ASCII")
    plain = text.strip(" \t")
    if plain.startswith("@"):
        if plain.lower() not in MACROS:
            raise cron_fields.CronSyntaxError(f"no such macro; the macros are {', '.join(MACROS)}")
        plain = MACROS[plain.lower()]
    fields = _BLANKS.split(plain) if plain else []
    if len(fields) not in {_WITHOUT_SECONDS, _WITH_SECONDS}:
        raise cron_fields.CronSyntaxError(
            f"{len(fields)} fields; write five (minute, hour, day of month, month, day of week) or six, "
            "with the second first"
        )
    return fields


def _no_day(text: str) -> str:
    *_, day_of_month, month, day_of_week = _fields(text)
    return f"no day has day of month {day_of_month!r}, month {month!r} and day of week {day_of_week!r}"


def _lowest(numbers: int) -> int:
    """The least number of a set that is not empty."""
    return (numbers & -numbers).bit_length() - 1
