"""Times of the day where clocks change: a gap, a fold, half an hour, midnight, a day that never came."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.schedules import course


def daily(zone: str, *times: str, **saving: str) -> dict[str, Any]:
    made: dict[str, Any] = {"calendar": {"unit": "Day", "atTimes": list(times)}, "timeZone": zone}
    return made | ({"daylightSaving": saving} if saving else {})


NEW_YORK = "America/New_York"
LONDON = "Europe/London"
LORD_HOWE = "Australia/Lord_Howe"  # half an hour
SAO_PAULO = "America/Sao_Paulo"  # at midnight, until 2019
APIA = "Pacific/Apia"  # 2011-12-30 never came
KATHMANDU = "Asia/Kathmandu"  # 00:00 to 00:15 at the beginning of 1986


@pytest.mark.parametrize(
    ("recurrence", "created", "expected"),
    [
        pytest.param(
            daily(NEW_YORK, "02:30"),
            "2026-03-07T12:00-05:00",
            ["Sun 2026-03-08 03:00-04:00", "Mon 2026-03-09 02:30-04:00"],
            id="New York",
        ),
        pytest.param(
            daily(NEW_YORK, "02:30", gap="Skip"),
            "2026-03-07T12:00-05:00",
            ["Mon 2026-03-09 02:30-04:00", "Tue 2026-03-10 02:30-04:00"],
            id="New York, skipped",
        ),
        pytest.param(
            daily(LONDON, "00:59", "01:00", "01:59", "02:00"),
            "2026-03-28T12:00Z",
            ["Sun 2026-03-29 00:59", "Sun 2026-03-29 02:00+01:00", "Mon 2026-03-30 00:59+01:00"],
            id="London, the gap's first and last minute and its end",
        ),
        pytest.param(
            daily(LORD_HOWE, "02:15", "02:45"),
            "2026-10-03T12:00+10:30",
            ["Sun 2026-10-04 02:30+11:00", "Sun 2026-10-04 02:45+11:00", "Mon 2026-10-05 02:15+11:00"],
            id="Lord Howe, half an hour",
        ),
        pytest.param(
            daily(SAO_PAULO, "00:00"),
            "2018-11-03T12:00-03:00",
            ["Sun 2018-11-04 01:00-02:00", "Mon 2018-11-05 00:00-02:00"],
            id="São Paulo, where a day began at one",
        ),
        pytest.param(
            daily(APIA, "09:00", "18:00"),
            "2011-12-29T12:00-10:00",
            ["Thu 2011-12-29 18:00-10:00", "Sat 2011-12-31 00:00+14:00", "Sat 2011-12-31 09:00+14:00"],
            id="Apia, a whole day",
        ),
        pytest.param(
            daily(APIA, "09:00", gap="Skip"),
            "2011-12-29T08:00-10:00",
            ["Thu 2011-12-29 09:00-10:00", "Sat 2011-12-31 09:00+14:00"],
            id="Apia, skipped",
        ),
        pytest.param(
            daily(KATHMANDU, "00:10", "00:15"),
            "1985-12-31T12:00+05:30",
            ["Wed 1986-01-01 00:15+05:45", "Thu 1986-01-02 00:10+05:45"],
            id="Kathmandu, a quarter of an hour",
        ),
    ],
)
def test_a_time_that_never_comes_is_made_up_for_at_the_end_of_the_gap(recurrence, created, expected):
    assert course(recurrence, created, count=len(expected)) == expected


@pytest.mark.parametrize(
    ("recurrence", "created", "expected"),
    [
        pytest.param(
            daily(NEW_YORK, "01:30"),
            "2026-10-31T12:00-04:00",
            ["Sun 2026-11-01 01:30-04:00", "Mon 2026-11-02 01:30-05:00"],
            id="New York",
        ),
        pytest.param(
            daily(NEW_YORK, "01:30", fold="Both"),
            "2026-10-31T12:00-04:00",
            ["Sun 2026-11-01 01:30-04:00", "Sun 2026-11-01 01:30-05:00", "Mon 2026-11-02 01:30-05:00"],
            id="New York, both",
        ),
        pytest.param(
            daily(LONDON, "01:00", "01:30", "02:00", fold="Both"),
            "2026-10-24T12:00+01:00",
            [
                "Sun 2026-10-25 01:00+01:00",
                "Sun 2026-10-25 01:30+01:00",
                "Sun 2026-10-25 01:00",
                "Sun 2026-10-25 01:30",
                "Sun 2026-10-25 02:00",
            ],
            id="London, one pass after the other",
        ),
        pytest.param(
            daily(LORD_HOWE, "01:15", "01:45", fold="Second"),
            "2026-04-04T12:00+11:00",
            ["Sun 2026-04-05 01:15+11:00", "Sun 2026-04-05 01:45+10:30", "Mon 2026-04-06 01:15+10:30"],
            id="Lord Howe, half an hour comes twice",
        ),
        pytest.param(
            daily(SAO_PAULO, "23:30"),
            "2018-02-17T12:00-02:00",
            ["Sat 2018-02-17 23:30-02:00", "Sun 2018-02-18 23:30-03:00"],
            id="São Paulo, the last hour of a day, first",
        ),
        pytest.param(
            daily(SAO_PAULO, "23:30", fold="Second"),
            "2018-02-17T12:00-02:00",
            ["Sat 2018-02-17 23:30-03:00", "Sun 2018-02-18 23:30-03:00"],
            id="São Paulo, second",
        ),
    ],
)
def test_a_time_that_comes_twice_occurs_in_the_pass_that_is_said(recurrence, created, expected):
    assert course(recurrence, created, count=len(expected)) == expected


def test_a_task_created_between_the_two_passes_does_not_get_the_first():
    created = "2026-11-01T01:45-04:00"
    assert course(daily(NEW_YORK, "01:30"), created, count=1) == ["Mon 2026-11-02 01:30-05:00"]
    both = daily(NEW_YORK, "01:30", fold="Both")
    assert course(both, created, count=1) == ["Sun 2026-11-01 01:30-05:00"]


def test_a_day_that_never_came_is_counted_like_any_other():
    recurrence = daily(APIA, "09:00") | {"calendar": {"unit": "Day", "every": 2, "atTimes": ["09:00"]}}
    assert course(recurrence, "2011-12-28T08:00-10:00", count=3) == [
        "Wed 2011-12-28 09:00-10:00",
        "Sat 2011-12-31 00:00+14:00",
        "Sun 2012-01-01 09:00+14:00",
    ]
