"""When a task runs: at its time, at the time that it was moved to, not while it is suspended, again when re-armed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State
from evertask.api.times import format_time, parse_time
from tests.support.live_tasks import condition_of, run_of
from tests.support.waiting import throughout

if TYPE_CHECKING:
    from tests.support.live_tasks import Json
    from tests.support.workspaces import Workspace

LATENESS = timedelta(seconds=15)
"""Two cores, four tests side by side."""


def _soon(seconds: float) -> str:
    return format_time(datetime.now(UTC) + timedelta(seconds=seconds))


def _started(status: Json) -> datetime:
    return parse_time(run_of(status)["startTime"])


def test_a_delayed_task_runs_after_its_delay_and_not_before(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", delay="4s")
    created = parse_time(task.read()["metadata"]["creationTimestamp"])
    waiting = task.until_state(State.PENDING)
    assert waiting["nextRunTime"]
    started = _started(task.until_state(State.COMPLETED))
    assert created + timedelta(seconds=4) <= started < created + timedelta(seconds=5) + LATENESS
    assert len(ledger.calls()) == 1


def test_a_task_runs_at_its_instant(workspace: Workspace):
    instant = _soon(4)
    task = workspace.start("answers:nothing", runAt=instant)
    started = _started(task.until_state(State.COMPLETED))
    assert parse_time(instant) <= started < parse_time(instant) + LATENESS


def test_an_instant_in_the_past_means_now(workspace: Workspace):
    task = workspace.start("answers:nothing", runAt="1999-12-31T23:59:59Z")
    task.until_state(State.COMPLETED)


def test_a_task_that_is_moved_to_an_earlier_time_runs_then(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", runAt=_soon(3600))
    task.until_state(State.PENDING)
    task.change(runAt=_soon(1))
    task.until_state(State.COMPLETED, 30)
    assert len(ledger.calls()) == 1


def test_a_task_that_is_moved_to_a_later_time_does_not_run_before(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", runAt=_soon(3))
    task.until_state(State.PENDING)
    later = _soon(9)
    task.change(runAt=later)
    throughout(lambda: (task.state, ledger.calls()), lambda found: found == (State.PENDING, []), 5)
    assert _started(task.until_state(State.COMPLETED)) >= parse_time(later)
    assert len(ledger.calls()) == 1


def test_a_delay_can_be_taken_away(workspace: Workspace):
    task = workspace.start("answers:nothing", delay="1h")
    task.until_state(State.PENDING)
    task.change(delay=None)
    task.until_state(State.COMPLETED, 30)


def test_a_suspended_task_waits_until_it_is_resumed(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", suspend=True)
    status = task.until(lambda s: condition_of(s, "Suspended").get("status") == "True")
    assert status["state"] == State.PENDING
    throughout(lambda: task.jobs() + task.pods(), lambda found: not found, 4)
    task.change(suspend=False)
    status = task.until_state(State.COMPLETED)
    assert condition_of(status, "Suspended")["status"] == "False"
    assert len(ledger.calls()) == 1


def test_a_launch_that_nobody_took_is_withdrawn_when_the_task_is_suspended(
    ledger: Workspace, runner_image: str
):
    slow = {"name": "slow", "image": runner_image, "command": ["sleep", "4"]}
    task = ledger.start("ledger:take_a_while", pod={"initContainers": [slow]})
    task.until_pod(lambda pod: pod["spec"].get("nodeName"))
    task.change(suspend=True)
    task.until(lambda s: condition_of(s, "Suspended").get("status") == "True")
    task.until_nothing_is_left()
    assert ledger.calls() == []
    task.change(suspend=False)
    task.until_state(State.COMPLETED)
    assert [call["launch"] for call in ledger.calls()] == ["2"]


def test_suspending_a_task_that_runs_lets_it_run(workspace: Workspace):
    task = workspace.start("evertask_runner.examples:sleep", payload={"seconds": 4})
    task.until_running()
    task.change(suspend=True)
    task.until_state(State.COMPLETED)


@pytest.mark.parametrize("cancelled", [False, True], ids=["completed", "cancelled"])
def test_a_higher_incarnation_runs_a_finished_task_again(ledger: Workspace, cancelled: bool):  # noqa: FBT001
    task = ledger.start("ledger:take_a_while", cancel=cancelled)
    task.until_finished()
    earlier = len(ledger.calls())
    task.change(cancel=False, incarnation=1, payload={"seconds": 1})
    status = task.until(lambda s: s.get("incarnation") == 1 and s["state"] == State.COMPLETED)
    assert len(ledger.calls()) - earlier == 1
    assert status["counts"]["runs"] == len(ledger.calls())
