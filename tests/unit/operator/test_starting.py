"""A launch that does not start names its cause in the condition Launched, and fails at its deadline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import Condition, ErrorType, State
from evertask_operator.decisions import decide
from evertask_operator.decisions.situation import Diagnosis
from evertask_operator.decisions.starting import watch_a_launch
from evertask_operator.resources.conditions import find_condition
from tests.support.situations import CREATED, make_task, pod_name, written

LAUNCHED = make_task().launched().with_job()


def condition_of(plan):
    assert plan.status is not None
    found = find_condition(plan.status, Condition.LAUNCHED)
    assert found is not None
    return found


STUCK = [
    pytest.param({"waiting_reason": "ImagePullBackOff"}, "ImagePullBackOff", "image's name", id="backoff"),
    pytest.param({"waiting_reason": "ErrImagePull"}, "ImagePullBackOff", "pull secrets", id="pull-by-turns"),
    pytest.param({"waiting_reason": "InvalidImageName"}, "InvalidImageName", "image's name", id="name"),
    pytest.param({"waiting_reason": "ErrImageNeverPull"}, "ErrImageNeverPull", "image's name", id="never"),
    pytest.param(
        {"waiting_reason": "CreateContainerConfigError", "waiting_message": 'secret "s" not found'},
        "CreateContainerConfigError",
        'secret "s" not found; check the Secrets',
        id="config",
    ),
    pytest.param({"waiting_reason": "CreateContainerError"}, "CreateContainerError", "Secrets", id="create"),
    pytest.param({"waiting_reason": "CrashLoopBackOff"}, "CrashLoopBackOff", pod_name(), id="other"),
    pytest.param(
        {"unschedulable": "0/1 nodes are available: insufficient cpu"},
        "Unschedulable",
        "insufficient cpu",
        id="unschedulable",
    ),
]


@pytest.mark.parametrize(("pod", "reason", "words"), STUCK)
def test_a_stuck_pod_is_named(pod, reason, words):
    plan = decide(LAUNCHED.with_pod(phase="Pending", **pod).at(seconds=3).situation())
    condition = condition_of(plan)
    assert (condition["status"], condition["reason"]) == ("False", reason)
    assert words in condition["message"]
    assert plan.notes
    assert plan.notes[0].type == "Warning"


@pytest.mark.parametrize("waiting", ["", "ContainerCreating", "PodInitializing"])
def test_a_pod_that_is_on_its_way_is_not_called_stuck(waiting):
    plan = decide(LAUNCHED.with_pod(phase="Pending", waiting_reason=waiting).at(seconds=3).situation())
    assert plan.status is None


def test_a_trouble_of_two_seconds_is_not_worth_a_write():
    task = LAUNCHED.with_pod(phase="Pending", waiting_reason="ErrImagePull").at(seconds=1)
    plan = decide(task.situation())
    assert plan.status is None
    assert plan.wake == CREATED + timedelta(seconds=2)


def test_a_cause_is_written_once_though_its_words_change():
    task = LAUNCHED.with_pod(phase="Pending", waiting_reason="ErrImagePull").at(seconds=3)
    told = task.with_status(**(decide(task.situation()).status or {}))
    again = told.knowing(pods=()).with_pod(
        phase="Pending", waiting_reason="ImagePullBackOff", waiting_message="back-off 40s"
    )
    assert decide(again.situation()).status is None


def test_another_cause_is_written():
    task = LAUNCHED.with_pod(phase="Pending", waiting_reason="ErrImagePull").at(seconds=3)
    told = task.with_status(**(decide(task.situation()).status or {}))
    other = told.knowing(pods=()).with_pod(phase="Pending", unschedulable="no room")
    assert condition_of(decide(other.situation()))["reason"] == "Unschedulable"


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        pytest.param(LAUNCHED.with_pod(phase="Pending").at(seconds=6), "pod-1", id="pod"),
        pytest.param(LAUNCHED.at(seconds=6), "job-1", id="job-without-a-pod"),
        pytest.param(LAUNCHED.with_pod(phase="Pending").at(seconds=5.9), "", id="too-early"),
        pytest.param(
            LAUNCHED.diagnosed(Diagnosis("FailedMount", "no volume")).at(seconds=6), "", id="known-already"
        ),
    ],
)
def test_a_pod_that_says_nothing_is_asked_about(task, asked):
    assert decide(task.situation()).diagnose == asked


def test_what_the_events_say_is_told():
    plan = decide(LAUNCHED.diagnosed(Diagnosis("FailedMount", "no volume")).at(seconds=7).situation())
    assert condition_of(plan)["reason"] == "FailedMount"


def test_an_init_container_that_does_not_end_is_named():
    task = LAUNCHED.with_pod(phase="Pending", waiting_reason="PodInitializing", init_running="migrate")
    assert decide(task.at(seconds=5.9).situation()).status is None
    plan = decide(task.at(seconds=6).situation())
    condition = condition_of(plan)
    assert (condition["status"], condition["reason"]) == ("False", "InitContainerRuns")
    assert "init container migrate" in condition["message"]


def test_an_init_container_that_does_not_end_is_named_at_the_deadline_too():
    task = LAUNCHED.with_pod(phase="Pending", waiting_reason="PodInitializing", init_running="migrate")
    assert "migrate" in written(decide(task.at(minutes=15).situation()))["error"]["message"]


def test_what_the_events_say_of_a_pod_is_told_before_its_init_container():
    task = LAUNCHED.with_pod(phase="Pending", init_running="migrate").diagnosed(Diagnosis("Failed", "x"))
    assert condition_of(decide(task.at(seconds=7).situation()))["reason"] == "Failed"


def test_before_the_first_question_the_task_is_looked_at_in_time():
    assert decide(LAUNCHED.at(seconds=1).situation()).wake == CREATED + timedelta(seconds=6)


@pytest.mark.parametrize(
    ("spec", "seconds"), [({}, 900), ({"startDeadline": "1m"}, 60), ({"startDeadline": "1s"}, 1)]
)
def test_a_launch_fails_at_its_deadline(spec, seconds):
    task = make_task(**spec).launched().with_job().with_pod(phase="Pending")
    assert "state" not in (decide(task.at(seconds=seconds - 0.001).situation()).status or {})
    plan = decide(task.at(seconds=seconds).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.FAILED
    assert plan.status["error"]["type"] == ErrorType.START_DEADLINE_EXCEEDED
    assert "spec.startDeadline" in plan.status["error"]["message"]


@pytest.mark.parametrize(
    ("pod", "words"),
    [({"unschedulable": "insufficient cpu"}, "insufficient cpu"), ({}, "did not report in time")],
)
def test_the_deadline_names_the_cause(pod, words):
    plan = decide(LAUNCHED.with_pod(phase="Pending", **pod).at(minutes=15).situation())
    assert plan.notes
    assert words in plan.notes[0].message


def test_the_deadline_counts_from_the_creation_of_the_job():
    late = make_task(startDeadline="1m").launched().with_job(created=CREATED + timedelta(seconds=30))
    assert "state" not in (decide(late.at(seconds=89).situation()).status or {})
    assert (decide(late.at(seconds=90).situation()).status or {})["state"] == State.FAILED


def test_a_stuck_launch_is_looked_at_again_at_its_deadline():
    plan = decide(LAUNCHED.with_pod(phase="Pending", unschedulable="x").at(seconds=3).situation())
    assert plan.wake == CREATED + timedelta(minutes=15)


def test_a_claim_corrects_what_was_said():
    task = make_task().claimed().with_job().with_pod().condition(Condition.LAUNCHED, "False", "ErrImagePull")
    condition = condition_of(decide(task.situation()))
    assert (condition["status"], condition["reason"]) == ("True", "Launched")


@pytest.mark.parametrize("said", [None, "True"])
def test_a_claim_of_a_launch_without_trouble_costs_no_write(said):
    task = make_task().claimed().with_job().with_pod()
    if said:
        task = task.condition(Condition.LAUNCHED, said)
    assert decide(task.situation()).status is None


def test_a_claimed_run_has_no_start_deadline():
    task = make_task(startDeadline="1s").claimed().with_job().with_pod()
    assert decide(task.at(hours=3).situation()).status is None


def test_a_task_without_a_run_has_no_launch_to_watch():
    assert watch_a_launch(make_task().situation()) is None
