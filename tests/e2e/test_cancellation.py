"""Cancel: a task that waits never starts; one that runs is asked to stop, then killed; nothing comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_tasks import run_of
from tests.support.waiting import throughout

if TYPE_CHECKING:
    from tests.support.live_tasks import LiveTask
    from tests.support.workspaces import Workspace

RESPAWN_SECONDS = 4.0
"""A Job controller or an operator that started something again would do so well within this time."""


def _nothing_comes_back(task: LiveTask) -> None:
    task.until_nothing_is_left()
    throughout(lambda: task.jobs() + task.pods(), lambda found: not found, RESPAWN_SECONDS)
    assert task.status["launches"] == 1
    assert task.state == State.CANCELLED


def test_a_cancelled_waiting_task_never_starts(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", delay="3s")
    task.until_state(State.PENDING)
    task.cancel()
    status = task.until_state(State.CANCELLED)
    assert status["message"] == "cancelled before it started"
    time.sleep(5)  # past its time
    assert (task.state, task.jobs(), ledger.calls()) == (State.CANCELLED, [], [])


def test_a_task_made_cancelled_never_starts(workspace: Workspace):
    task = workspace.start("answers:nothing", cancel=True)
    task.until_state(State.CANCELLED)
    assert "launches" not in task.status


def test_a_task_cancelled_before_its_pod_took_the_run_never_runs_the_handler(
    ledger: Workspace, runner_image: str
):
    slow = {"name": "slow", "image": runner_image, "command": ["sleep", "4"]}
    task = ledger.start("ledger:take_a_while", pod={"initContainers": [slow]})
    task.until_pod(lambda pod: pod["status"].get("phase") == "Pending")
    task.cancel()
    task.until_state(State.CANCELLED, 3)
    _nothing_comes_back(task)
    assert ledger.calls() == []


@pytest.mark.parametrize("handler", ["obedience:obedient", "obedience:asynchronous"])
def test_a_cooperating_handler_is_told_and_ends_as_cancelled(workspace: Workspace, handler: str):
    task = workspace.start(handler, gracePeriod="30s")
    task.until_running()
    task.cancel()
    status = task.until_state(State.CANCELLED, 25)  # less than the grace: nobody had to be killed
    assert "stopped when it was asked to" in status["message"]
    _nothing_comes_back(task)


def test_a_cooperating_handlers_last_words_are_kept(workspace: Workspace):
    task = workspace.start("obedience:obedient", gracePeriod="30s")
    task.until_running()
    task.cancel()
    status = task.until_state(State.CANCELLED, 25)
    assert run_of(status)["progress"]["message"] == "asked to stop: Termination"


@pytest.mark.parametrize("handler", ["obedience:asleep", "obedience:busy"])
def test_a_handler_that_ignores_the_request_is_killed_after_the_grace(workspace: Workspace, handler: str):
    task = workspace.start(handler, gracePeriod="2s")
    task.until_running()
    asked = time.time()
    task.cancel()
    status = task.until_state(State.CANCELLED)
    taken = parse_time(status["finishTime"]).timestamp() - asked
    assert "was killed, because it had not stopped within spec.gracePeriod 2s" in status["message"]
    assert 2 <= taken < 7
    _nothing_comes_back(task)


def test_a_handler_that_finishes_within_the_grace_has_succeeded(workspace: Workspace):
    task = workspace.start("obedience:finishing_in_the_grace", gracePeriod="20s")
    task.until_running()
    task.cancel()
    status = task.until_state(State.COMPLETED)
    assert status["result"] == "finished all the same"


def test_cancelling_a_finished_task_changes_nothing(workspace: Workspace):
    task = workspace.start("answers:nothing")
    finished = task.until_state(State.COMPLETED)
    task.cancel()
    time.sleep(2)
    assert (task.state, task.status["finishTime"]) == (State.COMPLETED, finished["finishTime"])
