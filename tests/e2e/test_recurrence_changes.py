"""A series that is changed while it lives: suspended and resumed, edited between its runs and during one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State
from evertask.api.times import parse_time
from tests.support.executions import left_out, most_at_once, nominal_times
from tests.support.live_series import counts_of, history_of, phases_of, start_series
from tests.support.live_tasks import condition_of

if TYPE_CHECKING:
    from tests.support.live_tasks import Json
    from tests.support.workspaces import Workspace


def _is_suspended(status: Json) -> bool:
    return condition_of(status, Condition.SUSPENDED).get("status") == "True" and not phases_of(status)


def _next_run_time(status: Json) -> datetime:
    text = status.get("nextRunTime")
    return parse_time(text) if text else datetime.max.replace(tzinfo=UTC)


def test_what_is_due_while_a_series_is_suspended_is_skipped(ledger: Workspace):
    series = start_series(ledger, {"every": "3s", "maxRuns": 5})
    series.until_executions(1)
    series.change(suspend=True)
    status = series.until(_is_suspended)
    assert (status["state"], status.get("nextRunTime")) == (State.PENDING, None)
    before = len(series.executions())
    time.sleep(7)
    assert (len(series.executions()), series.running_pods()) == (before, [])
    resumed = datetime.now(UTC)
    series.change(suspend=False)
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert executions[before].scheduled > resumed
    skipped = left_out(executions, 3)
    assert skipped >= 2
    assert counts_of(status, "runs", "skipped", "missed") == (5, skipped, 0)


def test_a_series_that_is_made_suspended_starts_when_it_is_resumed(ledger: Workspace):
    series = start_series(ledger, {"every": "2s", "maxRuns": 1}, suspend=True)
    series.until(_is_suspended)
    time.sleep(3)
    resumed = datetime.now(UTC)
    series.change(suspend=False)
    series.until_state(State.COMPLETED)
    assert [scheduled > resumed for scheduled in series.nominal_times()] == [True]


def test_an_edit_of_a_waiting_series_is_followed_at_once_and_keeps_the_counters(ledger: Workspace):
    series = start_series(ledger, {"every": "1h", "first": {"immediately": True}, "maxRuns": 3})
    series.until_counted(1)
    edited = datetime.now(UTC)
    series.change(recurrence={"every": None, "cron": "*/5 * * * * *"})
    status = series.until(lambda s: "cron" in s.get("schedule", ""))
    assert _next_run_time(status) < edited + timedelta(seconds=30)
    status = series.until_state(State.COMPLETED)
    times = series.nominal_times()
    assert counts_of(status, "runs", "incarnationRuns", "missed") == (3, 3, 0)
    assert all(scheduled > edited and scheduled.second % 5 == 0 for scheduled in times[1:])


def test_an_edit_during_a_run_lets_it_run_and_is_followed_from_the_next_run_on(ledger: Workspace):
    recurrence = {"every": "1h", "first": {"immediately": True}, "maxRuns": 3}
    series = start_series(ledger, recurrence, seconds=6)
    series.until_executions(1)
    edited = datetime.now(UTC)
    series.change(recurrence={"every": "4s"}, payload={"seconds": 0})
    series.until(lambda s: _next_run_time(s) < edited + timedelta(seconds=30))
    status = series.until_state(State.COMPLETED)
    first, *others = executions = series.executions()
    assert first.end is not None
    assert first.end - first.start >= timedelta(seconds=6)
    assert most_at_once(executions) == 1
    assert all(scheduled > edited for scheduled in nominal_times(others))
    assert history_of(status, "outcome") == ["Succeeded"] * 3
    assert counts_of(status, "runs") == (3,)


def test_other_fields_are_read_anew_by_each_run(ledger: Workspace):
    recurrence = {"every": "8s", "first": {"immediately": True}, "maxRuns": 2}
    series = start_series(ledger, recurrence, handler="answers:broken")
    series.until_counted(1)
    series.change(handler="answers:echo", payload={"edition": 2, "seconds": None})
    status = series.until_state(State.COMPLETED)
    assert status["result"] == {"edition": 2}
    assert counts_of(status, "failed", "succeeded", "consecutiveFailures") == (1, 1, 0)
