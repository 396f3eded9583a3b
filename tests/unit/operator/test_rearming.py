"""A finished task whose incarnation was raised starts anew; what it counted stays."""

from __future__ import annotations

import pytest

from evertask.api.protocol import State
from evertask_operator.decisions import decide
from tests.support.situations import RUN, instant, make_task

FINISHED = [State.COMPLETED, State.FAILED, State.CANCELLED]


@pytest.mark.parametrize("state", FINISHED)
def test_a_higher_incarnation_starts_a_finished_task_anew(state):
    plan = decide(make_task().finished(state).edited(incarnation=1).at(minutes=10).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.PENDING
    assert plan.status["incarnation"] == 1
    assert plan.status["armedTime"] == instant(minutes=10)


@pytest.mark.parametrize(
    "cleared", ["runs", "job", "result", "error", "finishTime", "nextRunTime", "conditions"]
)
def test_what_belongs_to_the_last_incarnation_is_cleared(cleared):
    plan = decide(make_task().finished().edited(incarnation=1).situation())
    assert plan.status is not None
    assert plan.status[cleared] is None


@pytest.mark.parametrize("kept", ["counts", "launches", "lastScheduledTime", "lastSuccessTime"])
def test_counts_and_launch_numbers_stay(kept):
    plan = decide(make_task().finished().edited(incarnation=1).situation())
    assert plan.status is not None
    assert kept not in plan.status


def test_the_next_launch_has_a_number_of_its_own():
    task = make_task().finished().with_status(launches=4).edited(incarnation=1).at(hours=1)
    armed = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(armed.situation())
    assert plan.status is not None
    assert plan.status["launches"] == 5


def test_a_delay_counts_from_the_arming():
    task = make_task().delay("5m").finished().edited(incarnation=1).at(hours=2)
    armed = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(armed.situation())
    assert plan.status is not None
    assert plan.status["nextRunTime"] == instant(hours=2, seconds=301)


def test_the_jobs_of_the_last_incarnation_are_deleted():
    task = make_task().finished(State.FAILED).with_job().edited(incarnation=1).at(seconds=1)
    armed = task.with_status(**(decide(task.situation()).status or {}))
    assert [d.job.launch for d in decide(armed.situation()).deletions] == [1]


@pytest.mark.parametrize("state", FINISHED)
@pytest.mark.parametrize("edit", [{}, {"handler": "a:b"}, {"suspend": False}, {"ttlAfterFinished": "9h"}])
def test_without_a_higher_incarnation_a_finished_task_stays_finished(state, edit):
    plan = decide(make_task().finished(state).edited(**edit).situation())
    assert plan.status is None
    assert plan.job is None


def test_an_incarnation_that_was_served_does_not_start_again():
    task = make_task(incarnation=3).finished()
    assert task.status["incarnation"] == 3
    assert decide(task.situation()).status is None


def test_a_cancelled_task_is_armed_anew_together_with_cancel_false():
    task = make_task(cancel=True).finished(State.CANCELLED).edited(cancel=False, incarnation=1)
    armed = task.with_status(**(decide(task.situation()).status or {}))
    assert decide(armed.situation()).opens_run


def test_a_task_armed_anew_while_still_cancelled_is_cancelled_again():
    task = make_task(cancel=True).finished(State.CANCELLED).edited(incarnation=1)
    armed = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(armed.situation())
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED


def test_the_incarnation_of_a_waiting_task_is_taken_over_without_a_second_run():
    task = make_task().delay("5m")
    waiting = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(waiting.edited(incarnation=1).situation())
    assert plan.status is not None
    assert plan.status["incarnation"] == 1
    assert "armedTime" not in plan.status
    assert RUN not in (plan.status.get("runs") or {})


def test_an_incarnation_raised_before_the_run_has_started_is_that_runs():
    task = make_task().launched().with_job().edited(incarnation=2)
    plan = decide(task.situation())
    assert plan.status is not None
    assert plan.status["incarnation"] == 2
    assert "runs" not in plan.status
