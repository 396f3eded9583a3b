"""A recurrence said in Python, word by word.

    build_recurrence(
        lambda r: r.schedule().every(2).weeks().on_days(MON, FRI).at_times(time(9), time(17, 30)).in_zone("Europe/Rome")
    )

    recurring := schedule() interval endings
               | ( run_now() | run_delayed(span) | run_at(instant) ) [ then() interval endings ]
    interval  := use_cron(text...)
               | every_second()
               | every_minute() [ at_second ]
               | every_hour()   [ at_minute [ at_second ] ]
               | every_day()    [ times ]
               | every_week()   [ ( on_day(weekday) | on_days(weekday...) ) [ times ] ]
               | every_month()  [ days of the month [ times ] ]
               | every(n).seconds() | minutes() | hours() | days() | weeks() | months(), refined alike
               | on_days(weekday...) [ times ]
               | on_months(1..12...) [ days of the month [ times ] ]
    days of the month := on_day(1..31) | on_days(1..31...) | on_first(weekday) | on_last(weekday)
               | on_weekday(ordinal, weekday)
    times     := at_time(t) | at_times(t...)
    endings   := any of run_until, max_runs, in_zone, daylight_saving, catch_up, overlap, jitter; each once

Each state of a sentence is a class that offers the words that may follow, so a type checker refuses what cannot be
meant. States never change: a word gives a new one. The outcome is the model that YAML is read into, and nothing is
in it that was not said.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from evertask.api.recurrence import Recurrence
from evertask.recurrence.interval_states import Intervals
from evertask.recurrence.python_values import duration_text, instant_text
from evertask.recurrence.series import compile_recurrence
from evertask.recurrence.states import CompleteRecurrence

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from evertask.api.recurrence import Weekday

RecurrenceCallback: TypeAlias = "Callable[[RecurrenceBuilder], CompleteRecurrence]"
"""Says a recurrence: takes the builder, and returns the end of its sentence."""
Recurring: TypeAlias = "str | timedelta | Recurrence | RecurrenceCallback"
"""How Python may say a recurrence: a cron expression, an interval, the model, or a builder's callback."""

MON: Final[Weekday] = "Monday"
TUE: Final[Weekday] = "Tuesday"
WED: Final[Weekday] = "Wednesday"
THU: Final[Weekday] = "Thursday"
FRI: Final[Weekday] = "Friday"
SAT: Final[Weekday] = "Saturday"
SUN: Final[Weekday] = "Sunday"


class FirstRun(CompleteRecurrence):
    """The first run is said; without ``then`` it is the only one."""

    __slots__ = ()

    def then(self) -> Intervals:
        """Go on from the first run by a schedule."""
        return Intervals(self._said)


class RecurrenceBuilder:
    """The beginning of a sentence."""

    def schedule(self) -> Intervals:
        """Run by the schedule alone."""
        return Intervals({})

    def run_now(self) -> FirstRun:
        """Run for the first time at once."""
        return FirstRun({"first": {"immediately": True}})

    def run_delayed(self, delay: timedelta) -> FirstRun:
        """Run for the first time so long after the creation of the task, which the cluster knows to the second."""
        return FirstRun({"first": {"after": duration_text("first.after", delay)}})

    def run_at(self, instant: datetime) -> FirstRun:
        """Run for the first time at an aware instant.

        One that is past by more than a second makes no run: the schedule alone starts there.
        """
        return FirstRun({"first": {"at": instant_text("first.at", instant)}})


def build_recurrence(callback: RecurrenceCallback) -> Recurrence:
    """Build what a callback says.

    Args:
        callback: takes the builder and returns the end of its sentence, for example
            ``lambda r: r.schedule().every_day().at_time(time(9))``.

    Returns:
        The model. Its JSON, ``model_dump(by_alias=True, exclude_unset=True)``, has what was said, and nothing else.

    Raises:
        RecurrenceError: a value cannot be meant; the message names field, value and way out.
        TypeError: the callback returned a sentence without an end, or a value is of another type.
        AttributeError: a word cannot follow the one before it.
    """
    said = callback(RecurrenceBuilder())
    if not isinstance(said, CompleteRecurrence):
        raise TypeError(
            "the callback must return a recurrence that is said to its end, such as r.schedule().every_day(); "
            f"it returned {type(said).__name__}"
        )
    return said.build()


def recurrence_of(recurring: Recurring) -> Recurrence:
    """Read a recurrence in any of the ways in which Python may say it.

    Raises:
        RecurrenceError: a value cannot be meant; the message names field, value and way out.
        TypeError: it is none of them.
    """
    if callable(recurring):
        return build_recurrence(recurring)
    if isinstance(recurring, Recurrence):
        compile_recurrence(recurring)
        return recurring
    if isinstance(recurring, timedelta):
        return compile_recurrence({"every": duration_text("every", recurring)}).recurrence
    if isinstance(recurring, str):
        return compile_recurrence({"cron": recurring}).recurrence
    raise TypeError(
        "recurring takes a cron expression, a timedelta, a Recurrence, or a callback such as "
        f"lambda r: r.schedule().every_day(), not {recurring!r}"
    )
