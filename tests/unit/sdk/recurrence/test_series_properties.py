"""Series of any kind against what a scan of days, hours and minutes finds; and what holds for all of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evertask.api.recurrence import WEEKDAYS
from evertask.recurrence import compile_recurrence, count_between, next_occurrence, occurrences

Json = dict[str, Any]

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

CHANGES = {
    "UTC": "2028-02-20",
    "America/New_York": "2026-02-20",
    "Europe/London": "2026-10-01",
    "Australia/Lord_Howe": "2026-03-20",
    "America/Sao_Paulo": "2018-10-20",
    "Pacific/Apia": "2011-12-10",
    "Asia/Kathmandu": "1985-12-15",
}
"""Zones, and a day some time before their clocks change."""

HOURLY = ("UTC", "America/New_York", "Europe/London", "America/Sao_Paulo", "Pacific/Apia")
"""Those whose changes are whole hours."""


def some(values: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most, unique=True)


times = st.builds("{:02}:{:02}".format, st.sampled_from([0, 1, 2, 3, 9, 23]), st.sampled_from([0, 1, 30, 59]))
ordinals = st.sampled_from(["First", "Second", "Third", "Fourth", "Last"])
weekdays = st.sampled_from(WEEKDAYS)
savings = st.fixed_dictionaries(
    {},
    optional={
        "gap": st.sampled_from(["RunAfter", "Skip"]),
        "fold": st.sampled_from(["First", "Second", "Both"]),
    },
)


@st.composite
def local_calendars(draw: st.DrawFn) -> Json:
    """Days, weeks or months with all that refines them."""
    unit = draw(st.sampled_from(["Day", "Week", "Month"]))
    made: Json = {"unit": unit, "every": draw(st.integers(1, 5))}
    if draw(st.booleans()):
        made["atTimes"] = draw(some(times, 4))
    if unit == "Week" and draw(st.booleans()):
        made["onDays"] = draw(some(weekdays, 3))
    if unit == "Month":
        made |= draw(
            st.one_of(
                st.just({}),
                st.builds(lambda day: {"onDay": day}, st.integers(1, 31)),
                st.builds(lambda days: {"onDays": days}, some(st.integers(1, 31), 4)),
                st.builds(
                    lambda ordinal, day: {"onWeekday": {"ordinal": ordinal, "day": day}}, ordinals, weekdays
                ),
            )
        )
        if draw(st.booleans()):
            made |= {"every": 1, "onMonths": draw(some(st.integers(1, 12), 4))}
    return made


@st.composite
def anchors(draw: st.DrawFn, zone: str) -> datetime:
    start = datetime.fromisoformat(CHANGES[zone]).replace(tzinfo=UTC)
    return (
        start
        + draw(st.integers(0, 30 * 24 * 60)) * MINUTE
        + draw(st.sampled_from([0, 17.3])) * timedelta(seconds=1)
    )


class Scan:
    """What a calendar of days, weeks or months means, said day by day and without any arithmetic on weeks or months."""

    def __init__(self, calendar: Json, zone: str, saving: Json, phase: datetime) -> None:
        self._calendar, self._saving = calendar, saving
        self._zone = ZoneInfo(zone)
        self._name = zone
        self._first_day = phase.astimezone(self._zone).date()

    def instants(self, days: int) -> set[datetime]:
        """The occurrences on so many days from that of the phase."""
        found: set[datetime] = set()
        day, units = self._first_day, 0
        while days:
            if units % self._calendar["every"] == 0 and self._has(day):
                for text in self._calendar.get("atTimes", ["00:00"]):
                    found |= set(self._on_clocks(datetime.combine(day, time.fromisoformat(text))))
            day, days = day + DAY, days - 1
            unit = self._calendar["unit"]
            units += (
                unit == "Day" or (unit == "Week" and day.weekday() == 6) or (unit == "Month" and day.day == 1)
            )
        return found

    def _has(self, day: date) -> bool:
        calendar = self._calendar
        if calendar["unit"] == "Day":
            return True
        if calendar["unit"] == "Week":
            return WEEKDAYS[day.weekday()] in calendar.get("onDays", [WEEKDAYS[self._first_day.weekday()]])
        if day.month not in calendar.get("onMonths", [day.month]):
            return False
        is_last = (day + DAY).day == 1
        if "onWeekday" in calendar:
            wanted = calendar["onWeekday"]
            if WEEKDAYS[day.weekday()] != wanted["day"]:
                return False
            if wanted["ordinal"] == "Last":
                return (day + 7 * DAY).month != day.month
            earlier = ["First", "Second", "Third", "Fourth"].index(wanted["ordinal"])
            return (day - earlier * 7 * DAY).month == day.month and (
                day - (earlier + 1) * 7 * DAY
            ).month != day.month
        numbers = calendar.get("onDays", [calendar.get("onDay", self._first_day.day)])
        return day.day in numbers or (is_last and any(number > day.day for number in numbers))

    def _on_clocks(self, local: datetime) -> list[datetime]:
        passes = passes_of(local, self._name)
        if not passes:
            return [] if self._saving.get("gap") == "Skip" else [end_of_gap(local, self._name)]
        chosen = {"First": passes[:1], "Second": passes[-1:], "Both": passes}
        return list(chosen[self._saving.get("fold", "First")])


@lru_cache(maxsize=100_000)
def passes_of(local: datetime, zone: str) -> tuple[datetime, ...]:
    """Every instant at which a clock shows a time: tried with each offset of the days around it."""
    clocks, here = ZoneInfo(zone), local.replace(tzinfo=UTC)
    offsets = {(here + hours * HOUR).astimezone(clocks).utcoffset() for hours in range(-36, 37)}
    tried = sorted(here - offset for offset in offsets if offset is not None)
    return tuple(one for one in tried if one.astimezone(clocks).replace(tzinfo=None, fold=0) == local)


@lru_cache(maxsize=100_000)
def end_of_gap(local: datetime, zone: str) -> datetime:
    clocks, one = ZoneInfo(zone), local.replace(tzinfo=UTC) - 36 * HOUR
    while one.astimezone(clocks).replace(tzinfo=None) < local:
        one += MINUTE
    return one


@pytest.mark.parametrize("zone", CHANGES)
@given(data=st.data(), calendar=local_calendars(), saving=savings)
@settings(max_examples=40, deadline=None)
def test_days_weeks_and_months_are_what_a_scan_of_days_finds(zone, data, calendar, saving):
    anchor = data.draw(anchors(zone))
    days = 70 if calendar["unit"] == "Day" else 400
    end = anchor + (days - 2) * DAY
    recurrence = {"calendar": calendar, "timeZone": zone, "daylightSaving": saving}
    found = list(takewhile(lambda one: one < end, occurrences(recurrence, anchor, anchor)))
    expected = Scan(calendar, zone, saving, anchor).instants(days)
    assert found == sorted(one for one in expected if anchor < one < end)


@pytest.mark.parametrize("zone", [*HOURLY, "Australia/Lord_Howe"])
@given(data=st.data(), minute=st.integers(0, 59), every=st.integers(1, 7))
@settings(max_examples=20, deadline=None)
@example(data=None, minute=59, every=1)
def test_hours_are_what_a_scan_of_minutes_finds(zone, data, minute, every):
    # Where an hour may begin at half past, only each hour has a plain meaning.
    every = every if zone in HOURLY else 1
    start = datetime.fromisoformat(CHANGES[zone]).replace(tzinfo=UTC)
    anchor = data.draw(anchors(zone)) if data else start
    clocks = ZoneInfo(zone)
    begin = anchor.astimezone(clocks)
    begin_of_hour = (
        anchor - begin.minute * MINUTE - timedelta(seconds=begin.second, microseconds=begin.microsecond)
    )
    expected = [
        one
        for one in (begin_of_hour + number * MINUTE for number in range(12 * 24 * 60))
        if one > anchor
        and one.astimezone(clocks).minute == minute
        and ((one - begin_of_hour) // HOUR % every == 0)
    ]
    recurrence = {"calendar": {"unit": "Hour", "every": every, "atMinute": minute}, "timeZone": zone}
    found = takewhile(lambda one: one <= expected[-1], occurrences(recurrence, anchor, anchor))
    assert list(found) == expected


crons = st.builds(
    "{} {} {} * {}".format,
    st.sampled_from(["0", "*/20", "30", "5,50"]),
    st.sampled_from(["*", "2", "9-17", "*/6", "0"]),
    st.sampled_from(["*", "1,15", "L", "31", "LW"]),
    st.sampled_from(["*", "MON", "5L", "MON-FRI", "SUN#1"]),
)
sixty = st.integers(0, 59)
thousand = st.integers(1, 1000)
clock_calendars = st.one_of(
    st.fixed_dictionaries({"unit": st.just("Second"), "every": thousand}),
    st.fixed_dictionaries({"unit": st.just("Minute"), "every": thousand}, optional={"atSecond": sixty}),
    st.fixed_dictionaries({"unit": st.just("Hour"), "every": thousand}),
    st.fixed_dictionaries(
        {"unit": st.just("Hour"), "every": thousand, "atMinute": sixty}, optional={"atSecond": sixty}
    ),
)
wide_calendars = st.builds(
    lambda calendar, every: calendar | ({} if "onMonths" in calendar else {"every": every}),
    local_calendars(),
    thousand,
)
schedules = st.one_of(
    st.just({}),
    st.builds(lambda seconds: {"every": f"{seconds}s"}, st.integers(1, 10_000_000)),
    st.builds(lambda cron: {"cron": cron}, crons),
    st.builds(lambda several: {"crons": several}, some(crons, 3)),
    st.builds(
        lambda calendar: {"calendar": calendar}, st.one_of(local_calendars(), wide_calendars, clock_calendars)
    ),
)


def moments(around: datetime) -> st.SearchStrategy[datetime]:
    return st.builds(
        lambda seconds, ticks: around + timedelta(seconds=seconds, microseconds=ticks),
        st.integers(-40 * 86_400, 40 * 86_400),
        st.sampled_from([0, 1, 999_999]),
    )


@st.composite
def series(draw: st.DrawFn) -> tuple[Json, datetime]:
    """Any recurrence, and when its task was created."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    anchor = draw(anchors(zone))
    made: Json = {"timeZone": zone, "daylightSaving": draw(savings), **draw(schedules)}
    firsts = st.one_of(
        st.just({"immediately": True}),
        st.builds(lambda seconds: {"after": f"{seconds}s"}, st.integers(0, 5_000_000)),
        st.builds(lambda at: {"at": at.isoformat()}, moments(anchor)),
    )
    if not set(made) & {"every", "cron", "crons", "calendar"} or draw(st.booleans()):
        made["first"] = draw(firsts)
    if draw(st.booleans()):
        made["until"] = draw(moments(anchor + 60 * DAY)).isoformat()
    return made, anchor


@given(made=series())
@settings(max_examples=400, deadline=None)
def test_occurrences_rise_and_stay_between_the_first_and_the_end(made):
    recurrence, anchor = made
    compiled = compile_recurrence(recurrence)
    found = list(islice(occurrences(compiled, anchor - 100 * DAY, anchor), 50))
    assert all(one < another for one, another in pairwise(found))
    assert all(one.tzinfo is UTC for one in found)
    first = compiled.first(anchor)
    earliest = anchor + TICK if first is None else max(first, anchor - timedelta(seconds=1))
    assert all(one >= earliest for one in found)
    assert compiled.until is None or all(one < compiled.until for one in found)
    if first is not None and first >= anchor - timedelta(seconds=1):
        assert found[:1] == [first] or (compiled.until is not None and compiled.until <= first)


@given(made=series(), after=st.integers(0, 5_000_000), part=st.floats(0, 1))
@settings(max_examples=400, deadline=None)
def test_the_next_occurrence_does_not_depend_on_where_the_search_began(made, after, part):
    recurrence, anchor = made
    start = anchor + timedelta(seconds=after)
    following = next_occurrence(recurrence, start, anchor)
    if following is None:
        later = start + timedelta(days=part * 4000)
        assert next_occurrence(recurrence, later, anchor) is None
        return
    between = min(start + (following - start) * part, following - TICK)  # a float's part rounds up
    assert next_occurrence(recurrence, between, anchor) == following
    assert next_occurrence(recurrence, following - TICK, anchor) == following
    stepped = takewhile(lambda one: one <= following, occurrences(recurrence, following - 40 * HOUR, anchor))
    assert list(stepped)[-1] == following


@given(made=series(), number=st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_an_end_at_an_occurrence_leaves_that_one_out(made, number):
    recurrence, anchor = made
    recurrence.pop("until", None)
    found = list(islice(occurrences(recurrence, anchor - 100 * DAY, anchor), number + 1))
    for last in found[number:]:
        ended = recurrence | {"until": last.isoformat()}
        assert list(occurrences(ended, anchor - 100 * DAY, anchor)) == found[:-1]


@given(texts=some(crons, 4), data=st.data())
@settings(max_examples=50, deadline=None)
def test_several_expressions_are_the_union_of_each(texts, data):
    zone = data.draw(st.sampled_from(sorted(CHANGES)))
    anchor = data.draw(anchors(zone))
    found = list(islice(occurrences({"crons": texts, "timeZone": zone}, anchor, anchor), 60))
    each = [
        takewhile(lambda one: one <= found[-1], occurrences({"cron": text, "timeZone": zone}, anchor, anchor))
        for text in texts
    ]
    assert found == sorted(set().union(*map(set, each)))


@given(made=series(), length=st.integers(0, 10_000_000), limit=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_count_is_that_of_the_occurrences(made, length, limit):
    recurrence, anchor = made
    compiled = compile_recurrence(recurrence)
    after, before = anchor - DAY, anchor - DAY + timedelta(seconds=length)
    found = takewhile(lambda one: one <= before, occurrences(compiled, after, anchor))
    assert count_between(compiled, after, before, anchor, limit) == len(list(islice(found, limit)))


END = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@given(
    schedule=schedules,
    zone=st.sampled_from(sorted(CHANGES)),
    first=st.sampled_from([None, "0s", "1h", "2000h"]),
    created=st.integers(0, 100 * 86_400),
    after=st.integers(0, 100 * 86_400),
)
@settings(max_examples=300, deadline=None)
def test_the_end_of_the_calendar_is_the_end_of_a_series(schedule, zone, first, created, after):
    recurrence = {"timeZone": zone, **schedule, "first": {"after": first or "1s"}}
    if schedule and first is None:
        del recurrence["first"]
    anchor, after = END - timedelta(seconds=created), END - timedelta(seconds=after)
    found = list(islice(occurrences(recurrence, after, anchor), 20))
    assert all(after < one <= END for one in found)
    assert next_occurrence(recurrence, END, anchor) is None
