"""Recurrences in words."""

from __future__ import annotations

import pytest

from evertask.api.recurrence import Recurrence
from evertask.recurrence import compile_recurrence, describe

FORTNIGHT = {"every": 2, "unit": "Week", "onDays": ["Monday", "Friday"], "atTimes": ["09:00", "17:30"]}


@pytest.mark.parametrize(
    ("recurrence", "words"),
    [
        ({"cron": "30 9  * * MON-FRI", "timeZone": "Europe/Rome"}, "cron 30 9 * * MON-FRI Europe/Rome"),
        ({"crons": ["0 9 * * *", "0 17 * * *"]}, "crons 0 9 * * *; 0 17 * * *"),
        ({"every": "5m"}, "every 5m"),
        ({"every": "5m", "timeZone": "Europe/Rome"}, "every 5m"),
        (
            {
                "calendar": FORTNIGHT,
                "timeZone": "Europe/Rome",
                "maxRuns": 10,
                "until": "2027-01-01T00:00:00Z",
            },
            "every 2 weeks on Monday and Friday at 09:00, 17:30 Europe/Rome, 10 runs, until 2027-01-01T00:00:00Z",
        ),
        ({"calendar": {"unit": "Second"}}, "every second"),
        ({"calendar": {"unit": "Minute", "atSecond": 0}}, "every minute at second 0"),
        ({"calendar": {"unit": "Hour", "atMinute": 15, "atSecond": 5}}, "every hour at minute 15, second 5"),
        ({"calendar": {"every": 3, "unit": "Day", "atTimes": ["09:00"]}}, "every 3 days at 09:00"),
        ({"calendar": {"unit": "Month", "onDay": 31}}, "every month on day 31"),
        ({"calendar": {"unit": "Month", "onDays": [1, 15, 20]}}, "every month on day 1, 15 and 20"),
        (
            {"calendar": {"unit": "Month", "onWeekday": {"ordinal": "Last", "day": "Friday"}}},
            "every month on the last Friday",
        ),
        ({"calendar": {"unit": "Month", "onMonths": [1, 7], "onDay": 1}}, "every Jan and Jul on day 1"),
        ({"first": {"immediately": True}, "every": "1h"}, "at once, then every 1h"),
        ({"first": {"after": "10m"}, "cron": "@daily"}, "after 10m, then cron @daily"),
        ({"first": {"at": "2027-01-01T00:00:00Z"}, "timeZone": "Europe/Rome"}, "at 2027-01-01T00:00:00Z"),
        ({"every": "1h", "maxRuns": 1}, "every 1h, 1 run"),
    ],
    ids=str,
)
def test_a_recurrence_in_words(recurrence, words):
    assert describe(recurrence) == words
    assert describe(Recurrence.model_validate(recurrence)) == words


def test_a_long_one_is_cut():
    crons = [f"{minute} 1,2,3,4,5,6,7,8,9,10,11,12 1-7,9-15 * MON-FRI" for minute in range(16)]
    words = describe(compile_recurrence({"crons": crons}).recurrence)
    assert len(words) <= 256
    assert words.startswith("crons 0 1,2,3")
