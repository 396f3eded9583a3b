"""Cron expressions: their grammar, their days, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from evertask.recurrence.cron import MACROS, CronSchedule, parse_cron
from evertask.recurrence.errors import RecurrenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask.recurrence.cron import DayMatch

ZONE = ZoneInfo("UTC")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def firings(schedule: CronSchedule, after: datetime) -> Iterator[datetime]:
    while (found := schedule.next(after, ZONE)) is not None:
        yield found
        after = found


def days(text: str, count: int, *, day_match: DayMatch = "Both", after: datetime = NEW_YEAR) -> list[str]:
    """The next dates of an expression of midnights."""
    schedule = parse_cron(f"0 0 {text}", day_match=day_match)
    found = islice(firings(schedule, after - timedelta(seconds=1)), count)
    return [f"{day:%Y-%m-%d}" for day in found]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("*", range(24)),
        ("?", range(24)),
        ("5", [5]),
        ("05", [5]),
        ("1,3,5", [1, 3, 5]),
        ("9-17", range(9, 18)),
        ("8-8", [8]),
        ("22-2", [0, 1, 2, 22, 23]),
        ("23-3/2", [1, 3, 23]),
        ("*/6", [0, 6, 12, 18]),
        ("?/6", [0, 6, 12, 18]),
        ("5/6", [5, 11, 17, 23]),
        ("5-18/6", [5, 11, 17]),
        ("1,5-7,20/2", [1, 5, 6, 7, 20, 22]),
        ("0/23", [0, 23]),
    ],
)
def test_an_hour_field_means_these_hours(text, numbers):
    assert parse_cron(f"0 {text} * * *").hours == sum(1 << number for number in numbers)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("0 0 * * SUN", "0 0 * * 0"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * fri-Mon", "0 0 * * 0,1,5,6"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5,7"),
        ("0 0 * * 6-2/3", "0 0 * * 2,6"),
        ("0 0 1 JAN-mar *", "0 0 1 1,2,3 *"),
        ("0 0 1 11-3/2 *", "0 0 1 1,3,11 *"),
        ("0 0 L-0W * *", "0 0 lw * *"),
        ("  0\t 0 *   * *\t", "0 0 * * *"),
        ("0 0 0 * * *", "0 0 * * *"),
        ("0 0 * * 1-7", "0 0 * * *"),
        *MACROS.items(),
        (" @DAILY ", "0 0 * * *"),
    ],
)
def test_two_ways_to_write_the_same_schedule(left, right):
    assert parse_cron(left) == parse_cron(right)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("L-3 * *", ["2026-01-28", "2026-02-25", "2026-03-28"]),
        ("L-30 * *", ["2026-01-01", "2026-03-01", "2026-05-01"]),
        ("LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("L-1W * *", ["2026-01-30", "2026-02-27", "2026-03-30"]),
        ("1W * *", ["2026-01-01", "2026-02-02", "2026-03-02"]),  # not back into the month before
        ("15W * *", ["2026-01-15", "2026-02-16", "2026-03-16"]),
        ("31W * *", ["2026-01-30", "2026-03-31", "2026-05-29"]),  # shorter months have no 31st
        ("* * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("* * FRIL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("* * 6#3", ["2026-01-17", "2026-02-21", "2026-03-21"]),
        ("* * MON#5", ["2026-03-30", "2026-06-29", "2026-08-31"]),
        ("* * 7#1", ["2026-01-04", "2026-02-01", "2026-03-01"]),
        ("29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
    ],
)
def test_days_of_the_month_and_of_the_week(text, expected):
    assert days(text, 3) == expected


@pytest.mark.parametrize(
    ("text", "any_of_them", "both"),
    [
        (
            "13 * FRI",
            ["2026-01-02", "2026-01-09", "2026-01-13"],
            ["2026-02-13", "2026-03-13", "2026-11-13"],
        ),
        (
            "LW * MON",
            ["2026-01-05", "2026-01-12", "2026-01-19"],
            ["2026-08-31", "2026-11-30", "2027-05-31"],
        ),
        (
            "1 * MON#1",
            ["2026-01-01", "2026-01-05", "2026-02-01"],
            ["2026-06-01", "2027-02-01", "2027-03-01"],
        ),
        (
            "*/10 * MON",
            ["2026-01-01", "2026-01-05", "2026-01-11"],
            ["2026-05-11", "2026-06-01", "2026-08-31"],
        ),
        ("? * MON", ["2026-01-05", "2026-01-12", "2026-01-19"], ["2026-01-05", "2026-01-12", "2026-01-19"]),
        (
            "1-31 * MON",
            ["2026-01-01", "2026-01-02", "2026-01-03"],
            ["2026-01-05", "2026-01-12", "2026-01-19"],
        ),
    ],
)
def test_two_restricted_day_fields_are_joined_as_day_match_says(text, any_of_them, both):
    assert days(text, 3, day_match="Any") == any_of_them
    assert days(text, 3, day_match="Both") == both


@pytest.mark.parametrize(
    ("after", "text", "expected"),
    [
        ("2072-03-01", "29 2 MON", "2112-02-29"),  # a leap year is missing in 2100
        ("2184-03-01", "29 2 SUN", "2224-02-29"),
        ("2096-03-01", "29 2 *", "2104-02-29"),
        ("9996-03-01", "29 2 *", None),
    ],
)
def test_rare_days_are_found_however_far_they_are(after, text, expected):
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert days(text, 1, after=start) == ([expected] if expected else [])


@pytest.mark.parametrize(
    "text",
    [
        "30 2 *",
        "31 4,6,9,11 *",
        "L-30 2 *",
        "31W 6 *",
        "30W FEB *",
        "1 * 1#2",
        "1-28 * SUN#5",
        "LW * SAT",
        "7W * 7",
    ],
)
def test_an_expression_that_never_fires_is_refused(text):
    with pytest.raises(RecurrenceError, match="never fires: no day has day of month") as refused:
        parse_cron(f"0 0 {text}", day_match="Both")
    assert refused.value.reason == "NeverFires"


def test_days_that_exclude_each_other_may_still_be_one_of_any():
    assert days("1 * 1#2", 2, day_match="Any") == ["2026-01-01", "2026-01-12"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("*/60 * * * *", "minute '*/60': '60' must be a step from 1 to 59"),
        ("*/0 * * * *", "'0' must be a step from 1 to 59"),
        ("*/ * * * *", "a step from 1 to 59 is missing"),
        ("*/15,5 * * * *", "stands alone"),
        ("5,*/15 * * * *", "stands alone"),
        ("007 * * * *", "minute '007': '007' must be a number from 0 to 59"),
        ("0 24 * * *", "hour '24': '24' must be a number from 0 to 23"),
        ("0 R * * *", "hour 'R': 'R' must be a number"),
        ("0 H * * *", "spec.recurrence.jitter spreads starts"),
        ("0 0 0 * *", "day of month '0': '0' must be a number from 1 to 31"),
        ("0 0 L,15 * *", "L, L-3, LW, L-3W and 15W may stand alone"),
        ("0 0 1W,15W * *", "'1W' must be a number from 1 to 31"),
        ("0 0 L-31 * *", "'31' must be a number of days from 0 to 30"),
        ("0 0 * 13 *", "month '13': '13' must be a number from 1 to 12 or a name from JAN to DEC"),
        ("0 0 * * SUNDAY", "'SUNDAY' must be a number from 0 to 7 or a name from SUN to SAT"),
        ("0 0 * * 5#6", "'6' must be an ordinal from 1 to 5"),
        ("0 0 * * 5#1,5#3", "day of week '5#1,5#3'"),
        ("0 0 * * L", "may stand alone"),
        ("1-2-3 * * * *", "'2-3' must be a number"),
        ("-5 * * * *", "a number from 0 to 59 is missing"),
        ("60 * * * * *", "second '60'"),
        ("* * * *", "4 fields; write five"),
        ("* * * * * * *", "7 fields; write five"),
        ("", "0 fields; write five"),
        ("* *\n* * *", "4 fields"),
        ("@noon", "no such macro; the macros are @every_second"),
        ("@daily 5", "no such macro"),
        ("\N{FULLWIDTH DIGIT FIVE} * * * *", "write plain ASCII"),
        ("0 0 * * \N{LATIN SMALL LETTER LONG S}un", "write plain ASCII"),
    ],
)
def test_a_text_that_is_no_expression_is_refused_with_the_part_to_blame(text, says):
    with pytest.raises(RecurrenceError) as refused:
        parse_cron(text, field="spec.recurrence.crons[1]")
    error = refused.value
    assert says in error.message
    assert (error.field, error.value, error.reason) == ("spec.recurrence.crons[1]", text, "InvalidCron")


def test_the_first_firing_is_strictly_after_the_instant():
    schedule = parse_cron("30 9 * * *")
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    assert [schedule.next(at + shift, ZONE) for shift in (-tick, 0 * tick)] == [at, at + timedelta(days=1)]


def test_the_last_second_of_the_calendar_is_the_last_firing():
    schedule = parse_cron("* * * * * *")
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert list(firings(schedule, last - timedelta(seconds=1))) == [last]


def test_a_local_time_whose_instant_is_beyond_the_calendar_does_not_come():
    late = datetime(9999, 12, 31, 23, 0, tzinfo=UTC)
    assert parse_cron("30 23 * * *").next(late, ZoneInfo("America/New_York")) is None
    assert parse_cron("30 23 * * *").next(late, ZoneInfo("Asia/Tokyo")) is None


def test_the_first_day_of_the_calendar_is_no_obstacle():
    first = datetime(1, 1, 1, tzinfo=UTC)
    found = parse_cron("0 0 1 1 *").next(first, ZoneInfo("America/New_York"))
    assert found == datetime(2, 1, 1, 4, 56, 2, tzinfo=UTC)  # by the sun of New York


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="must have a time zone"):
        parse_cron("* * * * *").next(datetime(2026, 1, 1), ZONE)  # noqa: DTZ001 - the claim
