"""Extra runs of a series: one for each token, under the overlap policy, answered in the status."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State, run_now_run_id
from tests.support.executions import most_at_once
from tests.support.live_series import counts_of, history_of, start_series
from tests.support.live_tasks import condition_of

if TYPE_CHECKING:
    from tests.support.live_series import LiveSeries
    from tests.support.live_tasks import Json
    from tests.support.workspaces import Workspace

HOURLY = {"every": "1h"}


def _until_answer(series: LiveSeries, token: str, answer: str) -> Json:
    return series.until(lambda s: _answer(s) == (token, answer))


def _answer(status: Json) -> tuple[str | None, str | None]:
    answer = status.get("runNow") or {}
    return answer.get("token"), answer.get("answer")


def test_a_token_asks_for_one_run(ledger: Workspace):
    series = start_series(ledger, HOURLY)
    series.until_state(State.PENDING)
    series.change(runNow="noon")
    status = series.until_counted(1)
    assert _answer(status) == ("noon", "Started")
    assert history_of(status, "run") == [run_now_run_id("noon")] == [status["runNow"]["run"]]
    series.change(ttlAfterFinished="2h")
    time.sleep(3)
    assert len(series.executions()) == 1  # the same token asks for nothing more
    series.change(runNow="one o'clock")
    status = series.until_counted(2)
    assert [execution.run for execution in series.executions()] == history_of(status, "run")
    assert status["nextRunTime"]


def test_a_run_that_goes_on_has_an_extra_one_skipped(ledger: Workspace):
    series = start_series(ledger, HOURLY | {"first": {"immediately": True}}, seconds=6)
    series.until_executions(1)
    series.change(runNow="please")
    _until_answer(series, "please", "Skipped")
    series.until_counted(1)
    time.sleep(3)
    assert len(series.executions()) == 1


def test_a_run_that_goes_on_has_an_extra_one_wait_when_the_policy_is_queue(ledger: Workspace):
    series = start_series(ledger, HOURLY | {"first": {"immediately": True}, "overlap": "Queue"}, seconds=6)
    series.until_executions(1)
    series.change(runNow="please")
    status = _until_answer(series, "please", "Waiting")
    assert [turn["reason"] for turn in status["waiting"]] == ["RunNow"]
    status = series.until_counted(2)
    executions = series.executions()
    assert _answer(status) == ("please", "Started")
    assert executions[1].run == run_now_run_id("please") == history_of(status, "run")[1]
    assert most_at_once(executions) == 1


def test_extra_runs_count_for_max_runs(ledger: Workspace):
    series = start_series(ledger, HOURLY | {"maxRuns": 1})
    series.until_state(State.PENDING)
    series.change(runNow="please")
    status = series.until_state(State.COMPLETED)
    assert condition_of(status, Condition.SERIES_ENDED)["reason"] == "MaxRunsReached"
    assert (counts_of(status, "runs"), len(series.executions())) == ((1,), 1)
