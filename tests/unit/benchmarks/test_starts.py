"""Starts are read from what a watch tells of a task; what does not fit together gives no figure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from benchmarks.lateness.slots import Due
from benchmarks.lateness.starts import Starts
from evertask.api.times import format_time

T = 1_800_000_000.0
LATER = T + 5


def text(instant: float) -> str:
    return format_time(datetime.fromtimestamp(instant, UTC))


def run(nominal: float, phase: str = "Succeeded", started: float | None = None) -> dict[str, Any]:
    start = text(nominal if started is None else started)
    return {
        "scheduledTime": text(nominal),
        "phase": phase,
        "startTime": start,
        "readyTime": text(nominal - 2),
    }


def told(runs: dict[str, Any], result: Any = None) -> dict[str, Any]:
    return {"metadata": {"name": "series"}, "status": {"runs": runs, "result": result}}


def series() -> Starts:
    starts = Starts()
    starts.plan([Due("series", "recurring", (T, LATER), {})])
    return starts


def test_lateness_is_by_the_handlers_own_clock():
    starts = series()
    starts.look(told({"s1": run(T)}, {"started": T + 0.25}))
    assert starts.latenesses(["series"]) == [0.25]
    assert starts.seen[0].ready == T - 2


def test_a_run_counts_once_however_often_it_is_told_of():
    starts = series()
    for _ in range(3):
        starts.look(told({"s1": run(T)}, {"started": T}))
    assert len(starts.seen) == 1


def test_a_run_that_is_not_over_is_no_start_yet():
    starts = series()
    starts.look(told({"s1": run(T, "Running")}, None))
    assert starts.seen == []
    assert starts.odd == []


def test_each_run_of_a_series_has_the_result_of_its_own():
    starts = series()
    starts.look(told({"s1": run(T)}, {"started": T + 0.001}))
    starts.look(told({"s1": run(T), "s2": run(LATER)}, {"started": LATER + 0.002}))
    assert [start.first_line for start in starts.seen] == [T + 0.001, LATER + 0.002]


def test_a_result_of_another_run_gives_no_figure():
    starts = series()
    starts.look(told({"s2": run(LATER)}, {"started": T}))
    assert starts.seen == []
    assert "no result of its own" in starts.odd[0]


def test_a_failed_run_gives_no_figure_and_is_named():
    starts = series()
    starts.look(told({"s1": run(T, "Failed")}))
    assert starts.odd == ["run s1 of series is Failed"]


def test_a_run_that_nobody_planned_is_named():
    starts = series()
    starts.look(told({"s9": run(T + 1)}, {"started": T + 1}))
    assert "not planned" in starts.odd[0]


def test_what_has_not_started_is_missing():
    starts = series()
    starts.look(told({"s1": run(T)}, {"started": T}))
    assert starts.missing() == [("series", LATER)]


def test_starts_are_picked_by_kind():
    starts = series()
    starts.look(told({"s1": run(T)}, {"started": T}))
    assert starts.latenesses(["series"], "delay") == []
    assert starts.latenesses(["series"], "recurring") == [0.0]
