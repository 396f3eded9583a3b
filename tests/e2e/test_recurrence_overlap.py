"""Handlers that take longer than their interval: what becomes of the occurrences that are due meanwhile.

Every claim holds however late a pod starts; only the machine's clock is taken for granted.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from tests.support.executions import left_out, most_at_once, nominal_times
from tests.support.live_series import counts_of, history_of, phases_of, start_series

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace


def test_skip_leaves_out_what_is_due_while_a_run_goes_on(ledger: Workspace):
    series = start_series(ledger, {"every": "3s", "maxRuns": 3, "overlap": "Skip"}, seconds=4)
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert len(executions) == 3
    assert most_at_once(executions) == 1
    assert set(nominal_times(executions)) <= set(series.grid(3, *range(1, 100)))
    skipped = left_out(executions, 3)
    assert skipped >= 2
    assert counts_of(status, "runs", "skipped", "missed") == (3, skipped, 0)


def test_queue_runs_every_occurrence_one_after_another(ledger: Workspace):
    series = start_series(ledger, {"every": "2s", "maxRuns": 4, "overlap": "Queue"}, seconds=3)
    waiting = series.until(lambda s: s.get("waiting"))["waiting"]
    assert waiting[0]["reason"] == "Overlap"
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert nominal_times(executions) == series.grid(2, 1, 2, 3, 4)
    assert most_at_once(executions) == 1
    assert counts_of(status, "runs", "skipped", "missed") == (4, 0, 0)


def test_replace_stops_the_run_before_and_starts_when_no_pod_of_it_is_left(ledger: Workspace):
    series = start_series(ledger, {"every": "5s", "overlap": "Replace"}, seconds=600, gracePeriod="20s")
    series.until_executions(3)
    status = series.until(lambda s: counts_of(s, "cancelled")[0] >= 2)
    series.cancel()
    series.until_state(State.CANCELLED)
    executions = series.executions()
    assert most_at_once(executions) == 1
    assert all(earlier < later for earlier, later in pairwise(nominal_times(executions)))
    assert set(history_of(status, "outcome")) == {"Cancelled"}
    assert counts_of(status, "runs") == (0,)


def test_replace_kills_a_run_that_does_not_stop(ledger: Workspace):
    series = start_series(
        ledger, {"every": "6s", "overlap": "Replace"}, handler="obedience:asleep", gracePeriod="1s"
    )
    run = next(iter(series.until(lambda s: "Running" in phases_of(s))["runs"].values()))
    status = series.until(lambda s: counts_of(s, "cancelled")[0] >= 1)
    assert run["podName"] not in series.running_pods()
    assert history_of(status, "outcome")[0] == "Cancelled"
    series.cancel()
    series.until_state(State.CANCELLED)
    series.until_nothing_is_left()


def test_allow_runs_side_by_side(ledger: Workspace):
    series = start_series(ledger, {"every": "2s", "maxRuns": 4, "overlap": "Allow"}, seconds=8)
    series.until(lambda s: phases_of(s).count("Running") >= 2)
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert sorted(nominal_times(executions)) == series.grid(2, 1, 2, 3, 4)
    assert most_at_once(executions) >= 2
    assert counts_of(status, "runs", "skipped", "missed") == (4, 0, 0)
