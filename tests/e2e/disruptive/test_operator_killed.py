"""The operator dies without a word: every task has its one run and its right outcome all the same."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_series import sleep_until
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.operators import InstalledOperator
    from tests.support.workspaces import Workspace

SWARM = 6


def test_killed_between_creation_and_launch_each_task_runs_once(
    ledger: Workspace, operator: InstalledOperator
):
    tasks = [
        ledger.start("ledger:take_a_while", f"task-{number}", delay=f"{number + 1}s")
        for number in range(SWARM)
    ]
    tasks[0].until_state(State.PENDING)
    operator.kill()
    for task in tasks:
        assert task.until_state(State.COMPLETED, 90)["launches"] == 1
    assert sorted(call["task"] for call in ledger.calls()) == [task.name for task in tasks]


def test_killed_in_the_middle_of_launching_many_each_task_runs_once(
    ledger: Workspace, operator: InstalledOperator
):
    tasks = [ledger.start("ledger:take_a_while", f"task-{number}") for number in range(2 * SWARM)]
    operator.kill()
    for task in tasks:
        assert task.until_state(State.COMPLETED, 90)["launches"] == 1
    assert sorted(call["task"] for call in ledger.calls()) == sorted(task.name for task in tasks)


def test_killed_while_handlers_run_their_outcomes_stand(ledger: Workspace, operator: InstalledOperator):
    good = ledger.start("ledger:take_a_while", "good", payload={"seconds": 8})
    bad = ledger.start("answers:broken", "bad", delay="2s")
    good.until_running()
    operator.kill()
    assert good.until_state(State.COMPLETED)["result"] == {"launch": 1}
    assert bad.until_state(State.FAILED, 90)["error"]["type"] == "LookupError"
    operator.until_ready()
    good.until_pods_ended()
    assert (len(ledger.calls()), good.status["launches"], good.status["counts"]["runs"]) == (1, 1, 1)


def test_while_the_operator_is_away_handlers_finish_and_success_is_visible(
    ledger: Workspace, operator: InstalledOperator
):
    runs = ledger.start("ledger:take_a_while", "runs", payload={"seconds": 6})
    dies = ledger.start("answers:dies_later", "dies", payload={"seconds": 6})
    due = ledger.start("ledger:take_a_while", "due", delay="16s")  # its pod must not be made before the kill
    instant = parse_time(due.until_state(State.PENDING)["nextRunTime"])
    for task in (runs, dies):
        task.until_running()
    with operator.away():
        finished = runs.until_state(State.COMPLETED, 30)
        assert finished["result"] == {"launch": 1}
        new = ledger.start("ledger:take_a_while", "new")
        sleep_until(instant + timedelta(seconds=3))
        assert new.read().get("status") is None
        assert due.status["state"] == State.PENDING
    assert dies.until_state(State.FAILED)["error"]["type"] == "HandlerProcessDied"
    for task in (due, new):
        task.until_state(State.COMPLETED)
    assert runs.status["finishTime"] == finished["finishTime"]
    assert sorted(call["task"] for call in ledger.calls()) == ["due", "new", "runs"]


def test_a_cancellation_asked_for_while_the_operator_is_away_is_carried_out(
    ledger: Workspace, operator: InstalledOperator
):
    runs = ledger.start("ledger:hang_at_first", "runs")
    waits = ledger.start("ledger:take_a_while", "waits", delay="1h")
    runs.until_running()
    waits.until_state(State.PENDING)
    with operator.away():
        runs.cancel()
        waits.cancel()
    for task in (runs, waits):
        task.until_state(State.CANCELLED)
        task.until_nothing_is_left()
    assert [call["task"] for call in ledger.calls()] == ["runs"]


def test_a_pod_that_was_lost_while_the_operator_was_away_is_replaced(
    ledger: Workspace, operator: InstalledOperator
):
    again = ledger.start("ledger:hang_at_first", "again")
    never = ledger.start("ledger:hang_at_first", "never", onInterruption="Fail")
    by_hand = ledger.start("ledger:hang_at_first", "by-hand")
    pods = {task.name: run_of(task.until_running())["podName"] for task in (again, never, by_hand)}
    with operator.away():
        for name in ("again", "never"):
            assert ledger.evict(pods[name]).status == 201
        ledger.client("DELETE", ledger.core("pods", pods["by-hand"]))
        time.sleep(6)  # longer than the grace: nothing of the pods is left to look at
        assert again.pods() + never.pods() + by_hand.pods() == []
    assert again.until_state(State.COMPLETED)["result"] == {"launch": 2}
    assert never.until_state(State.FAILED)["error"]["type"] == "Interrupted"
    by_hand.until_state(State.CANCELLED)
    assert len(ledger.calls()) == 4


def test_a_task_that_became_due_while_the_operator_was_away_keeps_its_nominal_time(
    ledger: Workspace, operator: InstalledOperator
):
    task = ledger.start("ledger:take_a_while", delay="12s")  # its pod must not be made before the kill
    due = parse_time(task.until_state(State.PENDING)["nextRunTime"])
    with operator.away():
        sleep_until(due + timedelta(seconds=2))
    status = task.until_state(State.COMPLETED)
    assert parse_time(run_of(status)["scheduledTime"]) == due
    assert len(ledger.calls()) == 1
