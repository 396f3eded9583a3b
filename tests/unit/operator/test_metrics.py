"""What is measured of runs and occurrences: each once, whatever a runner writes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from evertask_operator.metrics import Metrics, prelaunched_runs
from tests.support.situations import CREATED, instant, make_task

LAUNCHED = {"scheduledTime": instant(seconds=10), "launchTime": instant(seconds=8), "phase": "Launching"}
READY = {"phase": "Running", "podName": "p", "readyTime": instant(seconds=8.75)}
EARLY_CLAIM = {**LAUNCHED, **READY, "startTime": instant(seconds=10)}
LATE_CLAIM = {**LAUNCHED, **READY, "startTime": instant(seconds=12)}
OVER = {"phase": "Succeeded", "endTime": instant(seconds=13)}


def observed(*lives, created=CREATED):
    """Measure what a run has gone through; None: not known yet."""
    metrics = Metrics()
    for before, after in pairwise(lives):
        metrics.observe_run(before, after, created)
    return {
        name: (
            metrics.registry.get_sample_value(f"evertask_{metric}_seconds_count"),
            pytest.approx(metrics.registry.get_sample_value(f"evertask_{metric}_seconds_sum")),
        )
        for name, metric in (("launch", "launch"), ("late", "run_lateness"))
    }


# --- runs --------------------------------------------------------------------------------------------------


def test_a_launch_lasts_until_the_pod_is_ready_and_not_until_its_time():
    assert observed(LAUNCHED, EARLY_CLAIM)["launch"] == (1, 0.75)


def test_a_run_that_was_claimed_late_is_measured_at_its_claim():
    assert observed(LAUNCHED, LATE_CLAIM)["late"] == (1, 2)


def test_a_run_that_was_claimed_early_is_measured_at_its_outcome():
    started = {**EARLY_CLAIM, **OVER, "startTime": instant(seconds=10.003)}
    assert observed(LAUNCHED, EARLY_CLAIM)["late"] == (0, 0)
    assert observed(LAUNCHED, EARLY_CLAIM, started)["late"] == (1, 0.003)


def test_a_handler_that_started_at_the_instant_is_measured_too():
    assert observed(LAUNCHED, EARLY_CLAIM, {**EARLY_CLAIM, **OVER})["late"] == (1, 0)


@pytest.mark.parametrize("claim", [EARLY_CLAIM, LATE_CLAIM], ids=["early", "late"])
def test_a_run_is_measured_once(claim):
    progress = {**claim, "progress": {"percent": 50}}
    over = {**claim, **OVER, "startTime": instant(seconds=12.5)}
    measured = observed(None, LAUNCHED, LAUNCHED, claim, progress, progress, over, over)
    assert (measured["launch"][0], measured["late"][0]) == (1, 1)


def test_a_run_that_was_over_when_it_was_first_seen_is_measured():
    measured = observed(None, {**EARLY_CLAIM, **OVER})
    assert (measured["launch"][0], measured["late"][0]) == (1, 1)


def test_a_run_is_late_by_its_jittered_time():
    assert observed(LAUNCHED, {**LATE_CLAIM, "dueTime": instant(seconds=11)})["late"] == (1, 1)


def test_nothing_is_late_that_was_due_before_it_was_created():
    assert observed(LAUNCHED, LATE_CLAIM, created=CREATED + timedelta(seconds=11.5))["late"] == (1, 0.5)


def test_a_clock_that_differs_makes_nothing_negative():
    assert observed(LAUNCHED, {**LATE_CLAIM, "readyTime": instant(seconds=7)})["launch"] == (1, 0)


@pytest.mark.parametrize("field", ["startTime", "scheduledTime"])
def test_a_time_that_cannot_be_read_is_not_measured(field):
    assert observed(LAUNCHED, {**LATE_CLAIM, field: "2026-11-24T23:59:60Z"})["late"] == (0, 0)


def test_a_runner_that_does_not_say_when_it_was_ready_was_so_at_its_claim():
    silent = {name: value for name, value in LATE_CLAIM.items() if name != "readyTime"}
    assert observed(LAUNCHED, silent)["launch"] == (1, 4)


# --- runs before their time --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "seconds", "count"),
    [("Launching", 5, 1), ("Held", 5, 1), ("Launching", 10, 0), ("Held", 11, 0), ("Cancelled", 5, 0)],
)
def test_prelaunched_runs_are_those_whose_time_has_not_come(phase, seconds, count):
    task = make_task().with_status(runs={"s1": {**LAUNCHED, "phase": phase}}).record()
    assert prelaunched_runs([task], CREATED + timedelta(seconds=seconds)) == count


def test_a_run_that_a_pod_has_taken_is_not_waiting_for_it():
    task = make_task().with_status(runs={"s1": EARLY_CLAIM}).record()
    assert prelaunched_runs([task, make_task().record()], CREATED) == 0


# --- occurrences -------------------------------------------------------------------------------------------


def test_occurrences_are_counted_as_they_are_written():
    metrics = Metrics()
    statuses = [
        {},
        {"counts": {"missed": 3}},
        {"counts": {"missed": 3, "skipped": 1, "runs": 2}},
        {"counts": {"missed": 4, "skipped": 2}},
        {"counts": {"runs": 0}},
    ]
    for before, after in pairwise(statuses):
        metrics.count_occurrences(before, after)
    assert metrics.registry.get_sample_value("evertask_occurrences_missed_total") == 4
    assert metrics.registry.get_sample_value("evertask_occurrences_skipped_total") == 2


# --- attempts ----------------------------------------------------------------------------------------------


def counted(*runs):
    """Count what a run has gone through; None: there is no such run."""
    metrics = Metrics()
    for before, after in pairwise({"runs": {"s1": run}} if run else {} for run in runs):
        metrics.count_attempts(before, after)
    return tuple(
        metrics.registry.get_sample_value(f"evertask_{name}_total", labels) or 0
        for name, labels in (
            ("retries", {"where": "pod"}),
            ("retries", {"where": "launch"}),
            ("interruptions", {}),
        )
    )


RUNS = {"phase": "Running", "podName": "p"}
LOST = {"phase": "Launching", "interruptions": 1}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([None, RUNS, {**RUNS, "failedAttempts": 1}], (1, 0, 0), id="in-its-pod"),
        pytest.param([RUNS, {"phase": "Backoff", "failedAttempts": 1}], (0, 1, 0), id="given-back"),
        pytest.param(
            [RUNS, {**RUNS, "failedAttempts": 1}, {"phase": "Backoff", "failedAttempts": 3}],
            (1, 2, 0),
            id="several",
        ),
        pytest.param([{"phase": "Backoff", "failedAttempts": 1}, None], (0, 0, 0), id="over"),
        pytest.param([RUNS, LOST, {**RUNS, "interruptions": 1}, LOST], (0, 0, 1), id="lost-once"),
        pytest.param([RUNS, {**RUNS, "failedAttempts": None}], (0, 0, 0), id="null"),
        pytest.param([{**RUNS, "failedAttempts": 2}, RUNS], (0, 0, 0), id="another-incarnation"),
    ],
)
def test_failed_attempts_and_lost_pods_are_counted_once(runs, expected):
    assert counted(*runs) == expected


def test_the_start_of_a_later_attempt_is_not_late():
    again = {**LATE_CLAIM, "failedAttempts": 1}
    measured = observed({**LAUNCHED, "failedAttempts": 1}, again)
    assert (measured["launch"], measured["late"][0]) == ((1, 0.75), 0)
