"""Cron expressions through the whole command, against tables of expected instants from other projects' own tests.

The tables are not part of this repository: a folder beside the checkout holds them, or one that EVERTASK_CONFORMANCE
names. ``cron_cases.tsv`` gives the next instants, ``cron_invalid.tsv`` what must be refused, ``cron_equivalent.tsv``
pairs that mean the same.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from evertask.api.times import format_time, parse_time
from evertask.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
TABLES = Path(os.environ.get("EVERTASK_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
CAUSES_TOLD = 20

pytestmark = pytest.mark.skipif(
    not (TABLES / "cron_cases.tsv").is_file(),
    reason=f"no conformance tables in {TABLES}: set EVERTASK_CONFORMANCE to their folder",
)


def rows(table: str) -> list[dict[str, str]]:
    header, *lines = (TABLES / table).read_text("utf-8").rstrip("\n").split("\n")
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def document(name: str, expression: str, zone: str = "UTC") -> str:
    recurrence = {"cron": expression.replace(r"\t", "\t"), "timeZone": zone, "dayMatch": "Both"}
    content = {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": name},
        "spec": {"handler": "a:b", "recurrence": recurrence},
    }
    return json.dumps(content, ensure_ascii=False)


def answers(documents: list[str], start: str, count: int) -> dict[str, dict[str, Any]]:
    arguments = ["next", "-f", "-", "-o", "json", "--from", start, "--count", str(count)]
    done = CliRunner().invoke(app, arguments, input="\n---\n".join(documents))
    assert done.exit_code in {0, 2}, done.output
    entries = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert len(entries) == len(documents)
    return entries


@dataclass(frozen=True)
class Case:
    row: dict[str, str]
    start: datetime
    """Occurrences are strictly after it."""

    @property
    def expected(self) -> list[str]:
        listed = self.row["expected"]
        return [] if listed == "NONE" else [format_time(parse_time(one)) for one in listed.split(",")]


def cases() -> list[Case]:
    found = []
    for row in rows("cron_cases.tsv"):
        flags = row["note"].split(";")
        if (
            "edge" in flags
        ):  # it asks for what is at the first instant that there is, and nothing is before that
            continue
        # An instant finer than a microsecond is cut, and so is before itself.
        is_inclusive = row["inclusive"] == "1" and "sub-us" not in flags
        start = parse_time(row["from"])
        case = Case(row, start - timedelta(microseconds=1) if is_inclusive else start)
        if not (
            is_inclusive
            and is_at_the_end_of_a_gap(start, row["timezone"])
            and case.expected[:1] != [format_time(start)]
        ):
            found.append(case)
    return found


def is_at_the_end_of_a_gap(instant: datetime, zone: str) -> bool:
    """Whether clocks went forward to it: Cronos looks from the local time, and so passes over what the gap put off.

    The command is only asked for what is strictly later, and a microsecond before, that is still to come.
    """
    before = (instant - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).utcoffset()
    after = instant.astimezone(ZoneInfo(zone)).utcoffset()
    assert before is not None
    assert after is not None
    return after > before


def is_as_expected(case: Case, entry: dict[str, Any]) -> bool:
    # What never fires is refused, so that nobody waits for it.
    is_refused = entry["error"] is not None
    is_excused = case.expected == [] and "this never fires" in (entry["error"] or "")
    return entry["occurrences"] == case.expected and (is_excused or not is_refused)


def test_every_case_has_the_expected_instants():
    groups = defaultdict(list)
    for case in cases():
        groups[case.start, max(1, len(case.expected))].append(case)
    wrong = []
    for (start, count), group in groups.items():
        documents = [
            document(str(n), case.row["expression"], case.row["timezone"]) for n, case in enumerate(group)
        ]
        entries = answers(documents, format_time(start), count)
        wrong += [
            (case.row, entries[str(n)])
            for n, case in enumerate(group)
            if not is_as_expected(case, entries[str(n)])
        ]
    assert wrong[:CAUSES_TOLD] == []


def test_every_invalid_expression_is_refused_by_its_field():
    listed = rows("cron_invalid.tsv")
    entries = answers([document(str(n), row["expression"]) for n, row in enumerate(listed)], "now", 1)
    accepted = [
        (row, entries[str(n)])
        for n, row in enumerate(listed)
        if "spec.recurrence.cron" not in (entries[str(n)]["error"] or "")
    ]
    assert accepted == []


@pytest.mark.parametrize(
    "start", ["2024-02-28T23:59:00Z", "2026-10-22T12:34:56.789Z", "1999-12-31T00:00:00Z"]
)
def test_equivalent_expressions_have_the_same_instants(start):
    listed = rows("cron_equivalent.tsv")
    documents = [
        document(f"{n}-{column}", row[column])
        for n, row in enumerate(listed)
        for column in ("expression", "equivalent")
    ]
    entries = answers(documents, start, 30)
    different = [
        row
        for n, row in enumerate(listed)
        if entries[f"{n}-expression"]["occurrences"] != entries[f"{n}-equivalent"]["occurrences"]
    ]
    assert different == []
    refused = [entry["error"] for entry in entries.values() if entry["error"]]
    assert [error for error in refused if "this never fires" not in error] == []
