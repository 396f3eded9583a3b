"""When a task is launched: at once, after a delay, at an instant; and what an edit of the time does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import Phase, scheduled_run_id
from evertask_operator.decisions import decide
from evertask_operator.decisions.due import due_time
from tests.support.situations import CREATED, RUN, UID, instant, make_task


def run_id_of(**later: float) -> str:
    return scheduled_run_id(int((CREATED + timedelta(**later)).timestamp()))


@pytest.mark.parametrize(
    ("task", "due"),
    [
        pytest.param(make_task(), {}, id="immediate"),
        pytest.param(make_task().delay("0s"), {}, id="delay-of-zero"),
        pytest.param(make_task().delay("5m"), {"seconds": 301}, id="delay-counts-from-the-second-after"),
        pytest.param(make_task().delay("250ms"), {"seconds": 1.25}, id="delay-below-a-second"),
        pytest.param(make_task().run_at(hours=2), {"hours": 2}, id="run-at"),
        pytest.param(make_task().run_at(milliseconds=250), {"milliseconds": 250}, id="run-at-with-fraction"),
        pytest.param(make_task().run_at(days=-400), {"days": -400}, id="run-at-in-the-past"),
        pytest.param(
            make_task(incarnation=1).delay("5m").with_status(armedTime=instant(hours=3)),
            {"hours": 3, "seconds": 301},
            id="delay-of-a-later-incarnation",
        ),
        pytest.param(
            make_task(incarnation=1).with_status(armedTime=instant(hours=3)),
            {"hours": 3},
            id="immediate-later-incarnation",
        ),
        pytest.param(
            make_task().delay("5m").with_status(armedTime=instant(hours=3)),
            {"seconds": 301},
            id="first-incarnation-ignores-the-arming",
        ),
        pytest.param(make_task(incarnation=1), {}, id="later-incarnation-from-the-start"),
    ],
)
def test_a_task_is_due(task, due):
    assert due_time(task.record()) == CREATED + timedelta(**due)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task(), id="immediate"),
        pytest.param(make_task().delay("5m").at(seconds=301), id="delay-over-to-the-second"),
        pytest.param(make_task().run_at(days=-1), id="past-means-now"),
        pytest.param(make_task().run_at(minutes=1).at(minutes=1), id="run-at-the-instant"),
    ],
)
def test_a_due_task_is_launched(task):
    plan = decide(task.situation())
    assert plan.opens_run
    assert plan.status is not None
    assert plan.status["state"] == "Queued"


@pytest.mark.parametrize(
    ("task", "until"),
    [
        pytest.param(make_task().delay("5m"), {"seconds": 301}, id="delay"),
        pytest.param(make_task().delay("5m").at(seconds=300.999), {"seconds": 301}, id="delay-almost-over"),
        pytest.param(make_task().run_at(hours=1), {"hours": 1}, id="run-at"),
    ],
)
def test_a_task_waits_for_its_time_and_says_until_when(task, until):
    plan = decide(task.situation())
    assert plan.wake == CREATED + timedelta(**until)
    assert plan.status is not None
    assert plan.status["state"] == "Pending"
    assert plan.status["nextRunTime"] == instant(**until)
    assert instant(**until) in plan.status["message"]


def test_a_waiting_task_is_written_once():
    task = make_task().delay("5m")
    first = decide(task.situation())
    assert first.status is not None
    again = decide(task.with_status(**first.status).at(minutes=1).situation())
    assert again.status is None
    assert again.wake == first.wake


def test_the_run_is_named_by_its_nominal_time():
    plan = decide(make_task().run_at(minutes=5).at(minutes=6).situation())
    assert plan.status is not None
    run = plan.status["runs"][run_id_of(minutes=5)]
    assert run["scheduledTime"] == instant(minutes=5)
    assert run["launchTime"] == instant(minutes=6)
    assert plan.status["lastScheduledTime"] == instant(minutes=5)


def test_the_watermark_and_the_launch_number_are_written_with_the_run():
    plan = decide(make_task().with_status(launches=7).situation())
    assert plan.status is not None
    assert plan.status["launches"] == 8
    assert plan.status["runs"][RUN]["launch"] == 8
    assert plan.status["runs"][RUN]["phase"] == Phase.LAUNCHING
    assert plan.status["job"] == f"et-{UID}-{RUN}-8"


@pytest.mark.parametrize(
    ("edit", "due"),
    [
        pytest.param({"delay": "10m"}, {"seconds": 601}, id="later"),
        pytest.param({"delay": "2m"}, {"seconds": 121}, id="earlier"),
        pytest.param({"delay": None, "runAt": instant(hours=1)}, {"hours": 1}, id="to-an-instant"),
    ],
)
def test_an_edit_before_the_launch_moves_the_time(edit, due):
    task = make_task().delay("5m").with_status(state="Pending", nextRunTime=instant(seconds=301))
    plan = decide(task.edited(**edit).at(minutes=1).situation())
    assert plan.wake == CREATED + timedelta(**due)
    assert plan.status is not None
    assert plan.status["nextRunTime"] == instant(**due)


def test_an_edit_to_now_launches_at_once():
    plan = decide(make_task().delay("5m").edited(delay=None).at(minutes=1).situation())
    assert plan.opens_run


def test_an_edit_to_later_withdraws_a_launch_that_nobody_has_claimed():
    task = make_task().launched().with_job().edited(delay="1h").at(minutes=1)
    plan = decide(task.situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}
    assert plan.status["job"] is None
    assert plan.status["state"] == "Pending"
    assert plan.status["nextRunTime"] == instant(hours=1, seconds=1)


def test_the_job_of_a_withdrawn_launch_is_deleted():
    task = make_task().launched().with_job().edited(delay="1h").at(minutes=1)
    withdrawn = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(withdrawn.situation())
    assert [(d.job.launch, d.foreground) for d in plan.deletions] == [(1, True)]


def test_a_withdrawn_task_is_launched_again_under_a_new_number():
    task = make_task().delay("1h").with_status(state="Pending", launches=1).at(hours=1, seconds=1)
    plan = decide(task.situation())
    assert plan.status is not None
    assert plan.status["launches"] == 2


def test_an_edit_of_the_time_does_not_touch_a_run_that_has_started():
    task = make_task().claimed().with_job().with_pod().edited(runAt=instant(hours=1)).at(minutes=1)
    plan = decide(task.situation())
    assert plan.status is None
    assert plan.deletions == ()


def test_a_task_that_is_being_deleted_is_left_alone():
    from dataclasses import replace

    plan = decide(replace(make_task().launched().with_job(), deleting=True).situation())
    assert (plan.status, plan.job, plan.deletions) == (None, None, ())
