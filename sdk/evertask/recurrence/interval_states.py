"""States of the builder's sentence in which the interval is said, unit by unit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from evertask.recurrence.python_values import duration_text, refusal, time_of_day_text
from evertask.recurrence.states import Json, Scheduled, State

if TYPE_CHECKING:
    from datetime import time

    from evertask.api.recurrence import Weekday

Ordinal = Literal["First", "Second", "Third", "Fourth", "Last"]


class _Calendar(Scheduled):
    """A schedule in the words of a calendar, which may be refined."""

    __slots__ = ()

    def _refined(self, **fields: object) -> Json:
        return {**self._said, "calendar": {**self._said["calendar"], **fields}}


class OnDays(_Calendar):
    """The days are said: every day, days of the week, days of the month."""

    __slots__ = ()

    def at_time(self, at: time) -> Scheduled:
        """Run at a time of the day, on the clocks of ``in_zone``; a fraction of a second is dropped."""
        return self.at_times(at)

    def at_times(self, at: time, *others: time) -> Scheduled:
        """Run at each of these times of the day."""
        return Scheduled(self._refined(atTimes=[time_of_day_text(each) for each in (at, *others)]))


class EveryDay(OnDays):
    """Every n days, at 00:00 unless times follow."""

    __slots__ = ()


class EveryWeek(_Calendar):
    """Every n weeks, on the weekday of the creation (or of the first run) unless days follow."""

    __slots__ = ()

    def on_day(self, day: Weekday) -> OnDays:
        """Run on a day of the week."""
        return self.on_days(day)

    def on_days(self, day: Weekday, *others: Weekday) -> OnDays:
        """Run on each of these days of the week."""
        return OnDays(self._refined(onDays=[day, *others]))


class EveryMonth(_Calendar):
    """Every n months, or certain months of the year; on the creation's day of the month unless days follow."""

    __slots__ = ()

    def on_day(self, day: int) -> OnDays:
        """Run on a day of the month, 1 to 31; a shorter month's last day stands for one that it lacks."""
        return OnDays(self._refined(onDay=day))

    def on_days(self, day: int, *others: int) -> OnDays:
        """Run on each of these days of the month."""
        return OnDays(self._refined(onDays=[day, *others]))

    def on_first(self, day: Weekday) -> OnDays:
        """Run on the first such weekday of the month."""
        return self.on_weekday("First", day)

    def on_last(self, day: Weekday) -> OnDays:
        """Run on the last such weekday of the month."""
        return self.on_weekday("Last", day)

    def on_weekday(self, ordinal: Ordinal, day: Weekday) -> OnDays:
        """Run on a weekday of the month by its number, such as the second Tuesday."""
        return OnDays(self._refined(onWeekday={"ordinal": ordinal, "day": day}))


class _EveryUnit(Scheduled):
    """Every n units of real time: a plain interval, until it is refined to a calendar."""

    __slots__ = ("_count",)

    def __init__(self, said: Json, count: int, unit: timedelta) -> None:
        every = duration_text("every", _interval(count, unit))
        super().__init__({**said, "every": every})
        self._count = count

    def _calendar(self, unit: str, **fields: int) -> Json:
        said = {name: value for name, value in self._said.items() if name != "every"}
        return _calendar(said, self._count, unit, **fields)


class EveryMinute(_EveryUnit):
    """Every n minutes."""

    __slots__ = ()

    def at_second(self, second: int) -> Scheduled:
        """Run at this second of the minute, 0 to 59."""
        return Scheduled(self._calendar("Minute", atSecond=second))


class AtMinute(_Calendar):
    """Every n hours at a minute, at second 0 unless a second follows."""

    __slots__ = ()

    def at_second(self, second: int) -> Scheduled:
        """Run at this second of that minute, 0 to 59."""
        return Scheduled(self._refined(atSecond=second))


class EveryHour(_EveryUnit):
    """Every n hours."""

    __slots__ = ()

    def at_minute(self, minute: int) -> AtMinute:
        """Run at this minute of the hour, 0 to 59."""
        return AtMinute(self._calendar("Hour", atMinute=minute))


class Units(State):
    """The number is said; its unit must follow."""

    __slots__ = ("_count",)

    def __init__(self, said: Json, count: int) -> None:
        super().__init__(said)
        self._count = count

    def seconds(self) -> Scheduled:
        """So many seconds of real time."""
        return _EveryUnit(self._said, self._count, timedelta(seconds=1))

    def minutes(self) -> EveryMinute:
        """So many minutes of real time."""
        return EveryMinute(self._said, self._count, timedelta(minutes=1))

    def hours(self) -> EveryHour:
        """So many hours of real time."""
        return EveryHour(self._said, self._count, timedelta(hours=1))

    def days(self) -> EveryDay:
        """So many days, counted from the day of the creation, or of the first run."""
        return EveryDay(_calendar(self._said, self._count, "Day"))

    def weeks(self) -> EveryWeek:
        """So many weeks, which begin on Sunday; counted from the week of the creation, or of the first run."""
        return EveryWeek(_calendar(self._said, self._count, "Week"))

    def months(self) -> EveryMonth:
        """So many months, counted from the month of the creation, or of the first run."""
        return EveryMonth(_calendar(self._said, self._count, "Month"))


class Intervals(State):
    """An interval must follow."""

    __slots__ = ()

    def use_cron(
        self, expression: str, *others: str, day_match: Literal["Any", "Both"] | None = None
    ) -> Scheduled:
        """Run whenever a cron expression says so; of several, whenever one of them does.

        Args:
            expression: five fields, or six with the second first, or a macro such as ``@daily``.
            others: more of them.
            day_match: of day of month and day of week, where both are restricted; see ``Recurrence.day_match``.
        """
        said: Json = {**self._said}
        said |= {"crons": [expression, *others]} if others else {"cron": expression}
        return Scheduled(said if day_match is None else {**said, "dayMatch": day_match})

    def every(self, count: int) -> Units:
        """Count units, from 1.

        Raises:
            RecurrenceError: the count is less than 1.
            TypeError: it is no whole number.
        """
        if type(count) is not int:  # True is one, and not meant
            raise TypeError(f"every takes a whole number, such as every(5).minutes(), not {count!r}")
        if count < 1:
            raise refusal("every", count, "a number of units must be 1 or more")
        return Units(self._said, count)

    def every_second(self) -> Scheduled:
        """Run each second."""
        return Units(self._said, 1).seconds()

    def every_minute(self) -> EveryMinute:
        """Run each minute, counted from the creation or the first run, unless a second follows."""
        return Units(self._said, 1).minutes()

    def every_hour(self) -> EveryHour:
        """Run each hour, counted from the creation or the first run, unless a minute follows."""
        return Units(self._said, 1).hours()

    def every_day(self) -> EveryDay:
        """Run each day."""
        return Units(self._said, 1).days()

    def every_week(self) -> EveryWeek:
        """Run each week."""
        return Units(self._said, 1).weeks()

    def every_month(self) -> EveryMonth:
        """Run each month."""
        return Units(self._said, 1).months()

    def on_days(self, day: Weekday, *others: Weekday) -> OnDays:
        """Run on these days of each week."""
        return self.every_week().on_days(day, *others)

    def on_months(self, month: int, *others: int) -> EveryMonth:
        """Run in these months of each year, 1 to 12."""
        return EveryMonth(_calendar(self._said, 1, "Month", onMonths=[month, *others]))


def _calendar(said: Json, count: int, unit: str, **fields: object) -> Json:
    counted = {"every": count} if count > 1 else {}
    return {**said, "calendar": {**counted, "unit": unit, **fields}}


def _interval(count: int, unit: timedelta) -> timedelta:
    try:
        return count * unit
    except OverflowError:
        raise refusal("every", count, "this is longer than ten years, the longest interval") from None
