"""From the ledger's lines to calls, and a world kept and read again."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.chaos.audit import Finding, Kind
from benchmarks.chaos.collect import calls_of, from_json, to_json
from benchmarks.chaos.ledger import Entries
from benchmarks.chaos.records import (
    Asked,
    Call,
    Deed,
    Disturbance,
    How,
    JobLife,
    Left,
    Life,
    Trace,
    Version,
    What,
    World,
)
from benchmarks.chaos.report import timeline, written

RUN = "s1800000000"
POD = f"et-u-{RUN}-1-abc"


def entry(event: str, time: float, **given: Any) -> dict[str, Any]:
    usual = {"uid": "u", "task": "task", "run": RUN, "launch": 1, "attempt": 1, "pod": POD, "how": ""}
    return usual | {"token": f"{event}{time}", "event": event, "time": time} | given


def lines(*entries: dict[str, Any]) -> bytes:
    ledger = Entries()
    for one in entries:
        ledger.add(one)
    return ledger.read()


WORLD = World(
    calls=(Call("u", "task", RUN, 1, 1, POD, 11.0, 12.0, How.RETURNED),),
    lives=(
        Life(
            "u",
            "task",
            10.0,
            (
                Version(10.5, {"payload": {}}, {"state": "Pending"}),
                Version(
                    12.5,
                    {"payload": {}},
                    {
                        "state": "Completed",
                        "launches": 1,
                        "counts": {"runs": 1, "succeeded": 1},
                        "runs": {RUN: {"launch": 1, "phase": "Succeeded", "podName": POD}},
                    },
                ),
            ),
        ),
    ),
    jobs=(JobLife("j", f"et-u-{RUN}-1", "u", RUN, 1),),
    disturbances=(Disturbance(11.5, What.EVICT, POD), Disturbance(11.6, What.OPERATOR_KILL)),
    asked=(Asked(10.0, "task", Deed.CREATE), Asked(11.7, "task", Deed.CANCEL)),
    left=(Left("Job", "et-u", "u", RUN, 1, is_over=True),),
    keeps_jobs=True,
    traces=(Trace(10.8, "u", "ADDED et-u Job"),),
    stage="pods",
)


def test_a_start_and_its_end_are_a_call():
    (call,) = calls_of(lines(entry("start", 1.0), entry("end", 2.5, how="raised")))
    assert (call.start, call.end, call.how) == (1.0, 2.5, How.RAISED)


def test_an_end_belongs_to_the_start_of_its_attempt():
    first, second = calls_of(
        lines(
            entry("start", 1.0),
            entry("start", 3.0, attempt=2),
            entry("end", 4.0, attempt=2, how="returned"),
        )
    )
    assert (first.how, second.how) == (How.UNKNOWN, How.RETURNED)


def test_an_entry_that_is_said_twice_is_kept_once_and_two_starts_are_two_calls():
    once, again = entry("start", 1.0), entry("start", 2.0)
    assert len(calls_of(lines(once, once, again))) == 2


def test_entries_can_be_read_from_one_on():
    ledger = Entries()
    for number in range(3):
        ledger.add(entry("start", float(number)))
    assert [json.loads(line)["time"] for line in ledger.read(1).splitlines()] == [1.0, 2.0]


def test_a_world_that_was_kept_is_the_same_when_it_is_read_again():
    assert from_json(json.loads(json.dumps(to_json(WORLD)))) == WORLD


def test_the_table_has_what_happened_what_was_done_and_what_was_found():
    text = written([WORLD], [])
    for row in (
        "|  | real pods |",
        "| runs that succeeded | 1 |",
        "| tasks cancelled | 1 |",
        "| pod evicted | 1 |",
        f"| **{Kind.LOST}** | **0** |",
    ):
        assert row in text


def test_a_finding_is_told_with_the_life_of_its_task():
    text = written([WORLD], [Finding(Kind.STUCK, "task", "is not over")])
    assert "task: is not over" in text
    assert timeline(WORLD, "task") in text


def test_a_timeline_is_in_the_order_of_time():
    told = [line.split()[1] for line in timeline(WORLD, "task").splitlines()]
    assert told == ["ASKED", "status", "ADDED", "CALL", "DONE", "ASKED", "END", "status"]
