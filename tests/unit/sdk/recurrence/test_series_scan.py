"""Whole series, first run and end included, against a scan that tries every day or minute and computes no distance."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertask.api.durations import format_duration, parse_duration
from evertask.api.recurrence import WEEKDAYS
from evertask.api.times import format_time, parse_time
from evertask.recurrence import occurrences
from evertask.recurrence.zones import DaylightPolicy, instants_of

Json = dict[str, Any]

TICK, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNITS = {"Second": SECOND, "Minute": MINUTE, "Hour": HOUR}
ORDINALS = ("First", "Second", "Third", "Fourth")

ZONES = ("UTC", "Europe/Rome", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca")
"""Clocks that change by whole hours or not at all, so that a scan can count hours."""


class Case(NamedTuple):
    """A recurrence, when its task was created, and how far the scan goes."""

    recurrence: Json
    created: datetime
    span: timedelta

    @property
    def end(self) -> datetime:
        return self.created + self.span

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recurrence["timeZone"])

    @property
    def first(self) -> datetime | None:
        first = self.recurrence.get("first", {})
        if "at" in first:
            return parse_time(first["at"])
        return self.created + parse_duration(first.get("after", "0s")) if first else None


def some(values: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most, unique=True)


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)) | st.sampled_from(
    ["00:00", "02:30", "02:59:59", "03:00", "23:59:59"]
)
days = st.integers(1, 31)
crons = st.tuples(some(st.integers(0, 59)), some(st.integers(0, 23)), some(st.integers(0, 6))).map(
    lambda parts: "{} {} * * {}".format(*(",".join(map(str, part)) for part in parts))
)
intervals = st.integers(1000, 5 * 86_400_000).map(lambda number: timedelta(milliseconds=number))
savings = st.fixed_dictionaries(
    {"gap": st.sampled_from(["RunAfter", "Skip"]), "fold": st.sampled_from(["First", "Second", "Both"])}
)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Json, timedelta]:
    unit = draw(st.sampled_from(["Second", "Minute", "Hour", "Day", "Week", "Month"]))
    made: Json = {"unit": unit, "every": draw(st.integers(1, 4) | st.integers(1, 40))}
    if unit == "Hour" and draw(st.booleans()):
        made["atMinute"] = draw(st.integers(0, 59))
    if (unit == "Minute" or "atMinute" in made) and draw(st.booleans()):
        made["atSecond"] = draw(st.integers(0, 59))
    if unit in {"Day", "Week", "Month"} and draw(st.booleans()):
        made["atTimes"] = draw(some(times))
    if unit == "Week" and draw(st.booleans()):
        made["onDays"] = draw(some(st.sampled_from(WEEKDAYS)))
    if unit == "Month":
        made |= draw(
            st.sampled_from([{}])
            | st.fixed_dictionaries({"onDay": days})
            | st.fixed_dictionaries({"onDays": some(days)})
            | st.builds(
                lambda ordinal, day: {"onWeekday": {"ordinal": ordinal, "day": day}},
                st.sampled_from([*ORDINALS, "Last"]),
                st.sampled_from(WEEKDAYS),
            )
        )
        if made["every"] == 1 and draw(st.booleans()):
            made["onMonths"] = draw(some(st.integers(1, 12)))
    spans = {"Second": 2 * MINUTE, "Minute": 4 * HOUR, "Hour": 3 * DAY, "Day": 60 * DAY}
    return made, spans.get(unit, 200 * DAY if unit == "Week" else 1500 * DAY)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    form = draw(st.sampled_from(["every", "cron", "crons", "calendar", "calendar", "calendar", ""]))
    made: Json = {"timeZone": draw(st.sampled_from(ZONES)), "daylightSaving": draw(savings)}
    span = 40 * DAY
    if form == "every":
        interval = draw(intervals)
        made["every"], span = format_duration(interval), 50 * interval
    elif form == "calendar":
        made["calendar"], span = draw(calendars())
    elif form:
        made[form] = draw(crons if form == "cron" else some(crons, 3))
    # From a day before to a day after a change of the clocks, or anywhere in two years; down to the microsecond.
    near = st.sampled_from(["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01", "2028-02-28"])
    day = draw(near | st.dates(date(2026, 1, 1), date(2027, 12, 31)).map(str))
    off = st.integers(-86_400, 86_400).map(lambda seconds: seconds * SECOND) | st.timedeltas(-DAY, DAY)
    created = datetime.fromisoformat(day).replace(tzinfo=UTC) + draw(off)
    firsts = st.one_of(
        st.just({"immediately": True}),
        st.timedeltas(timedelta(0), span / 2).map(lambda after: {"after": format_duration(after)}),
        st.timedeltas(-span, span / 2).map(lambda off: {"at": format_time(created + off)}),
        st.timedeltas(-2 * SECOND, TICK).map(lambda off: {"at": format_time(created + off)}),
    )
    if not form or draw(st.booleans()):
        made["first"] = draw(firsts)
    if draw(st.booleans()):
        made["until"] = format_time(created + draw(st.timedeltas(timedelta(0), span)))
    return Case(made, created, span)


def scan(case: Case) -> list[datetime]:
    """Every occurrence up to the end of the span."""
    recurrence, first = case.recurrence, case.first
    runs_first = first is not None and first >= case.created - SECOND
    phase = first or case.created
    begin = phase if runs_first or first is None else case.created
    found = {instant for instant in scheduled(case, phase) if instant > begin}
    if runs_first:
        found.add(phase)
    until = parse_time(recurrence["until"]) if "until" in recurrence else case.end + DAY
    return sorted(instant for instant in found if instant <= case.end and instant < until)


def scheduled(case: Case, phase: datetime) -> set[datetime]:
    recurrence = case.recurrence
    if "every" in recurrence:
        return on_grid(phase, parse_duration(recurrence["every"]), case.end)
    calendar = recurrence.get("calendar")
    if calendar is None:
        texts = recurrence.get("crons", [recurrence[name] for name in ["cron"] if name in recurrence])
        return {instant for text in texts for instant in by_cron(case, text)}
    if calendar["unit"] not in UNITS:
        return by_days(case, phase)
    if calendar.keys() & {"atMinute", "atSecond"}:
        return by_minutes(case, phase)
    return on_grid(phase, calendar["every"] * UNITS[calendar["unit"]], case.end)


def on_grid(phase: datetime, interval: timedelta, end: datetime) -> set[datetime]:
    found, instant = set(), phase + interval
    while instant <= end:
        found.add(instant)
        instant += interval
    return found


def by_cron(case: Case, text: str) -> set[datetime]:
    minutes, hours, _, _, weekdays = (part.split(",") for part in text.split())
    return {
        instant
        for day in days_between(case, case.created)
        if str(day.isoweekday() % 7) in weekdays
        for hour in hours
        for minute in minutes
        for instant in on_clocks(case, datetime.combine(day, time(int(hour), int(minute))))
    }


def by_days(case: Case, phase: datetime) -> set[datetime]:
    calendar, first_day = case.recurrence["calendar"], phase.astimezone(case.zone).date()
    return {
        instant
        for day in days_between(case, phase)
        if is_meant(calendar, day, first_day)
        for at in calendar.get("atTimes", ["00:00"])
        for instant in on_clocks(case, datetime.combine(day, time.fromisoformat(at)))
    }


def by_minutes(case: Case, phase: datetime) -> set[datetime]:
    """Try every minute of real time by what the clocks show; units are counted as they begin."""
    calendar = case.recurrence["calendar"]
    unit = UNITS[calendar["unit"]]
    minute = phase - phase.second * SECOND - phase.microsecond * TICK
    if unit == HOUR:
        minute -= minute.astimezone(case.zone).minute * MINUTE
    found, units = set(), -1
    while minute <= case.end:
        shown = minute.astimezone(case.zone).minute
        units += unit == MINUTE or shown == 0
        if units % calendar["every"] == 0 and (unit == MINUTE or shown == calendar["atMinute"]):
            found.add(minute + calendar.get("atSecond", 0) * SECOND)
        minute += MINUTE
    return found


def days_between(case: Case, begin: datetime) -> list[date]:
    first = begin.astimezone(case.zone).date()
    return [first + number * DAY for number in range((case.end - begin) // DAY + 3)]


def on_clocks(case: Case, local: datetime) -> tuple[datetime, ...]:
    return instants_of(local, case.zone, DaylightPolicy(**case.recurrence["daylightSaving"]))


def is_meant(calendar: Json, day: date, phase: date) -> bool:
    every: int = calendar["every"]
    weekday = WEEKDAYS[day.weekday()]
    if calendar["unit"] == "Day":
        return (day - phase).days % every == 0
    if calendar["unit"] == "Week":
        weeks = (sunday_of(day) - sunday_of(phase)).days // 7
        return weeks % every == 0 and weekday in calendar.get("onDays", [WEEKDAYS[phase.weekday()]])
    months = (day.year - phase.year) * 12 + day.month - phase.month
    if months % every or day.month not in calendar.get("onMonths", [day.month]):
        return False
    if nth := calendar.get("onWeekday"):
        is_last = (day + 7 * DAY).month != day.month
        number = is_last if nth["ordinal"] == "Last" else (day.day - 1) // 7 == ORDINALS.index(nth["ordinal"])
        return bool(number and weekday == nth["day"])
    numbers = calendar.get("onDays", [calendar.get("onDay", phase.day)])
    return day.day in numbers or ((day + DAY).day == 1 and max(numbers) > day.day)


def sunday_of(day: date) -> date:
    while day.isoweekday() % 7:
        day -= DAY
    return day


@given(case=cases())
@settings(max_examples=400, deadline=None)
def test_a_series_is_what_a_scan_finds(case):
    through = occurrences(case.recurrence, case.created - DAY, case.created)
    assert list(takewhile(lambda instant: instant <= case.end, through)) == scan(case)


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu", "Asia/Gaza"])
@given(
    # Anywhere in the year, or just before the clocks of Lord Howe change.
    hour=st.integers(0, 8760) | st.integers(2200, 2250) | st.integers(6570, 6620),
    minute=st.integers(0, 59),
    every=st.integers(1, 30),
)
@settings(max_examples=100, deadline=None)
def test_a_minute_of_the_hour_stays_that_minute_in_every_zone(zone, hour, minute, every):
    created = datetime(2026, 1, 1, tzinfo=UTC) + hour * HOUR
    recurrence = {"calendar": {"unit": "Hour", "every": every, "atMinute": minute}, "timeZone": zone}
    found = list(islice(occurrences(recurrence, created, created), 10))
    assert {instant.astimezone(ZoneInfo(zone)).minute for instant in found} == {minute}
    steps = [later - earlier for earlier, later in pairwise(found)]
    # An hour that the clocks cut short may lack its minute, so that two of the steps are one.
    assert all(step <= 2 * every * HOUR + HOUR / 2 for step in steps)
