"""Calendars: every unit alone and refined, phases, months of every length, changes of the clocks, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.recurrence import RecurrenceError, compile_recurrence, next_occurrence
from tests.support.schedules import course, instant

MONDAY = "2026-01-05T10:02:17.3Z"
ROME = "Europe/Rome"
MONDAY_INSTANT = instant(MONDAY)
LORD_HOWE = "Australia/Lord_Howe"  # half an hour


def calendar(unit: str, every: int = 1, zone: str | None = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"calendar": {"every": every, "unit": unit, **fields}}
    return made | ({"timeZone": zone} if zone else {})


@pytest.mark.parametrize(
    ("recurrence", "created", "expected"),
    [
        pytest.param(
            calendar("Second", 10),
            MONDAY,
            ["Mon 2026-01-05 10:02:27.300000", "Mon 2026-01-05 10:02:37.300000"],
            id="seconds step from the creation, its fraction kept",
        ),
        pytest.param(
            calendar("Minute", 5),
            MONDAY,
            ["Mon 2026-01-05 10:07:17.300000", "Mon 2026-01-05 10:12:17.300000"],
            id="minutes step from the creation, not from the clock's minutes",
        ),
        pytest.param(
            calendar("Hour", 2),
            MONDAY,
            ["Mon 2026-01-05 12:02:17.300000", "Mon 2026-01-05 14:02:17.300000"],
            id="hours step from the creation",
        ),
        pytest.param(
            calendar("Minute", atSecond=30),
            "2026-01-05T10:02:10Z",
            ["Mon 2026-01-05 10:02:30", "Mon 2026-01-05 10:03:30"],
            id="a second that is still ahead is of this minute",
        ),
        pytest.param(
            calendar("Minute", atSecond=30),
            "2026-01-05T10:02:30Z",
            ["Mon 2026-01-05 10:03:30", "Mon 2026-01-05 10:04:30"],
            id="the instant of the creation is no occurrence",
        ),
        pytest.param(
            calendar("Minute", atSecond=0),
            "2026-01-05T10:02:10Z",
            ["Mon 2026-01-05 10:03", "Mon 2026-01-05 10:04"],
            id="second 0 means second 0",
        ),
        pytest.param(
            calendar("Minute", 3, atSecond=30),
            "2026-01-05T10:02:10Z",
            ["Mon 2026-01-05 10:02:30", "Mon 2026-01-05 10:05:30"],
            id="every third minute from that of the creation",
        ),
        pytest.param(
            calendar("Minute", 3, atSecond=5),
            "2026-01-05T10:02:10Z",
            ["Mon 2026-01-05 10:05:05", "Mon 2026-01-05 10:08:05"],
            id="every third minute, the creation's being over",
        ),
        pytest.param(
            calendar("Hour", atMinute=45),
            MONDAY,
            ["Mon 2026-01-05 10:45", "Mon 2026-01-05 11:45"],
            id="a minute that is still ahead is of this hour, at second 0",
        ),
        pytest.param(
            calendar("Hour", atMinute=15, atSecond=9),
            MONDAY,
            ["Mon 2026-01-05 10:15:09", "Mon 2026-01-05 11:15:09"],
            id="minute and second of the hour",
        ),
        pytest.param(
            calendar("Hour", 2, atMinute=0),
            MONDAY,
            ["Mon 2026-01-05 12:00", "Mon 2026-01-05 14:00"],
            id="every second hour from that of the creation",
        ),
    ],
)
def test_seconds_minutes_and_hours(recurrence, created, expected):
    assert course(recurrence, created, count=2) == expected


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        pytest.param(
            calendar("Day"),
            ["Tue 2026-01-06 00:00", "Wed 2026-01-07 00:00", "Thu 2026-01-08 00:00"],
            id="midnight where no time is given",
        ),
        pytest.param(
            calendar("Day", atTimes=["14:30"]),
            ["Mon 2026-01-05 14:30", "Tue 2026-01-06 14:30", "Wed 2026-01-07 14:30"],
            id="today, where the time is still ahead",
        ),
        pytest.param(
            calendar("Day", atTimes=["09:00:05"]),
            ["Tue 2026-01-06 09:00:05", "Wed 2026-01-07 09:00:05", "Thu 2026-01-08 09:00:05"],
            id="tomorrow, where it has passed",
        ),
        pytest.param(
            calendar("Day", atTimes=["18:00", "09:00", "14:00", "09:00:00"]),
            ["Mon 2026-01-05 14:00", "Mon 2026-01-05 18:00", "Tue 2026-01-06 09:00"],
            id="every listed time, whatever their order, once",
        ),
        pytest.param(
            calendar("Day", 3, atTimes=["14:30"]),
            ["Mon 2026-01-05 14:30", "Thu 2026-01-08 14:30", "Sun 2026-01-11 14:30"],
            id="every third day from that of the creation",
        ),
        pytest.param(
            calendar("Day", 3, atTimes=["09:00"]),
            ["Thu 2026-01-08 09:00", "Sun 2026-01-11 09:00", "Wed 2026-01-14 09:00"],
            id="every third day, the first time having passed",
        ),
        pytest.param(
            calendar("Week"),
            ["Mon 2026-01-12 00:00", "Mon 2026-01-19 00:00", "Mon 2026-01-26 00:00"],
            id="the creation's weekday where none is given",
        ),
        pytest.param(
            calendar("Week", 2, atTimes=["14:00"]),
            ["Mon 2026-01-05 14:00", "Mon 2026-01-19 14:00", "Mon 2026-02-02 14:00"],
            id="every second week on the creation's weekday",
        ),
        pytest.param(
            calendar("Week", onDays=["Wednesday", "Monday"], atTimes=["09:00", "14:00"]),
            [
                "Mon 2026-01-05 14:00",
                "Wed 2026-01-07 09:00",
                "Wed 2026-01-07 14:00",
                "Mon 2026-01-12 09:00",
            ],
            id="every listed weekday at every listed time",
        ),
        pytest.param(
            calendar("Week", 2, onDays=["Friday"]),
            ["Fri 2026-01-09 00:00", "Fri 2026-01-23 00:00", "Fri 2026-02-06 00:00"],
            id="every second week, the creation's included",
        ),
        pytest.param(
            calendar("Week", 2, onDays=["Sunday", "Saturday"]),
            ["Sat 2026-01-10 00:00", "Sun 2026-01-18 00:00", "Sat 2026-01-24 00:00"],
            id="a week begins on Sunday",
        ),
    ],
)
def test_days_and_weeks_of_a_task_of_monday_at_ten(recurrence, expected):
    assert course(recurrence, MONDAY, count=len(expected)) == expected


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        pytest.param("2026-01-04T10:00Z", ["Fri 2026-01-09 00:00", "Fri 2026-01-23 00:00"], id="Sunday"),
        pytest.param("2026-01-09T10:00Z", ["Fri 2026-01-23 00:00", "Fri 2026-02-06 00:00"], id="Friday"),
        pytest.param("2026-01-10T10:00Z", ["Fri 2026-01-23 00:00", "Fri 2026-02-06 00:00"], id="Saturday"),
        pytest.param("2026-01-11T10:00Z", ["Fri 2026-01-16 00:00", "Fri 2026-01-30 00:00"], id="next Sunday"),
    ],
)
def test_every_second_friday_is_counted_from_the_week_of_the_creation(created, expected):
    assert course(calendar("Week", 2, onDays=["Friday"]), created, count=2) == expected


@pytest.mark.parametrize(
    ("recurrence", "created", "expected"),
    [
        pytest.param(
            calendar("Month"),
            "2026-01-31T12:00Z",
            ["Sat 2026-02-28 00:00", "Tue 2026-03-31 00:00", "Thu 2026-04-30 00:00"],
            id="the creation's day where none is given; a short month's last day does not stick",
        ),
        pytest.param(
            calendar("Month", atTimes=["13:00"]),
            "2026-01-31T12:00Z",
            ["Sat 2026-01-31 13:00", "Sat 2026-02-28 13:00", "Tue 2026-03-31 13:00"],
            id="this month, where the time is still ahead",
        ),
        pytest.param(
            calendar("Month", onDay=15),
            "2026-01-10T12:00Z",
            ["Thu 2026-01-15 00:00", "Sun 2026-02-15 00:00", "Sun 2026-03-15 00:00"],
            id="this month, where the day is still ahead",
        ),
        pytest.param(
            calendar("Month", onDay=31),
            "2026-01-10T12:00Z",
            ["Sat 2026-01-31 00:00", "Sat 2026-02-28 00:00", "Tue 2026-03-31 00:00", "Thu 2026-04-30 00:00"],
            id="the 31st is a short month's last day, and does not stick",
        ),
        pytest.param(
            calendar("Month", onDay=30),
            "2028-02-01T00:00Z",
            ["Tue 2028-02-29 00:00", "Thu 2028-03-30 00:00"],
            id="a leap year's February",
        ),
        pytest.param(
            calendar("Month", onDays=[15, 1]),
            "2026-01-10T12:00Z",
            ["Thu 2026-01-15 00:00", "Sun 2026-02-01 00:00", "Sun 2026-02-15 00:00"],
            id="every listed day",
        ),
        pytest.param(
            calendar("Month", onDays=[29, 30, 31]),
            "2026-02-10T12:00Z",
            ["Sat 2026-02-28 00:00", "Sun 2026-03-29 00:00", "Mon 2026-03-30 00:00", "Tue 2026-03-31 00:00"],
            id="the last day stands once for all that the month lacks",
        ),
        pytest.param(
            calendar("Month", onDays=[1, 15], atTimes=["09:00", "17:30"]),
            "2026-01-15T10:00Z",
            ["Thu 2026-01-15 17:30", "Sun 2026-02-01 09:00", "Sun 2026-02-01 17:30"],
            id="every listed day at every listed time",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "First", "day": "Monday"}),
            "2026-01-02T12:00Z",
            ["Mon 2026-01-05 00:00", "Mon 2026-02-02 00:00", "Mon 2026-03-02 00:00"],
            id="the first Monday",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "First", "day": "Thursday"}),
            "2025-12-31T12:00Z",
            ["Thu 2026-01-01 00:00", "Thu 2026-02-05 00:00"],
            id="the first Thursday may be the first",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "Second", "day": "Sunday"}),
            "2026-01-02T12:00Z",
            ["Sun 2026-01-11 00:00", "Sun 2026-02-08 00:00"],
            id="the second Sunday",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "Third", "day": "Tuesday"}),
            "2026-01-02T12:00Z",
            ["Tue 2026-01-20 00:00", "Tue 2026-02-17 00:00"],
            id="the third Tuesday",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "Fourth", "day": "Saturday"}),
            "2026-02-01T12:00Z",
            ["Sat 2026-02-28 00:00", "Sat 2026-03-28 00:00"],
            id="the fourth Saturday may be the last day",
        ),
        pytest.param(
            calendar("Month", onWeekday={"ordinal": "Last", "day": "Friday"}, atTimes=["18:00"]),
            "2026-01-30T17:00Z",
            ["Fri 2026-01-30 18:00", "Fri 2026-02-27 18:00", "Fri 2026-03-27 18:00"],
            id="the last Friday",
        ),
        pytest.param(
            calendar("Month", 3, onDay=15),
            "2026-01-10T12:00Z",
            ["Thu 2026-01-15 00:00", "Wed 2026-04-15 00:00", "Wed 2026-07-15 00:00"],
            id="every third month, the creation's included",
        ),
        pytest.param(
            calendar("Month", 3, onDay=1),
            "2026-11-10T12:00Z",
            ["Mon 2027-02-01 00:00", "Sat 2027-05-01 00:00"],
            id="every third month, over the year's end",
        ),
        pytest.param(
            calendar("Month", 12, onDay=31),
            "2027-02-28T12:00Z",
            ["Tue 2028-02-29 00:00", "Wed 2029-02-28 00:00"],
            id="every twelfth month, through a leap year",
        ),
        pytest.param(
            calendar("Month", onMonths=[10, 1, 4, 7], onDay=1),
            "2026-02-10T12:00Z",
            ["Wed 2026-04-01 00:00", "Wed 2026-07-01 00:00", "Thu 2026-10-01 00:00", "Fri 2027-01-01 00:00"],
            id="every listed month, every year",
        ),
        pytest.param(
            calendar("Month", onMonths=[2], onDay=29),
            "2026-03-01T12:00Z",
            ["Sun 2027-02-28 00:00", "Tue 2028-02-29 00:00", "Wed 2029-02-28 00:00"],
            id="the last day of February",
        ),
        pytest.param(
            calendar("Month", onMonths=[1, 6]),
            "2026-01-31T12:00Z",
            ["Tue 2026-06-30 00:00", "Sun 2027-01-31 00:00"],
            id="listed months on the creation's day",
        ),
        pytest.param(
            calendar("Month", onMonths=[9], onWeekday={"ordinal": "First", "day": "Monday"}),
            "2026-01-31T12:00Z",
            ["Mon 2026-09-07 00:00", "Mon 2027-09-06 00:00"],
            id="the first Monday of September",
        ),
    ],
)
def test_months(recurrence, created, expected):
    assert course(recurrence, created, count=len(expected)) == expected


def test_the_day_of_the_phase_is_the_zones():
    assert course(calendar("Day", 2, ROME, atTimes=["12:00"]), "2026-01-05T23:30Z", count=2) == [
        "Tue 2026-01-06 12:00+01:00",
        "Thu 2026-01-08 12:00+01:00",
    ]


def test_a_time_of_day_stays_on_the_clocks_through_the_year():
    recurrence = calendar("Month", zone=ROME, onDay=1, atTimes=["09:00"])
    assert course(recurrence, "2026-03-01T12:00Z", count=1) == ["Wed 2026-04-01 09:00+02:00"]
    assert course(recurrence, "2026-10-02T12:00Z", count=1) == ["Sun 2026-11-01 09:00+01:00"]


@pytest.mark.parametrize(
    ("times", "saving", "expected"),
    [
        pytest.param(
            ["02:30"],
            {},
            ["Sat 2026-03-28 02:30+01:00", "Sun 2026-03-29 03:00+02:00", "Mon 2026-03-30 02:30+02:00"],
            id="right after the gap",
        ),
        pytest.param(
            ["02:15", "02:45", "03:00"],
            {"gap": "RunAfter"},
            [
                "Sat 2026-03-28 02:15+01:00",
                "Sat 2026-03-28 02:45+01:00",
                "Sat 2026-03-28 03:00+01:00",
                "Sun 2026-03-29 03:00+02:00",
                "Mon 2026-03-30 02:15+02:00",
            ],
            id="once for all times of the gap and its end",
        ),
        pytest.param(
            ["02:30"],
            {"gap": "Skip"},
            ["Sat 2026-03-28 02:30+01:00", "Mon 2026-03-30 02:30+02:00"],
            id="left out",
        ),
    ],
)
def test_a_time_that_does_not_exist_in_spring(times, saving, expected):
    recurrence = calendar("Day", zone=ROME, atTimes=times) | {"daylightSaving": saving}
    assert course(recurrence, "2026-03-27T12:00Z", count=len(expected)) == expected


@pytest.mark.parametrize(
    ("saving", "expected"),
    [
        pytest.param({}, ["02:30:00+02:00"], id="the first by default"),
        pytest.param({"fold": "First"}, ["02:30:00+02:00"], id="first"),
        pytest.param({"fold": "Second"}, ["02:30:00+01:00"], id="second"),
        pytest.param({"fold": "Both"}, ["02:30:00+02:00", "02:30:00+01:00"], id="both"),
    ],
)
def test_a_time_that_comes_twice_in_autumn(saving, expected):
    recurrence = calendar("Week", zone=ROME, onDays=["Sunday"], atTimes=["02:30"]) | {
        "daylightSaving": saving
    }
    found = course(recurrence, "2026-10-24T12:00Z", count=3)
    assert [text.split()[2] for text in found if "2026-10-25" in text] == [
        text.replace(":00+", "+") for text in expected
    ]


@pytest.mark.parametrize(
    ("recurrence", "created", "expected"),
    [
        pytest.param(
            calendar("Hour", zone=ROME, atMinute=15),
            "2026-03-29T00:30+01:00",
            ["Sun 2026-03-29 01:15+01:00", "Sun 2026-03-29 03:15+02:00", "Sun 2026-03-29 04:15+02:00"],
            id="in spring an hour is an hour later",
        ),
        pytest.param(
            calendar("Hour", zone=ROME, atMinute=15),
            "2026-10-25T01:30+02:00",
            ["Sun 2026-10-25 02:15+02:00", "Sun 2026-10-25 02:15+01:00", "Sun 2026-10-25 03:15+01:00"],
            id="in autumn too",
        ),
        pytest.param(
            calendar("Hour", 2, ROME, atMinute=15),
            "2026-03-29T00:30+01:00",
            ["Sun 2026-03-29 03:15+02:00", "Sun 2026-03-29 05:15+02:00"],
            id="two hours are two hours",
        ),
        pytest.param(
            calendar("Hour", 2, ROME),
            "2026-03-29T00:30+01:00",
            ["Sun 2026-03-29 03:30+02:00", "Sun 2026-03-29 05:30+02:00"],
            id="and so without a minute",
        ),
        pytest.param(
            calendar("Hour", zone=LORD_HOWE, atMinute=15),
            "2026-10-04T00:30+10:30",
            ["Sun 2026-10-04 01:15+10:30", "Sun 2026-10-04 03:15+11:00", "Sun 2026-10-04 04:15+11:00"],
            id="an hour that lacks its first half",
        ),
        pytest.param(
            calendar("Hour", zone=LORD_HOWE, atMinute=45),
            "2026-10-04T01:00+10:30",
            ["Sun 2026-10-04 01:45+10:30", "Sun 2026-10-04 02:45+11:00", "Sun 2026-10-04 03:45+11:00"],
            id="an hour that has its second half only",
        ),
        pytest.param(
            calendar("Hour", zone=LORD_HOWE, atMinute=45),
            "2026-04-05T01:00+11:00",
            ["Sun 2026-04-05 01:45+11:00", "Sun 2026-04-05 01:45+10:30", "Sun 2026-04-05 02:45+10:30"],
            id="an hour that has its second half twice",
        ),
        pytest.param(
            calendar("Hour", 6, LORD_HOWE, atMinute=15),
            "2026-04-04T20:00+11:00",
            ["Sat 2026-04-04 20:15+11:00", "Sun 2026-04-05 02:15+10:30", "Sun 2026-04-05 08:15+10:30"],
            id="the minute moves with the half hour",
        ),
        pytest.param(
            calendar("Minute", 7, ROME, atSecond=30),
            "2026-03-29T01:58+01:00",
            ["Sun 2026-03-29 01:58:30+01:00", "Sun 2026-03-29 03:05:30+02:00"],
            id="minutes",
        ),
    ],
)
def test_minutes_and_hours_are_real_time_when_the_clocks_change(recurrence, created, expected):
    assert course(recurrence, created, count=len(expected)) == expected


@pytest.mark.parametrize("saving", [{"gap": "Skip"}, {"fold": "Second"}, {"gap": "RunAfter", "fold": "Both"}])
def test_a_daylight_saving_policy_is_nothing_to_minutes_and_hours(saving):
    recurrence = calendar("Hour", zone=ROME, atMinute=30)
    for created in ("2026-03-28T22:00Z", "2026-10-24T22:00Z"):
        assert course(recurrence | {"daylightSaving": saving}, created, 6) == course(recurrence, created, 6)


@pytest.mark.parametrize(
    ("fields", "field", "way_out"),
    [
        pytest.param({"unit": "Day", "atSecond": 3}, "atSecond", "unit Hour or Minute", id="a day's second"),
        pytest.param({"unit": "Second", "atSecond": 3}, "atSecond", "unit Hour or Minute", id="a second's"),
        pytest.param({"unit": "Minute", "atMinute": 3}, "atMinute", "the unit Hour", id="a minute's minute"),
        pytest.param({"unit": "Day", "atMinute": 0}, "atMinute", "the unit Hour", id="a day's minute"),
        pytest.param({"unit": "Hour", "atSecond": 0}, "atSecond", "needs atMinute", id="second, no minute"),
        pytest.param({"unit": "Hour", "atTimes": ["09:00"]}, "atTimes", "Day or Month or Week", id="hour's"),
        pytest.param({"unit": "Week", "onDay": 1}, "onDay", "the unit Month", id="a week's day number"),
        pytest.param({"unit": "Day", "onDays": ["Monday"]}, "onDays", "Month or Week", id="a day's weekdays"),
        pytest.param({"unit": "Week", "onDays": ["Monday", 1]}, "onDays", "Monday to Sunday", id="number"),
        pytest.param(
            {"unit": "Month", "onDays": [1, "Monday"]}, "onDays", "1 to 31", id="weekday of a month"
        ),
        pytest.param(
            {"unit": "Week", "onWeekday": {"ordinal": "First", "day": "Monday"}},
            "onWeekday",
            "the unit Month",
            id="the first Monday of a week",
        ),
        pytest.param({"unit": "Day", "onMonths": [1]}, "onMonths", "the unit Month", id="a day's months"),
        pytest.param(
            {"unit": "Month", "onDay": 1, "onDays": [2]}, "onDays", "beside onDay", id="a day and days"
        ),
        pytest.param(
            {"unit": "Month", "onDay": 1, "onWeekday": {"ordinal": "First", "day": "Monday"}},
            "onWeekday",
            "beside onDay",
            id="a day and a weekday",
        ),
        pytest.param(
            {"unit": "Month", "every": 2, "onMonths": [1, 2]}, "onMonths", "every: 1", id="every second month"
        ),
    ],
)
def test_fields_that_do_not_fit_are_refused_by_name(fields, field, way_out):
    with pytest.raises(RecurrenceError, match=way_out) as refused:
        compile_recurrence({"calendar": fields})
    assert (refused.value.field, refused.value.reason) == (
        f"spec.recurrence.calendar.{field}",
        "InvalidCalendar",
    )
    assert refused.value.value == fields[field]


@pytest.mark.parametrize("unit", ["Second", "Minute", "Hour", "Day", "Week", "Month"])
@pytest.mark.parametrize("every", [1, 7, 1000])
def test_no_calendar_goes_beyond_the_year_9999(unit, every):
    last_tick = instant("9999-12-31T23:59:59.999999Z")
    assert next_occurrence(calendar(unit, every), last_tick, MONDAY_INSTANT) is None
