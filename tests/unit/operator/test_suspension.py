"""``spec.suspend`` keeps a task from being started, at every stage before the claim."""

from __future__ import annotations

import pytest

from evertask.api.protocol import Condition, State
from evertask_operator.decisions import decide
from tests.support.situations import RUN, instant, make_task


def condition_of(plan):
    assert plan.status is not None
    return next(c for c in plan.status["conditions"] if c["type"] == Condition.SUSPENDED)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task().suspended(), id="never-looked-at"),
        pytest.param(make_task().delay("5m").suspended(), id="not-due"),
        pytest.param(make_task().delay("5m").suspended().at(hours=1), id="due"),
        pytest.param(make_task().with_status(state="Queued").suspended(), id="waiting-for-room"),
    ],
)
def test_a_suspended_task_is_held_and_says_so(task):
    plan = decide(task.situation())
    assert not plan.opens_run
    assert condition_of(plan)["status"] == "True"
    assert plan.status is not None
    assert plan.status["state"] == State.PENDING
    assert "spec.suspend" in plan.status["message"]


def test_a_suspended_task_is_written_once():
    task = make_task().suspended()
    held = task.with_status(**(decide(task.situation()).status or {}))
    assert decide(held.at(hours=5).situation()).status is None


def test_a_launch_that_nobody_has_claimed_is_withdrawn():
    plan = decide(make_task().launched().with_job().edited(suspend=True).situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}
    assert plan.status["job"] is None
    assert condition_of(plan)["status"] == "True"


def test_a_run_opened_behind_a_held_status_is_withdrawn_too():
    task = make_task().suspended()
    held = task.with_status(**(decide(task.situation()).status or {}))
    reopened = held.with_status(runs=make_task().launched().status["runs"])
    plan = decide(reopened.situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}


def test_a_run_that_has_started_goes_on():
    plan = decide(make_task().claimed().with_job().with_pod().edited(suspend=True).situation())
    assert plan.status is None
    assert plan.deletions == ()


@pytest.mark.parametrize("spec", [{}, {"delay": "1h"}], ids=["due", "not-due"])
def test_a_resumed_task_says_so_first(spec):
    task = make_task(**spec).condition(Condition.SUSPENDED, "True").with_status(state="Pending")
    plan = decide(task.edited(suspend=None).situation())
    assert condition_of(plan)["status"] == "False"
    assert condition_of(plan)["reason"] == "Resumed"


def test_a_resumed_task_is_launched():
    task = make_task().condition(Condition.SUSPENDED, "False").with_status(state="Pending")
    assert decide(task.at(hours=1).situation()).opens_run


def test_the_planned_time_stays_visible_while_suspended():
    plan = decide(make_task().delay("1h").suspended().situation())
    assert plan.status is not None
    assert plan.status["nextRunTime"] == instant(hours=1, seconds=1)


def test_resuming_does_not_restart_a_finished_task():
    task = make_task().finished().condition(Condition.SUSPENDED, "True")
    assert decide(task.edited(suspend=False).situation()).status is None
