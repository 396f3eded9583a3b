"""Writes 2 and 3: a run is opened when there is room, and an open run without a Job gets one."""

from __future__ import annotations

import pytest

from evertask.api.protocol import Condition
from evertask_operator.decisions import decide
from evertask_operator.decisions.plans import LaunchJob
from evertask_operator.decisions.relaunching import give_up_the_launch
from evertask_operator.resources.conditions import find_condition
from tests.support.situations import RUN, UID, instant, make_task, relaunches


def test_an_open_run_without_a_job_gets_one():
    assert decide(make_task().launched(3).situation()).job == LaunchJob(RUN, 3)


@pytest.mark.parametrize("launch", [1, 7])
def test_a_launch_with_its_job_gets_no_second_one(launch):
    assert decide(make_task().launched(launch).with_job(launch).situation()).job is None


def test_the_job_of_an_earlier_launch_is_not_taken_for_this_one():
    plan = decide(make_task().launched(2).with_job(1).situation())
    assert plan.job == LaunchJob(RUN, 2)
    assert [d.job.launch for d in plan.deletions] == [1]


def test_a_claimed_run_gets_no_second_job():
    assert decide(make_task().claimed().with_pod().situation()).job is None


def test_a_task_without_room_waits_and_says_how_full_it_is():
    plan = decide(make_task().knowing(room="maxRunning (10) is reached").situation())
    assert not plan.opens_run
    assert plan.status is not None
    assert plan.status["state"] == "Queued"
    assert "maxRunning (10)" in plan.status["message"]


def test_a_task_without_room_is_written_once():
    task = make_task().knowing(room="maxRunning (10) is reached")
    waiting = task.with_status(**(decide(task.situation()).status or {}))
    assert decide(waiting.knowing(room="another figure").situation()).status is None


def test_a_task_that_has_waited_is_launched_when_there_is_room():
    assert decide(make_task().with_status(state="Queued").situation()).opens_run


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}, id="podTemplate"),
        pytest.param({"payloadFrom": [{"secretRef": {"name": "s"}}]}, id="payloadFrom"),
        pytest.param({"handler": "shop.other:job"}, id="handler"),
        pytest.param({"gracePeriod": "5m"}, id="gracePeriod"),
        pytest.param({"timeout": "5m"}, id="timeout"),
        pytest.param({"startDeadline": "5m"}, id="startDeadline"),
    ],
)
def test_a_launch_that_nobody_has_claimed_is_replaced_when_its_template_changes(edit):
    plan = decide(make_task().launched().with_job().edited(**edit).situation())
    assert relaunches(plan)
    assert plan.status is not None
    assert plan.status["runs"][RUN]["launch"] == 2
    assert plan.status["job"] == f"et-{UID}-{RUN}-2"
    assert "changed" in plan.status["message"]


@pytest.mark.parametrize("edit", [{"payload": {"n": 2}}, {"ttlAfterFinished": "5m"}, {"suspend": False}])
def test_what_the_job_is_not_made_from_replaces_no_launch(edit):
    plan = decide(make_task().launched().with_job().edited(**edit).situation())
    assert plan.status is None
    assert not plan.opens_run


def test_a_claimed_run_is_not_replaced_when_its_template_changes():
    plan = decide(make_task().claimed().with_job().with_pod().edited(gracePeriod="5m").situation())
    assert plan.status is None


def test_the_job_of_a_replaced_launch_is_deleted():
    task = make_task().launched().with_job().edited(timeout="5m")
    replaced = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(replaced.situation())
    assert plan.job == LaunchJob(RUN, 2)
    assert [d.job.launch for d in plan.deletions] == [1]


def test_a_replacement_forgets_the_launch_before_it_and_keeps_the_interruptions():
    task = make_task().launched(2, interruptions=3).with_job(2).edited(timeout="5m")
    plan = decide(task.situation())
    assert plan.status is not None
    assert plan.status["runs"][RUN]["interruptions"] == 3
    assert plan.status["runs"][RUN]["podName"] is None


def test_a_new_launch_resets_what_was_said_of_the_last():
    task = make_task().launched().condition(Condition.LAUNCHED, "False").with_job().edited(timeout="5m")
    plan = decide(task.situation())
    assert plan.status is not None
    condition = find_condition(plan.status, Condition.LAUNCHED)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("Unknown", "Launching")


def test_a_first_launch_says_nothing_about_being_launched():
    plan = decide(make_task().situation())
    assert plan.status is not None
    assert find_condition(plan.status, Condition.LAUNCHED) is None


def test_a_postponed_launch_waits_and_says_why():
    plan = decide(make_task().launched().knowing(postponement="exceeded quota").at(seconds=3).situation())
    assert plan.job is None
    assert plan.status is not None
    condition = find_condition(plan.status, Condition.LAUNCHED)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "JobPostponed")
    assert condition["message"] == "exceeded quota"


def test_a_postponed_launch_never_meets_its_deadline():
    task = make_task(startDeadline="1m").launched().knowing(postponement="exceeded quota")
    plan = decide(task.at(hours=5).situation())
    assert plan.status is not None
    assert "state" not in plan.status


def test_a_launch_whose_name_is_taken_gets_another_number():
    plan = give_up_the_launch(make_task().launched(3).situation())
    assert plan.status is not None
    assert plan.status["runs"][RUN]["launch"] == 4
    assert plan.status["runs"][RUN]["scheduledTime"] == instant()


@pytest.mark.parametrize("task", [make_task(), make_task().claimed()], ids=["no-run", "claimed"])
def test_only_a_launch_that_is_open_is_given_up(task):
    assert give_up_the_launch(task.situation()).status is None
