"""The plain course of a series: each occurrence runs once and is told its time, until the series ends.

Occurrences queue here rather than being left out, so that a machine that is busy with other tests changes no outcome.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time, parse_time
from tests.support.executions import most_at_once
from tests.support.live_series import counts_of, history_of, start_series
from tests.support.live_tasks import condition_of

if TYPE_CHECKING:
    from tests.support.live_tasks import Json
    from tests.support.workspaces import Workspace


def _end_of_series(status: Json) -> tuple[str, str]:
    ended = condition_of(status, Condition.SERIES_ENDED)
    return ended["status"], ended["reason"]


def test_each_occurrence_runs_once_and_is_told_its_nominal_time(ledger: Workspace):
    series = start_series(ledger, {"every": "3s", "maxRuns": 4, "overlap": "Queue"})
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert series.nominal_times() == series.grid(3, 1, 2, 3, 4)
    assert all(execution.lateness >= timedelta(0) for execution in executions)
    assert most_at_once(executions) == 1
    assert counts_of(status, "runs", "succeeded", "incarnationRuns", "skipped", "missed") == (4, 4, 4, 0, 0)
    assert _end_of_series(status) == ("True", "MaxRunsReached")
    assert not any(status.get(field) for field in ("nextRunTime", "runs", "waiting"))


def test_each_run_has_an_entry_in_the_history(ledger: Workspace):
    series = start_series(ledger, {"every": "2s", "maxRuns": 3, "overlap": "Queue"})
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert history_of(status, "run") == [execution.run for execution in executions]
    assert [parse_time(text) for text in history_of(status, "scheduledTime")] == series.grid(2, 1, 2, 3)
    assert history_of(status, "outcome") == ["Succeeded"] * 3
    assert all(history_of(status, "lateness"))
    assert status["result"] == {"scheduled": executions[-1].scheduled.isoformat()}


def test_a_series_says_between_its_runs_when_it_runs_next(ledger: Workspace):
    series = start_series(ledger, {"every": "1h", "first": {"immediately": True}})
    status = series.until(lambda s: counts_of(s, "runs") == (1,) and s["state"] == State.PENDING)
    assert parse_time(status["nextRunTime"]) == series.created + timedelta(hours=1)
    assert "every 1h" in status["schedule"]
    assert series.nominal_times() == [series.created]


def test_failed_runs_do_not_end_a_series(ledger: Workspace):
    recurrence = {"every": "2s", "maxRuns": 2, "overlap": "Queue"}
    series = start_series(ledger, recurrence, handler="answers:broken")
    status = series.until_state(State.COMPLETED)
    assert counts_of(status, "runs", "failed", "consecutiveFailures") == (2, 2, 2)
    assert status["error"]["type"] == "LookupError"
    assert ["order A-17 is unknown" in message for message in history_of(status, "message")] == [True] * 2


def test_until_ends_a_series_and_is_exclusive(ledger: Workspace):
    # The grid counts from the second of the creation, so that the end falls on an occurrence.
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=9)
    series = start_series(ledger, {"every": "1s", "until": format_time(until), "overlap": "Queue"})
    status = series.until_state(State.COMPLETED)
    assert _end_of_series(status) == ("True", "UntilReached")
    executions = series.executions()
    assert executions
    assert all(execution.scheduled < until for execution in executions)
    assert counts_of(status, "runs") == (len(executions),)


def test_a_first_run_without_a_schedule_is_the_only_one(ledger: Workspace):
    series = start_series(ledger, {"first": {"immediately": True}})
    status = series.until_state(State.COMPLETED)
    assert _end_of_series(status) == ("True", "NothingFollows")
    assert series.nominal_times() == [series.created]


def test_the_schedule_goes_on_from_the_first_run(ledger: Workspace):
    first = datetime.now(UTC) + timedelta(seconds=3.25)
    recurrence = {"first": {"at": format_time(first)}, "every": "2s", "maxRuns": 3, "overlap": "Queue"}
    series = start_series(ledger, recurrence)
    series.until_state(State.COMPLETED)
    assert series.nominal_times() == [first + timedelta(seconds=2 * number) for number in range(3)]


def test_a_cron_expression_with_seconds_is_followed(ledger: Workspace):
    recurrence = {
        "cron": "*/3 * * * * *",
        "timeZone": "Asia/Kathmandu",
        "maxRuns": 3,
        "overlap": "Queue",
    }
    series = start_series(ledger, recurrence)
    series.until_state(State.COMPLETED)
    times = series.nominal_times()
    assert times[0].second % 3 == 0
    assert series.created < times[0] <= series.created + timedelta(seconds=3)
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(seconds=3)] * 2
