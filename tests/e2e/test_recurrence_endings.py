"""A series that is ended: cancelled or deleted, during a run and between runs. And one that is started again."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import Condition, State
from evertask.api.times import parse_time
from tests.support.live_series import counts_of, start_series
from tests.support.live_tasks import condition_of
from tests.support.waiting import throughout

if TYPE_CHECKING:
    from tests.support.live_series import LiveSeries
    from tests.support.workspaces import Workspace

INTERVAL_SECONDS = 3.0
EVERY: dict[str, object] = {"every": "3s"}


def _nothing_comes_back(series: LiveSeries) -> None:
    """Nothing runs for longer than an interval; a finished pod may be kept for its log."""
    series.until_pods_ended()
    before = (series.status["launches"], len(series.executions()))
    throughout(series.running_pods, lambda found: not found, 2 * INTERVAL_SECONDS)
    assert (series.status["launches"], len(series.executions())) == before
    assert series.state == State.CANCELLED


def test_cancelled_during_a_run_a_series_has_ended(ledger: Workspace):
    series = start_series(ledger, EVERY, seconds=600, gracePeriod="20s")
    series.until_executions(1)
    series.cancel()
    status = series.until_state(State.CANCELLED)
    assert condition_of(status, Condition.SERIES_ENDED)["reason"] == "Cancelled"
    assert counts_of(status, "runs", "cancelled") == (0, 1)
    series.until_nothing_is_left()
    _nothing_comes_back(series)
    assert len(series.executions()) == 1


def test_cancelled_between_its_runs_a_series_has_ended(ledger: Workspace):
    series = start_series(ledger, EVERY)
    series.until_counted(1)
    series.cancel()
    status = series.until_state(State.CANCELLED)
    assert not any(status.get(field) for field in ("nextRunTime", "runs", "waiting"))
    _nothing_comes_back(series)


@pytest.mark.parametrize("overlap", ["Skip", "Allow"])
def test_a_series_that_is_deleted_in_the_middle_leaves_no_pod(ledger: Workspace, overlap: str):
    series = start_series(ledger, EVERY | {"overlap": overlap}, seconds=600)
    series.until_executions(2 if overlap == "Allow" else 1)
    series.delete()
    series.until_gone()
    ledger.until_no_pods_are_left()
    executed = len(series.executions())
    time.sleep(2 * INTERVAL_SECONDS)
    ledger.until_no_pods_are_left(0)
    assert len(series.executions()) == executed


@pytest.mark.parametrize("cancelled", [False, True], ids=["completed", "cancelled"])
def test_a_higher_incarnation_starts_a_series_again(ledger: Workspace, cancelled: bool):  # noqa: FBT001
    series = start_series(ledger, {"every": "3s", "maxRuns": 2, "overlap": "Queue"})
    if cancelled:
        series.until_counted(1)
        series.cancel()
    earlier = counts_of(series.until_finished(), "runs")[0]
    executed = len(series.executions())
    series.change(cancel=False, incarnation=1)
    status = series.until(lambda s: s.get("incarnation") == 1 and s["state"] == State.COMPLETED)
    assert counts_of(status, "runs", "incarnationRuns") == (earlier + 2, 2)
    armed = parse_time(status["armedTime"])
    later = series.nominal_times()[executed:]
    assert later == [armed + number * timedelta(seconds=INTERVAL_SECONDS) for number in (1, 2)]
