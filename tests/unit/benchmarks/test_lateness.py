"""The table of lateness: one row per contestant, with what was not measured left open."""

from __future__ import annotations

from benchmarks.lateness.jobs import JobStart, cron_job
from benchmarks.lateness.measured import HEAD, Measured
from benchmarks.lateness.slots import Due
from benchmarks.lateness.starts import Start

T = 1_800_000_000.0


def measured() -> Measured:
    found = Measured(alone={"one"}, together={"five"})
    found.starts.plan([Due("one", "run-at", (T,), {}), Due("five", "recurring", (T, T + 5), {})])
    found.starts.seen = [Start("one", "s1", T, T + 0.25, T, T - 2), Start("five", "s1", T, T + 0.5, T, None)]
    found.cron_jobs = [JobStart("cron-0", T, T + 1)]
    return found


def test_the_ratio_is_to_the_cron_jobs_of_the_same_run():
    rows = {row[0]: row for row in measured().rows()}
    assert rows["EverTask, 1 due: all"] == (
        "EverTask, 1 due: all",
        "1",
        *("250",) * 5,
        "0.250",
        "p99 ≤ 50",
    )


def test_what_was_not_measured_has_no_figures():
    rows = {row[0]: row for row in measured().rows()}
    assert rows["bare Job, created at the instant"][1:] == ("0", "—", "—", "—", "—", "—", "—", "")


def test_every_row_has_all_columns():
    assert {len(row) for row in measured().rows()} == {len(HEAD)}


def test_raw_data_says_what_is_missing():
    assert measured().raw()["missing"] == [("five", T + 5)]


def test_a_cron_job_keeps_the_pods_whose_logs_are_read_at_the_end():
    spec = cron_job("cron-0", {"spec": {}})["spec"]
    assert spec["successfulJobsHistoryLimit"] >= 2 * 15
