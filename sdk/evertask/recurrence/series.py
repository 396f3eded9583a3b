"""A recurrence made ready to be asked: when is the next occurrence?

    series = compile_recurrence({"cron": "0 9 * * *", "timeZone": "Europe/Rome"})
    next_occurrence(series, after=datetime.now(UTC), anchor=created)

The answer depends on the series, the instant after which it looks and the *anchor* (when the task was created) alone,
never on where an iteration began. Its cost does not grow with the distance from the anchor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic import ValidationError

from evertask.api.durations import parse_duration
from evertask.api.recurrence import Recurrence
from evertask.api.rules import field_path
from evertask.api.times import CREATION_PRECISION, parse_time
from evertask.recurrence.calendars import compile_calendar
from evertask.recurrence.cron import parse_cron
from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.grids import Grid
from evertask.recurrence.zones import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from evertask.recurrence.cron import CronSchedule
    from evertask.recurrence.zones import Fold, Gap

_TICK = timedelta(microseconds=1)

REMEMBERED = 4096
"""Compiled series that are kept: the operator asks for one at every look at its task."""

DEFAULT_CATCH_UP_LIMIT = 100


class Schedule(Protocol):
    """When a series occurs, apart from its first run and its end."""

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """The first occurrence strictly after an instant; ``phase`` is where the counting of units began."""


@dataclass(frozen=True, slots=True)
class _Cron:
    """A cron expression on the clocks of a zone."""

    schedule: CronSchedule
    zone: ZoneInfo
    gap: Gap | None
    fold: Fold | None

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """See ``Schedule``; a cron expression has no phase."""
        del phase
        return self.schedule.next(after, self.zone, self.gap, self.fold)


@dataclass(frozen=True, slots=True)
class Series:
    """A recurrence, ready to be asked."""

    recurrence: Recurrence
    """What was compiled."""
    schedules: tuple[Schedule, ...]
    """The series occurs whenever one of them does; none: only the first run."""
    until: datetime | None
    """No occurrence at this instant or after it."""

    @property
    def max_runs(self) -> int | None:
        """How many runs there are at most; None: no bound."""
        return self.recurrence.max_runs

    @property
    def jitter(self) -> timedelta:
        """By how much a start may be delayed."""
        return parse_duration(self.recurrence.jitter) if self.recurrence.jitter else timedelta(0)

    @property
    def overlap(self) -> str:
        """Skip, Queue, Replace or Allow."""
        return self.recurrence.overlap or "Skip"

    @property
    def catch_up_policy(self) -> str:
        """Latest, All or None."""
        return self.recurrence.catch_up.policy if self.recurrence.catch_up else "Latest"

    @property
    def catch_up_window(self) -> timedelta | None:
        """How old a missed occurrence may be; None: any age."""
        catch_up = self.recurrence.catch_up
        return parse_duration(catch_up.window) if catch_up and catch_up.window else None

    @property
    def catch_up_limit(self) -> int:
        """How many missed occurrences run at most."""
        catch_up = self.recurrence.catch_up
        return (catch_up.limit if catch_up else None) or DEFAULT_CATCH_UP_LIMIT

    def first(self, anchor: datetime) -> datetime | None:
        """The instant of ``first``; None where the recurrence has none."""
        first = self.recurrence.first
        if first is None:
            return None
        if first.at is not None:
            return parse_time(first.at)
        return anchor + (parse_duration(first.after) if first.after is not None else timedelta(0))


def compile_recurrence(recurrence: Recurrence | Mapping[str, Any]) -> Series:
    """Make a recurrence ready to be asked; equal ones are compiled once.

    Args:
        recurrence: the model, or ``spec.recurrence`` as JSON.

    Raises:
        RecurrenceError: a field cannot be evaluated; the message names field, value and way out.
    """
    if isinstance(recurrence, Recurrence):
        recurrence = recurrence.model_dump(by_alias=True, exclude_none=True)
    try:
        text = json.dumps(recurrence, sort_keys=True, default=dict)
    except TypeError:  # no JSON, such as a YAML timestamp without quotes: the model names the field
        return _compile(dict(recurrence))
    return _compiled(text)


@lru_cache(maxsize=REMEMBERED)
def _compiled(text: str) -> Series:
    return _compile(json.loads(text))


def _compile(raw: Any) -> Series:
    try:
        recurrence = Recurrence.model_validate(raw, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecurrenceError(
            first["msg"].removeprefix("Value error, "),
            field=field_path(("spec", "recurrence", *first["loc"])),
            value=first["input"],
            reason="InvalidRecurrence",
        ) from error
    until = parse_time(recurrence.until) if recurrence.until is not None else None
    return Series(recurrence, _schedules(recurrence), until)


def _schedules(recurrence: Recurrence) -> tuple[Schedule, ...]:
    zone = load_zone(recurrence.time_zone or "UTC")
    saving = recurrence.daylight_saving
    gap, fold = (saving.gap, saving.fold) if saving else (None, None)
    if recurrence.every is not None:
        return (Grid(parse_duration(recurrence.every)),)
    if recurrence.calendar is not None:
        return (compile_calendar(recurrence.calendar, zone, gap, fold),)
    if recurrence.cron is not None:
        named = [("spec.recurrence.cron", recurrence.cron)]
    else:
        named = [(f"spec.recurrence.crons[{n}]", text) for n, text in enumerate(recurrence.crons or ())]
    match = recurrence.day_match or "Any"
    return tuple(
        _Cron(parse_cron(text, day_match=match, field=field), zone, gap, fold) for field, text in named
    )


def next_occurrence(
    series: Series | Recurrence | Mapping[str, Any], after: datetime, anchor: datetime
) -> datetime | None:
    """Give the first nominal instant strictly after a given one.

    Args:
        series: compiled or not.
        after: aware.
        anchor: aware; when the task was created or armed anew.

    Returns:
        An aware instant in UTC; None where the series is over. ``maxRuns`` is not looked at: only real runs count.

    Raises:
        RecurrenceError: the recurrence cannot be evaluated.
        ValueError: a datetime is naive.
    """
    if not isinstance(series, Series):
        series = compile_recurrence(series)
    after, anchor = _in_utc(after), _in_utc(anchor)
    try:
        found = _next(series, after, anchor)
    except OverflowError:  # beyond the year 9999
        return None
    return None if found is None or (series.until is not None and found >= series.until) else found


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} is naive; give it a time zone, for example datetime.now(UTC)")
    return instant.astimezone(UTC)


class _Course(NamedTuple):
    """How a series goes for one task."""

    first: datetime | None
    """The first run, where there is one apart from the schedule."""
    start: datetime
    """The schedule's occurrences are after it."""
    phase: datetime
    """Units are counted from it."""


def _course(series: Series, anchor: datetime) -> _Course:
    first = series.first(anchor)
    if first is None:
        return _Course(None, anchor, anchor)
    if first < anchor - CREATION_PRECISION:
        return _Course(None, anchor, first)
    return _Course(first, first, first)


def _next(series: Series, after: datetime, anchor: datetime) -> datetime | None:
    first, start, phase = _course(series, anchor)
    if first is not None and after < first:
        return first
    after = max(after, start)
    found = [one for schedule in series.schedules if (one := schedule.next(after, phase)) is not None]
    return min(found, default=None)


def before_first(anchor: datetime) -> datetime:
    """Give the last instant that is before the earliest occurrence which a series of this anchor may have.

    A first run ``at`` an instant within the second before the creation runs: the API server cuts that to the second.
    """
    try:
        return anchor - CREATION_PRECISION - _TICK
    except OverflowError:  # in the first second of the year 1
        return anchor


def occurrences(
    series: Series | Recurrence | Mapping[str, Any], after: datetime, anchor: datetime
) -> Iterator[datetime]:
    """Give the nominal instants strictly after a given one, in order; see ``next_occurrence``."""
    if not isinstance(series, Series):
        series = compile_recurrence(series)
    while (found := next_occurrence(series, after, anchor)) is not None:
        yield found
        after = found


def count_between(series: Series, after: datetime, before: datetime, anchor: datetime, limit: int) -> int:
    """Count the nominal instants after one instant and not after another.

    Args:
        series: compiled.
        after: aware; an occurrence at it does not count.
        before: aware; an occurrence at it counts.
        anchor: see ``next_occurrence``.
        limit: the answer is no higher. A fixed interval is counted by arithmetic, others one by one up to it.

    Raises:
        ValueError: a datetime is naive.
    """
    after, before, anchor = _in_utc(after), _in_utc(before), _in_utc(anchor)
    match series.schedules:
        case (Grid() as grid,):
            return min(_count_on_grid(series, grid, after, before, anchor), limit)
    found = takewhile(lambda instant: instant <= before, occurrences(series, after, anchor))
    return sum(1 for _ in islice(found, limit))


def _count_on_grid(series: Series, grid: Grid, after: datetime, before: datetime, anchor: datetime) -> int:
    if series.until is not None:
        before = min(before, series.until - _TICK)
    try:
        first, start, phase = _course(series, anchor)
    except OverflowError:  # beyond the year 9999
        return 0
    is_first_in = first is not None and after < first <= before
    return is_first_in + grid.count(max(after, start), before, phase)
