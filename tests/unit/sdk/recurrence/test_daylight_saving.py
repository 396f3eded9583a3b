"""Where clocks are set forward and back: when cron expressions fire."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from evertask.recurrence.cron import parse_cron

if TYPE_CHECKING:
    from evertask.recurrence.zones import Fold, Gap

NEW_YORK = "America/New_York"
LONDON = "Europe/London"
LORD_HOWE = "Australia/Lord_Howe"  # half an hour
SAO_PAULO = "America/Sao_Paulo"  # at midnight, until 2019
APIA = "Pacific/Apia"  # 2011-12-30 never came
KATHMANDU = "Asia/Kathmandu"  # 05:30 to 05:45 at the end of 1985
KWAJALEIN = "Pacific/Kwajalein"  # 1969-09-30 almost came twice


def firings(
    text: str, zone: str, after: str, count: int, gap: Gap | None = None, fold: Fold | None = None
) -> list[str]:
    """The next firings, in local time with the offset."""
    schedule, clocks, found = parse_cron(text), ZoneInfo(zone), []
    last: datetime | None = datetime.fromisoformat(after)
    for _ in range(count):
        assert last is not None
        last = schedule.next(last, clocks, gap, fold)
        assert last is not None
        found.append(last.astimezone(clocks).isoformat(" ", "minutes"))
    return found


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        pytest.param(
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07T12:00Z",
            ["2026-03-08 03:00-04:00", "2026-03-09 02:30-04:00"],
            id="a fixed time runs after the gap",
        ),
        pytest.param(
            "*/30 * * * *",
            NEW_YORK,
            "2026-03-08T06:30Z",
            ["2026-03-08 03:00-04:00", "2026-03-08 03:30-04:00"],
            id="a rhythm goes on after the gap, once",
        ),
        pytest.param(
            "30 * * * *",
            NEW_YORK,
            "2026-03-08T06:30Z",
            ["2026-03-08 03:00-04:00", "2026-03-08 03:30-04:00"],
            id="the hourly run of the gap is not lost",
        ),
        pytest.param(
            "0 3 * * *",
            NEW_YORK,
            "2026-03-07T12:00Z",
            ["2026-03-08 03:00-04:00", "2026-03-09 03:00-04:00"],
            id="the gap's end itself is an ordinary time",
        ),
        pytest.param(
            "30 1 * * *",
            LONDON,
            "2026-03-28T12:00Z",
            ["2026-03-29 02:00+01:00", "2026-03-30 01:30+01:00"],
            id="London in spring",
        ),
        pytest.param(
            "15 2 * * *",
            LORD_HOWE,
            "2026-10-03T00:00Z",
            ["2026-10-04 02:30+11:00", "2026-10-05 02:15+11:00"],
            id="a gap of half an hour",
        ),
        pytest.param(
            "45 2 * * *",
            LORD_HOWE,
            "2026-10-03T00:00Z",
            ["2026-10-04 02:45+11:00", "2026-10-05 02:45+11:00"],
            id="beyond a gap of half an hour",
        ),
        pytest.param(
            "0 0 * * *",
            SAO_PAULO,
            "2018-11-03T12:00Z",
            ["2018-11-04 01:00-02:00", "2018-11-05 00:00-02:00"],
            id="a day without midnight",
        ),
        pytest.param(
            "0 9 * * *",
            APIA,
            "2011-12-29T12:00-10:00",
            ["2011-12-31 00:00+14:00", "2011-12-31 09:00+14:00"],
            id="a day that never came",
        ),
        pytest.param(
            "0 9 30 12 *",
            APIA,
            "2011-01-01T00:00Z",
            ["2011-12-31 00:00+14:00", "2012-12-30 09:00+14:00"],
            id="a date that never came",
        ),
        pytest.param(
            "10 0 * * *",
            KATHMANDU,
            "1985-12-31T00:00Z",
            ["1986-01-01 00:15+05:45", "1986-01-02 00:10+05:45"],
            id="a quarter of an hour",
        ),
    ],
)
def test_a_local_time_in_a_gap_occurs_right_after_it(text, zone, after, expected):
    assert firings(text, zone, after, 2) == expected


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        pytest.param(
            "30 1 * * *",
            NEW_YORK,
            "2026-10-31T12:00Z",
            ["2026-11-01 01:30-04:00", "2026-11-02 01:30-05:00"],
            id="a fixed time once, in the first pass",
        ),
        pytest.param(
            "30 * * * *",
            NEW_YORK,
            "2026-11-01T05:00Z",
            ["2026-11-01 01:30-04:00", "2026-11-01 01:30-05:00", "2026-11-01 02:30-05:00"],
            id="a rhythm in both passes",
        ),
        pytest.param(
            "0,30 1 * * *",
            NEW_YORK,
            "2026-11-01T05:00Z",
            ["2026-11-01 01:30-04:00", "2026-11-02 01:00-05:00"],
            id="a list is no rhythm",
        ),
        pytest.param(
            "30 1-2 * * *",
            LONDON,
            "2026-10-24T23:30Z",
            ["2026-10-25 01:30+01:00", "2026-10-25 01:30+00:00", "2026-10-25 02:30+00:00"],
            id="a range of hours is one",
        ),
        pytest.param(
            "*/20 * * * *",
            LORD_HOWE,
            "2026-04-04T14:45Z",
            ["2026-04-05 01:40+10:30", "2026-04-05 02:00+10:30"],
            id="half an hour, second pass",
        ),
        pytest.param(
            "*/20 * * * *",
            LORD_HOWE,
            "2026-04-04T14:30Z",
            ["2026-04-05 01:40+11:00", "2026-04-05 01:40+10:30"],
            id="half an hour, first pass",
        ),
        pytest.param(
            "30 23 * * *",
            SAO_PAULO,
            "2018-02-17T12:00-02:00",
            ["2018-02-17 23:30-02:00", "2018-02-18 23:30-03:00"],
            id="a day with two last hours",
        ),
        pytest.param(
            "0 9 30 9 *",
            KWAJALEIN,
            "1969-09-01T00:00Z",
            ["1969-09-30 09:00+11:00", "1970-09-30 09:00-12:00"],
            id="a day that came twice",
        ),
    ],
)
def test_a_local_time_in_a_fold_keeps_a_rhythm_but_does_not_repeat_a_fixed_time(text, zone, after, expected):
    assert firings(text, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "zone", "after", "policy", "expected"),
    [
        (
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07T12:00Z",
            {"gap": "Skip"},
            ["2026-03-09 02:30-04:00", "2026-03-10 02:30-04:00"],
        ),
        (
            "*/30 * * * *",
            NEW_YORK,
            "2026-03-08T06:30Z",
            {"gap": "Skip"},
            ["2026-03-08 03:00-04:00", "2026-03-08 03:30-04:00"],
        ),
        (
            "0 9 * * *",
            APIA,
            "2011-12-29T12:00-10:00",
            {"gap": "Skip"},
            ["2011-12-31 09:00+14:00", "2012-01-01 09:00+14:00"],
        ),
        (
            "30 1 * * *",
            NEW_YORK,
            "2026-10-31T12:00Z",
            {"fold": "Second"},
            ["2026-11-01 01:30-05:00", "2026-11-02 01:30-05:00"],
        ),
        (
            "30 1 * * *",
            NEW_YORK,
            "2026-10-31T12:00Z",
            {"fold": "Both"},
            ["2026-11-01 01:30-04:00", "2026-11-01 01:30-05:00"],
        ),
        (
            "30 * * * *",
            NEW_YORK,
            "2026-11-01T04:45Z",
            {"fold": "First"},
            ["2026-11-01 01:30-04:00", "2026-11-01 02:30-05:00"],
        ),
        (
            "30 * * * *",
            NEW_YORK,
            "2026-11-01T04:45Z",
            {"fold": "Second"},
            ["2026-11-01 01:30-05:00", "2026-11-01 02:30-05:00"],
        ),
        (
            "45 1 * * *",
            LORD_HOWE,
            "2026-04-04T14:50Z",  # 01:50, first pass: the second is still to come
            {"fold": "Both"},
            ["2026-04-05 01:45+10:30", "2026-04-06 01:45+10:30"],
        ),
        (
            "0 9 30 9 *",
            KWAJALEIN,
            "1969-09-01T00:00Z",
            {"fold": "Both"},
            ["1969-09-30 09:00+11:00", "1969-09-30 09:00-12:00"],
        ),
    ],
)
def test_an_explicit_policy_decides_for_every_expression(text, zone, after, policy, expected):
    assert firings(text, zone, after, 2, **policy) == expected


def test_every_second_is_every_second_through_a_fold():
    schedule, zone = parse_cron("* * * * * *"), ZoneInfo(LORD_HOWE)
    instant, end = (
        datetime.fromisoformat("2026-04-04T14:29:50Z"),
        datetime.fromisoformat("2026-04-04T15:30:10Z"),
    )
    found = [instant]
    while found[-1] < end:
        following = schedule.next(found[-1], zone)
        assert following is not None
        found.append(following)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(seconds=1)}
