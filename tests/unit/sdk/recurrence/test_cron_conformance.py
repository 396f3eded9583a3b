"""Other libraries' published tables: Cronos, robfig/cron, APScheduler.

The tables are no part of the project. They are read from ``EVERTASK_CONFORMANCE``, or from ``../shared/conformance``
beside the checkout; without them these tests say so and skip.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evertask.recurrence.cron import CronSchedule, parse_cron
from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.zones import DaylightPolicy, instants_of, load_zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_BESIDE = Path(__file__).resolve().parents[5] / "shared" / "conformance"
TABLES = Path(os.environ.get("EVERTASK_CONFORMANCE") or _BESIDE)
NONE = "NONE"


def rows(name: str) -> list[dict[str, str]]:
    path = TABLES / name
    if not path.is_file():
        pytest.skip(f"no {path}: set EVERTASK_CONFORMANCE to the directory of the conformance tables")
    header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    read = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    assert read
    for row in read:
        row["expression"] = row["expression"].replace(r"\t", "\t")
    return read


def first(schedule: CronSchedule, row: dict[str, str], zone: ZoneInfo) -> datetime | None:
    """The first occurrence, as Cronos means ``inclusive``: whether the local time of ``from`` itself is a match.

    (So an occurrence that a gap has moved to ``from`` does not count: that one began before.)
    """
    start = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", row["from"]))
    if row["inclusive"] == "1" and "sub-us" not in row["note"]:
        local = start.astimezone(zone).replace(tzinfo=None, fold=0)
        before = local - timedelta(microseconds=1)
        policy = DaylightPolicy("RunAfter", "Both" if schedule.repeats else "First")
        if schedule.next_local(before) == local and start in instants_of(local, zone, policy):
            return start
    return schedule.next(start, zone)


def firings(row: dict[str, str], count: int) -> list[datetime | None]:
    zone = load_zone(row["timezone"])
    try:
        schedule = parse_cron(row["expression"], day_match="Both")
    except RecurrenceError as error:
        assert error.reason == "NeverFires"  # noqa: PT017 - of each row that fires never
        return [None] * count
    found = [first(schedule, row, zone)]
    while len(found) < count and found[-1] is not None:
        found.append(schedule.next(found[-1], zone))
    return found


def test_every_published_case_fires_when_its_library_says():
    wrong = []
    for row in rows("cron_cases.tsv"):
        if "edge" in row["note"].split(";"):  # a microsecond before year 1: our times end where Python's do
            continue
        expected = [
            None if text == NONE else datetime.fromisoformat(text) for text in row["expected"].split(",")
        ]
        if (got := firings(row, len(expected))) != expected:
            wrong.append(f"{row['source']}: {row['expression']!r} from {row['from']}: {got}")
    assert not wrong, "\n".join(wrong)


def test_every_expression_that_they_refuse_is_refused():
    accepted = []
    for row in rows("cron_invalid.tsv"):
        try:
            accepted.append(f"{row['source']}: {parse_cron(row['expression'])}")
        except RecurrenceError as error:
            assert error.reason == "InvalidCron", row  # noqa: PT017 - of each row; accepted ones are reported at once
    assert not accepted, "\n".join(accepted)


def test_expressions_that_they_hold_equal_are_equal():
    different = [
        f"{row['source']}: {row['expression']!r} and {row['equivalent']!r}"
        for row in rows("cron_equivalent.tsv")
        if parse_cron(row["expression"]) != parse_cron(row["equivalent"])  # with Both, some never fire
    ]
    assert not different, "\n".join(different)
