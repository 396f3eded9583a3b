"""Cron schedules against a scan of every minute, and against croniter where the two mean the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter  # type: ignore[import-untyped]  # its stubs are a package of their own
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evertask.recurrence.cron import parse_cron

MINUTE = timedelta(minutes=1)
SCAN = timedelta(days=5)

SCANS = {
    "UTC": "2026-02-26",
    "America/New_York, spring": "2026-03-06",
    "America/New_York, autumn": "2026-10-30",
    "Australia/Lord_Howe, spring": "2026-10-02",
    "Australia/Lord_Howe, autumn": "2026-04-03",
    "America/Sao_Paulo, spring": "2018-11-02",
    "America/Sao_Paulo, autumn": "2018-02-16",
    "Pacific/Apia, the missing day": "2011-12-28",
    "Pacific/Kwajalein, the day that came twice": "1969-09-28",
    "Africa/Freetown, four days between two changes": "1939-08-31",
}
"""Zones and where a scan of five days begins."""


@dataclass(frozen=True)
class Reading:
    """What the clocks show at an instant."""

    instant: datetime
    local: datetime
    gone: tuple[datetime, ...]
    """Local times, to the minute, that the clocks left out just before."""
    comes_again: bool
    came_before: bool


@lru_cache
def readings(name: str) -> tuple[Reading, ...]:
    """Every minute of a scan: by the clocks alone, without a look at any offset."""
    zone = ZoneInfo(name.split(",", maxsplit=1)[0])
    start = datetime.fromisoformat(SCANS[name]).replace(tzinfo=UTC)
    # A day more on either side, so that a scan's first and last minutes know whether they repeat.
    shown = {}
    for number in range((SCAN + timedelta(days=2)) // MINUTE):
        instant = start - timedelta(days=1) + number * MINUTE
        shown[instant] = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    firsts: dict[datetime, datetime] = {}
    lasts: dict[datetime, datetime] = {}
    for instant, local in shown.items():
        firsts.setdefault(local, instant)
        lasts[local] = instant
    found = []
    for (_, before), (instant, local) in pairwise(shown.items()):
        gone = tuple(before + number * MINUTE for number in range(1, max(1, (local - before) // MINUTE)))
        if start <= instant < start + SCAN:
            found.append(Reading(instant, local, gone, instant < lasts[local], instant > firsts[local]))
    return tuple(found)


@dataclass(frozen=True)
class Plain:
    """An expression of plain lists beside what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""

    def has(self, local: datetime) -> bool:
        days = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        both_restricted = len(self.days) < 31 and len(self.weekdays) < 7
        right_day = any(days) if both_restricted else all(days)
        return local.minute in self.minutes and local.hour in self.hours and right_day


def numbers(first: int, last: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    every = st.just(("*", frozenset(range(first, last + 1))))
    some = st.sets(st.integers(first, last), min_size=1, max_size=4).map(
        lambda chosen: (",".join(map(str, sorted(chosen))), frozenset(chosen))
    )
    step = st.integers(2, last).map(lambda by: (f"*/{by}", frozenset(range(first, last + 1, by))))
    return st.one_of(every, some, step) if first == 0 and last != 6 else st.one_of(every, some)


@st.composite
def plain(draw: st.DrawFn) -> Plain:
    minute, hour = draw(numbers(0, 59)), draw(numbers(0, 23))
    day, weekday = draw(numbers(1, 31)), draw(numbers(0, 6))
    return Plain(f"{minute[0]} {hour[0]} {day[0]} * {weekday[0]}", minute[1], hour[1], day[1], weekday[1])


NIGHTLY = Plain("30 2 * * *", frozenset({30}), frozenset({2}), frozenset(range(1, 32)), frozenset(range(7)))


def expected(cron: Plain, name: str, gap: str, fold: str) -> list[datetime]:
    return [
        reading.instant
        for reading in readings(name)
        if (
            cron.has(reading.local)
            and not (fold == "First" and reading.came_before)
            and not (fold == "Second" and reading.comes_again)
        )
        or (gap == "RunAfter" and any(map(cron.has, reading.gone)))
    ]


@pytest.mark.parametrize("name", SCANS)
@given(
    cron=plain(), gap=st.sampled_from(["RunAfter", "Skip"]), fold=st.sampled_from(["First", "Second", "Both"])
)
@settings(max_examples=25, deadline=None)
@example(cron=NIGHTLY, gap="RunAfter", fold="First")
@example(cron=NIGHTLY, gap="Skip", fold="Second")
def test_a_schedule_is_what_a_scan_of_every_minute_finds(name, cron, gap, fold):
    scan, schedule = readings(name), parse_cron(cron.text)
    zone = ZoneInfo(name.split(",", maxsplit=1)[0])
    found, last = [], scan[0].instant - MINUTE / 60
    while (following := schedule.next(last, zone, gap, fold)) is not None and following <= scan[-1].instant:
        assert following > last
        found.append(following)
        last = following
    assert found == expected(cron, name, gap, fold)


@pytest.mark.parametrize("name", SCANS)
@given(
    cron=plain(),
    offset=st.integers(0, int(SCAN.total_seconds())),
    fold=st.sampled_from([None, "Second", "Both"]),
)
def test_the_next_firing_does_not_depend_on_where_the_search_began(name, cron, offset, fold):
    schedule, zone = parse_cron(cron.text), ZoneInfo(name.split(",", maxsplit=1)[0])
    start = readings(name)[0].instant + timedelta(seconds=offset)
    following = schedule.next(start, zone, fold=fold)
    assert following is not None
    middle = start + (following - start) / 2
    assert schedule.next(middle, zone, fold=fold) == following
    assert schedule.next(following - timedelta(microseconds=1), zone, fold=fold) == following


@given(cron=plain(), year=st.integers(1990, 2090), minute=st.integers(0, 525_600))
@settings(deadline=None)
def test_plain_expressions_mean_the_same_to_croniter(cron, year, minute):
    start = datetime(year, 1, 1, tzinfo=UTC) + minute * MINUTE
    schedule, other = parse_cron(cron.text), croniter(cron.text, start)
    for _ in range(5):
        following = schedule.next(start, ZoneInfo("UTC"))
        assert following is not None
        assert following == other.get_next(datetime)
        start = following
