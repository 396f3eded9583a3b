"""A series as a whole: its rhythm, its first run, its end; and what is asked of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertask.recurrence import compile_recurrence, count_between, next_occurrence, occurrences
from tests.support.schedules import course, instant

CREATED = "2026-01-05T10:02:17Z"
ANCHOR = instant(CREATED)
TICK = timedelta(microseconds=1)
HOURLY = {"cron": "0 * * * *"}


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        pytest.param(
            {"every": "5m"},
            ["Mon 2026-01-05 10:07:17", "Mon 2026-01-05 10:12:17"],
            id="an interval steps from the creation",
        ),
        pytest.param(
            {"every": "1500ms"},
            ["Mon 2026-01-05 10:02:18.500000", "Mon 2026-01-05 10:02:20"],
            id="an interval with a fraction",
        ),
        pytest.param(
            {"every": "24h", "timeZone": "Europe/Rome"},
            ["Tue 2026-01-06 11:02:17+01:00", "Wed 2026-01-07 11:02:17+01:00"],
            id="an interval knows no zone",
        ),
        pytest.param(
            {"cron": "30 9 * * MON-FRI", "timeZone": "Europe/Rome"},
            ["Tue 2026-01-06 09:30+01:00", "Wed 2026-01-07 09:30+01:00"],
            id="cron in a zone",
        ),
        pytest.param(
            {"cron": "0 0 13 * FRI", "dayMatch": "Both"},
            ["Fri 2026-02-13 00:00", "Fri 2026-03-13 00:00"],
            id="both day fields",
        ),
        pytest.param(
            {"cron": "0 0 13 * FRI"},
            ["Fri 2026-01-09 00:00", "Tue 2026-01-13 00:00"],
            id="any of the day fields",
        ),
        pytest.param(
            {"crons": ["0 */2 * * *", "30 11 * * *", "0 0/3 * * *"]},
            ["Mon 2026-01-05 11:30", "Mon 2026-01-05 12:00", "Mon 2026-01-05 14:00", "Mon 2026-01-05 15:00"],
            id="several expressions, an instant of two of them once",
        ),
        pytest.param(
            {"first": {"immediately": True}, "every": "5m"},
            ["Mon 2026-01-05 10:02:17", "Mon 2026-01-05 10:07:17"],
            id="at once, then from there",
        ),
        pytest.param(
            {"first": {"after": "90s"}, "every": "5m"},
            ["Mon 2026-01-05 10:03:47", "Mon 2026-01-05 10:08:47"],
            id="after a while, then from there",
        ),
        pytest.param(
            {"first": {"after": "0s"}, "every": "5m"},
            ["Mon 2026-01-05 10:02:17", "Mon 2026-01-05 10:07:17"],
            id="after nothing is at once",
        ),
        pytest.param(
            {"first": {"at": "2026-01-05T12:00:00.25+01:00"}, "every": "5m"},
            ["Mon 2026-01-05 11:00:00.250000", "Mon 2026-01-05 11:05:00.250000"],
            id="at an instant, then from there",
        ),
        pytest.param(
            {"first": {"at": "2026-01-05T11:00:00Z"}} | HOURLY,
            ["Mon 2026-01-05 11:00", "Mon 2026-01-05 12:00"],
            id="a first run at an instant of the schedule is one run",
        ),
        pytest.param(
            {"first": {"at": "2026-01-05T13:30:00Z"}} | HOURLY,
            ["Mon 2026-01-05 13:30", "Mon 2026-01-05 14:00"],
            id="nothing of the schedule comes before the first run",
        ),
        pytest.param(
            {
                "first": {"immediately": True},
                "calendar": {"unit": "Day", "atTimes": ["14:00"]},
            },
            ["Mon 2026-01-05 10:02:17", "Mon 2026-01-05 14:00"],
            id="at once, and today's time all the same",
        ),
        pytest.param(
            {
                "first": {"after": "168h"},
                "calendar": {"every": 2, "unit": "Week", "onDays": ["Friday"]},
            },
            ["Mon 2026-01-12 10:02:17", "Fri 2026-01-16 00:00", "Fri 2026-01-30 00:00"],
            id="weeks are counted from that of the first run",
        ),
        pytest.param(
            {
                "first": {"at": "2026-03-31T09:00:00Z"},
                "calendar": {"unit": "Month", "atTimes": ["08:00"]},
            },
            ["Tue 2026-03-31 09:00", "Thu 2026-04-30 08:00", "Sun 2026-05-31 08:00"],
            id="a month's day is that of the first run",
        ),
    ],
)
def test_the_course_of_a_series(recurrence, expected):
    assert course(recurrence, CREATED, count=len(expected)) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param({"immediately": True}, ["Mon 2026-01-05 10:02:17"], id="at once"),
        pytest.param({"after": "1h"}, ["Mon 2026-01-05 11:02:17"], id="after an hour"),
        pytest.param({"at": "2026-01-06T00:00:00Z"}, ["Tue 2026-01-06 00:00"], id="at an instant"),
        pytest.param({"at": "2026-01-05T00:00:00Z"}, [], id="at a past instant: never"),
    ],
)
def test_without_a_schedule_the_first_run_is_the_only_one(first, expected):
    assert course({"first": first}, CREATED) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(
            "2026-01-05T10:02:16.000000Z",
            ["Mon 2026-01-05 10:02:16", "Mon 2026-01-05 10:27:16"],
            id="a second before the creation: it runs",
        ),
        pytest.param(
            "2026-01-05T10:02:15.999999Z",
            ["Mon 2026-01-05 10:27:15.999999", "Mon 2026-01-05 10:52:15.999999"],
            id="longer before: it does not",
        ),
        pytest.param(
            "2026-01-05T09:00:00Z",
            ["Mon 2026-01-05 10:15", "Mon 2026-01-05 10:40"],
            id="an hour before: the grid begins there",
        ),
        pytest.param(
            "2026-01-05T09:37:17Z",
            ["Mon 2026-01-05 10:27:17", "Mon 2026-01-05 10:52:17"],
            id="the creation is no occurrence",
        ),
        pytest.param(
            "1999-12-31T00:00:00Z",
            ["Mon 2026-01-05 10:20", "Mon 2026-01-05 10:45"],
            id="years before",
        ),
    ],
)
def test_a_first_run_that_was_past_at_the_creation_sets_only_where_the_schedule_starts(at, expected):
    assert course({"first": {"at": at}, "every": "25m"}, CREATED, count=2) == expected


def test_a_past_first_run_sets_the_phase_of_a_calendar():
    recurrence = {"first": {"at": "2026-01-01T09:00:00Z"}, "calendar": {"every": 3, "unit": "Day"}}
    assert course(recurrence, CREATED, count=2) == ["Wed 2026-01-07 00:00", "Sat 2026-01-10 00:00"]


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        pytest.param({"every": "5m"}, ["Mon 2026-01-05 10:07:17"], id="interval"),
        pytest.param({"crons": ["17 7 10 * * *", "17 12 10 * * *"]}, ["Mon 2026-01-05 10:07:17"], id="crons"),
        pytest.param(
            {"calendar": {"unit": "Day", "atTimes": ["10:07:17", "10:12:17"]}},
            ["Mon 2026-01-05 10:07:17"],
            id="calendar",
        ),
        pytest.param({"first": {"after": "10m"}, "every": "5m"}, [], id="first run"),
        pytest.param({"first": {"at": "2026-01-05T10:12:17Z"}}, [], id="only run"),
    ],
)
def test_the_end_is_exclusive(recurrence, expected):
    assert course({"until": "2026-01-05T11:12:17+01:00"} | recurrence, CREATED) == expected


def test_an_end_a_tick_later_lets_the_occurrence_in():
    recurrence = {"every": "5m", "until": "2026-01-05T10:12:17.000001Z"}
    assert course(recurrence, CREATED) == ["Mon 2026-01-05 10:07:17", "Mon 2026-01-05 10:12:17"]


def test_the_number_of_runs_is_not_looked_at():
    assert len(course({"every": "5m", "maxRuns": 1}, CREATED, count=3)) == 3


def test_jitter_is_not_in_the_nominal_instants():
    assert course({"every": "5m", "jitter": "1h"}, CREATED) == course({"every": "5m"}, CREATED)


@pytest.mark.parametrize(
    "recurrence",
    [{"every": "5m"}, HOURLY, {"calendar": {"unit": "Day"}}, {"calendar": {"unit": "Hour", "atMinute": 5}}],
    ids=str,
)
@pytest.mark.parametrize("ago", [timedelta(0), timedelta(days=1), timedelta(days=400)])
def test_nothing_occurs_before_the_creation_or_at_it(recurrence, ago):
    assert next_occurrence(recurrence, ANCHOR - ago, ANCHOR) == next_occurrence(recurrence, ANCHOR, ANCHOR)


def test_an_occurrence_is_strictly_after_what_is_asked_for():
    first = next_occurrence({"every": "5m"}, ANCHOR, ANCHOR)
    assert first is not None
    assert next_occurrence({"every": "5m"}, first - TICK, ANCHOR) == first
    assert next_occurrence({"every": "5m"}, first, ANCHOR) == first + timedelta(minutes=5)


def test_instants_of_any_zone_are_taken_and_utc_is_given():
    there = ANCHOR.astimezone(timezone(timedelta(hours=-7)))
    found = next_occurrence({"every": "5m"}, there, there)
    assert found == ANCHOR + timedelta(minutes=5)
    assert found.tzinfo is UTC


@pytest.mark.parametrize("argument", ["after", "anchor"])
def test_a_naive_instant_is_refused(argument):
    instants = {"after": ANCHOR, "anchor": ANCHOR} | {argument: datetime(2026, 1, 5)}  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive; give it a time zone"):
        next_occurrence({"every": "5m"}, **instants)


@pytest.mark.parametrize(
    "recurrence",
    [
        {"every": "87600h"},
        {"first": {"after": "87600h"}, "every": "1h"},
        {"cron": "0 0 1 1 *"},
        {"crons": ["0 0 1 1 *", "0 0 29 2 *"]},
        {"calendar": {"unit": "Month", "every": 1000}},
    ],
    ids=str,
)
def test_nothing_comes_after_the_year_9999(recurrence):
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert next_occurrence(recurrence, last, last) is None
    assert list(occurrences(recurrence, last, last)) == []
    assert count_between(compile_recurrence(recurrence), last, last, last, 10) == 0


COUNTED = [
    pytest.param({"every": "7s"}, id="interval"),
    pytest.param({"calendar": {"every": 3, "unit": "Second"}}, id="seconds"),
    pytest.param({"every": "7s", "first": {"immediately": True}}, id="at-once"),
    pytest.param({"every": "7s", "first": {"after": "100s"}}, id="after"),
    pytest.param({"every": "7s", "first": {"at": "2026-01-05T10:03:00Z"}}, id="at"),
    pytest.param({"every": "7s", "first": {"at": "2025-12-05T10:03:00Z"}}, id="past"),
    pytest.param({"every": "7s", "until": "2026-01-05T10:02:31Z"}, id="until"),
    pytest.param({"every": "7s", "first": {"after": "60s"}, "until": "2026-01-05T10:03:17Z"}, id="never"),
    pytest.param({"first": {"after": "60s"}}, id="once"),
    pytest.param({"cron": "*/20 * * * * *"}, id="cron"),
]
SECONDS = st.integers(-200, 400)


@pytest.mark.parametrize("recurrence", COUNTED)
@given(after=SECONDS, before=SECONDS, limit=st.integers(0, 70))
def test_counting_is_what_going_through_gives(recurrence, after, before, limit):
    start, end = ANCHOR + timedelta(seconds=after), ANCHOR + timedelta(seconds=before)
    some = islice(occurrences(recurrence, start, ANCHOR), 200)
    expected = len([found for found in some if found <= end])
    assert count_between(compile_recurrence(recurrence), start, end, ANCHOR, limit) == min(expected, limit)


def test_a_fixed_interval_is_counted_without_going_through_it():
    century = timedelta(days=36_524)
    counted = count_between(compile_recurrence({"every": "1s"}), ANCHOR, ANCHOR + century, ANCHOR, 10**10)
    assert counted == century.total_seconds()


def test_a_naive_instant_is_not_counted_from():
    with pytest.raises(ValueError, match="naive"):
        count_between(compile_recurrence(HOURLY), datetime(2026, 1, 5), ANCHOR, ANCHOR, 1)  # noqa: DTZ001


def test_what_is_not_said_has_its_default():
    series = compile_recurrence(HOURLY)
    assert (series.overlap, series.catch_up_policy, series.catch_up_window) == ("Skip", "Latest", None)
    assert (series.catch_up_limit, series.max_runs, series.until, series.jitter) == (
        100,
        None,
        None,
        timedelta(0),
    )


def test_what_is_said_can_be_read_as_values():
    series = compile_recurrence(
        HOURLY
        | {
            "overlap": "Queue",
            "catchUp": {"policy": "All", "window": "90m", "limit": 7},
            "maxRuns": 3,
            "until": "2027-01-01T00:00:00+01:00",
            "jitter": "1500ms",
        }
    )
    assert (series.overlap, series.catch_up_policy, series.catch_up_limit) == ("Queue", "All", 7)
    assert (series.catch_up_window, series.jitter) == (timedelta(minutes=90), timedelta(seconds=1.5))
    assert (series.max_runs, series.until) == (3, datetime(2026, 12, 31, 23, tzinfo=UTC))
