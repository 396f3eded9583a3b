"""Recurrences to compute: a thousand different ones of every form, and some whose next occurrence is far away.

Generated from a seed, so that every run computes the same.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, NamedTuple

Json = dict[str, Any]

ANCHOR = datetime(2026, 5, 9, 10, 2, 17, tzinfo=UTC)
"""When all tasks were created."""

ZONES = ("UTC", "Europe/Rome", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ODD_DAYS = ("L", "L-3", "LW", "15W", "1,15", "31", "*/7")
ODD_WEEKDAYS = ("MON-FRI", "5L", "6#3", "SAT-MON", "0,3", "7")


def _cron(luck: random.Random) -> str:
    minute = luck.choice((str(luck.randrange(60)), f"*/{luck.randrange(2, 30)}", "5,25,45"))
    hour = luck.choice((str(luck.randrange(24)), "*", "22-2", f"*/{luck.randrange(2, 12)}"))
    day = luck.choice(("*", "*", *ODD_DAYS))
    weekday = luck.choice(ODD_WEEKDAYS) if day == "*" and luck.random() < 1 / 2 else "*"
    fields = f"{minute} {hour} {day} {luck.choice(('*', '*', 'JAN,JUL', 'NOV-FEB'))} {weekday}"
    return f"{luck.randrange(60)} {fields}" if luck.random() < 1 / 3 else fields


def _times(luck: random.Random) -> list[str]:
    return sorted({f"{luck.randrange(24):02}:{luck.randrange(60):02}" for _ in range(luck.randrange(1, 4))})


def _calendar(luck: random.Random) -> Json:
    unit = luck.choice(("Second", "Minute", "Hour", "Day", "Week", "Month"))
    calendar: Json = {"unit": unit, "every": luck.randrange(1, 40)}
    if unit == "Minute":
        calendar["atSecond"] = luck.randrange(60)
    elif unit == "Hour":
        calendar["atMinute"] = luck.randrange(60)
    elif unit != "Second":
        calendar["atTimes"] = _times(luck)
    if unit == "Week":
        calendar["onDays"] = luck.sample(DAYS, luck.randrange(1, 4))
    elif unit == "Month":
        calendar |= luck.choice(
            ({"onDay": 31}, {"onDays": [1, 15, 30]}, {"onWeekday": {"ordinal": "Last", "day": "Friday"}})
        )
    return {"calendar": calendar}


def generate(count: int, seed: int = 1) -> list[Json]:
    """Give different recurrences: intervals, cron expressions and calendars, in zones with and without changes."""
    luck = random.Random(seed)
    found: dict[str, Json] = {}
    while len(found) < count:
        form = luck.randrange(5)
        if form == 0:
            recurrence: Json = {"every": f"{luck.randrange(1, 10**6)}s"}
        elif form == 1:
            recurrence = {"crons": [_cron(luck) for _ in range(luck.randrange(2, 5))]}
        elif form == 2:  # noqa: PLR2004  (one in five)
            recurrence = _calendar(luck)
        else:
            recurrence = {"cron": _cron(luck)}
        if form:
            recurrence["timeZone"] = luck.choice(ZONES)
        found[repr(recurrence)] = recurrence
    return list(found.values())


class Far(NamedTuple):
    """A recurrence with its next occurrence far from where it is looked for."""

    recurrence: Json
    after: datetime


def far_away() -> list[Far]:
    """Give recurrences that are due next in more than a hundred years, are asked about then, or are due seldom."""
    found = []
    for cron in (
        "0 0 29 2 *",
        "30 9 * * MON-FRI",
        "0 12 LW 2 *",
        "*/5 * * * * *",
        "0 0 1 1 *",
        "0 0 ? * 6#5",
    ):
        for zone in ZONES:
            in_zone = {"cron": cron, "timeZone": zone}
            first = {"first": {"at": "2150-06-01T00:00:00Z"}}
            # The first run is more than a hundred years ahead; the schedule goes on from there.
            found.append(Far(in_zone | first, ANCHOR))
            found.append(Far(in_zone | first, datetime(2150, 6, 1, tzinfo=UTC)))
            found.append(Far(in_zone, datetime(2180, 3, 1, tzinfo=UTC)))
    # Leap days on one weekday are 28 or 40 years apart.
    found += [
        Far({"cron": f"0 0 29 2 {day[:3].upper()}", "dayMatch": "Both"}, datetime(2072, 3, 1, tzinfo=UTC))
        for day in DAYS
    ]
    return found


def never_again() -> list[Far]:
    """Give recurrences that are well formed and have no occurrence left: each year is looked at, or it is known."""
    # On the second Sunday of March New York's clocks skip this time, each year since 2007.
    skipped = {"timeZone": "America/New_York", "daylightSaving": {"gap": "Skip"}}
    return [Far({"cron": "30 2 8-14 3 SUN", "dayMatch": "Both"} | skipped, ANCHOR)]
