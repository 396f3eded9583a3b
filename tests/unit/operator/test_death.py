"""A run whose pod ended without an outcome: a disruption, a deletion by hand, the pod's own end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evertask.api.protocol import ErrorType, State
from evertask_operator.decisions import decide
from evertask_operator.decisions.fencing import LOST_NODE_MARGIN
from tests.support.situations import CREATED, RUN, instant, make_task, pod_name, relaunches

ONCE = {"limit": 0}
CLAIMED = make_task(retry=ONCE).claimed().with_job()
LAUNCHED = make_task().launched().with_job()


def dead(task=CLAIMED, **pod):
    return task.with_pod(**{"phase": "Failed", "runner_ended": True, "exit_code": 1, **pod})


def status_of(task):
    status = decide(task.situation()).status
    assert status is not None
    return status


# --- the pod's own end -------------------------------------------------------------------------------------

ENDS = [
    pytest.param(
        {"exit_code": 137, "exit_reason": "OOMKilled"}, ErrorType.OUT_OF_MEMORY, "limits.memory", id="oom"
    ),
    pytest.param({"reason": "DeadlineExceeded"}, ErrorType.POD_DEADLINE_EXCEEDED, "deadline", id="deadline"),
    pytest.param(
        {"exit_reason": "StartError", "termination_message": "exec: python3: not found", "exit_code": 128},
        ErrorType.POD_FAILED,
        "could not be started: exec: python3: not found",
        id="start-error",
    ),
    pytest.param(
        {"exit_reason": "ContainerCannotRun"}, ErrorType.POD_FAILED, "not be started", id="cannot-run"
    ),
    pytest.param({"exit_code": 1}, ErrorType.POD_FAILED, "exit code 1 and reported nothing", id="exit-1"),
    pytest.param({"exit_code": 0, "phase": "Succeeded"}, ErrorType.POD_FAILED, "exit code 0", id="exit-0"),
    pytest.param({"exit_code": 139}, ErrorType.POD_FAILED, "exit code 139 (SIGSEGV)", id="segfault"),
    pytest.param({"exit_code": 137}, ErrorType.POD_FAILED, "exit code 137 (SIGKILL)", id="killed"),
    pytest.param({"exit_code": 255}, ErrorType.POD_FAILED, "exit code 255 and", id="no-such-signal"),
    pytest.param(
        {"exit_code": None, "reason": "UnexpectedAdmissionError", "message": "no GPU"},
        ErrorType.POD_FAILED,
        "UnexpectedAdmissionError no GPU",
        id="reason-only",
    ),
    pytest.param({"exit_code": None}, ErrorType.POD_FAILED, "no reason given", id="no-reason"),
]


@pytest.mark.parametrize(("pod", "type_", "words"), ENDS)
def test_the_end_of_a_pod_is_named(pod, type_, words):
    plan = decide(dead(**pod).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.FAILED
    assert plan.status["error"]["type"] == type_
    assert words in plan.status["error"]["message"]
    assert plan.notes
    assert plan.notes[0].reason == type_


def test_a_pod_that_failed_before_its_claim_points_at_the_image():
    status = status_of(dead(LAUNCHED, exit_code=127))
    assert "does its image contain the EverTask runner" in status["error"]["message"]


def test_a_pod_that_was_killed_before_its_claim_is_replaced_and_not_again_and_again():
    for interruptions in range(3):
        begun = make_task(onInterruption="Fail").launched(interruptions=interruptions).with_job()
        assert relaunches(decide(dead(begun, exit_code=137).situation()))
    begun = make_task().launched(interruptions=3).with_job()
    assert status_of(dead(begun, exit_code=137))["state"] == State.FAILED


def test_a_failed_init_container_is_named_and_the_image_is_not_blamed():
    message = status_of(dead(LAUNCHED, exit_code=3, init_failed="migrate"))["error"]["message"]
    assert "the init container migrate of pod" in message
    assert "exit code 3" in message
    assert "EverTask runner" not in message


def test_a_failure_counts():
    status = status_of(dead())
    assert status["counts"] == {"runs": 1, "failed": 1, "consecutiveFailures": 1}
    assert status["lastFailureTime"] == instant()


def test_a_runner_that_has_ended_is_over_although_a_sidecar_goes_on():
    status = status_of(dead(phase="Running", exit_code=137, exit_reason="OOMKilled"))
    assert status["error"]["type"] == ErrorType.OUT_OF_MEMORY


# --- disruptions -------------------------------------------------------------------------------------------

DISRUPTED = [
    pytest.param({"disruption": "EvictionByEvictionAPI"}, {}, id="evicted"),
    pytest.param({"disruption": "PreemptionByScheduler"}, {}, id="preempted"),
    pytest.param({"disruption": "TerminationByKubelet", "delete_by": CREATED}, {}, id="node-shut-down"),
    pytest.param(
        {}, {"failed_reason": "PodFailurePolicy", "failed_message": "disrupted"}, id="job-remembers"
    ),
    pytest.param({"exit_code": 143}, {}, id="told-to-stop"),
]


@pytest.mark.parametrize(("pod", "job"), DISRUPTED)
@pytest.mark.parametrize("policy", [None, "Relaunch"])
def test_a_claimed_run_is_relaunched_after_a_disruption(pod, job, policy):
    task = make_task(onInterruption=policy).claimed().with_job(**job)
    plan = decide(dead(task, **pod).situation())
    assert relaunches(plan)
    assert plan.status is not None
    run = plan.status["runs"][RUN]
    assert (run["launch"], run["interruptions"], run["podName"]) == (2, 1, None)
    assert plan.status["state"] == State.QUEUED
    assert plan.notes
    assert plan.notes[0].reason == "Interrupted"


@pytest.mark.parametrize(("pod", "job"), DISRUPTED)
def test_a_claimed_run_fails_after_a_disruption_where_it_must_not_start_twice(pod, job):
    task = make_task(onInterruption="Fail").claimed().with_job(**job)
    status = status_of(dead(task, **pod))
    assert status["state"] == State.FAILED
    assert status["error"]["type"] == ErrorType.INTERRUPTED
    assert "onInterruption is Fail" in status["error"]["message"]


@pytest.mark.parametrize(("pod", "job"), DISRUPTED)
def test_a_launch_lost_before_its_claim_is_always_replaced(pod, job):
    task = make_task(onInterruption="Fail").launched().with_job(**job)
    assert relaunches(decide(dead(task, **pod).situation()))


def test_interruptions_are_counted_on():
    status = status_of(
        dead(make_task().claimed(3, interruptions=2).with_job(3), launch=3, disruption="X", name=pod_name(3))
    )
    assert status["runs"][RUN]["interruptions"] == 3


@pytest.mark.parametrize(
    ("most", "lost", "relaunched"),
    [(None, 9, True), (None, 10, False), (0, 0, False), (2, 1, True), (2, 2, False)],
    ids=["the-tenth", "one-more-than-the-default", "none", "the-last", "one-too-many"],
)
@pytest.mark.parametrize("claimed", [True, False], ids=["claimed", "on-its-way"])
def test_a_run_may_lose_so_many_pods_and_no_more(most, lost, relaunched, claimed):
    begun = make_task(maxInterruptions=most)
    begun = begun.claimed(interruptions=lost) if claimed else begun.launched(interruptions=lost)
    plan = decide(dead(begun.with_job(), disruption="EvictionByEvictionAPI").situation())
    assert relaunches(plan) is relaunched


def test_a_run_that_lost_too_many_pods_says_how_many_and_what_to_change():
    task = make_task(maxInterruptions=2).claimed(interruptions=2).with_job()
    status = status_of(dead(task, disruption="EvictionByEvictionAPI"))
    assert (status["state"], status["error"]["type"]) == (State.FAILED, ErrorType.INTERRUPTED)
    message = status["error"]["message"]
    assert "EvictionByEvictionAPI" in message
    assert "interruption 3 of this run, and spec.maxInterruptions (2)" in message


def test_what_nobody_can_tell_counts_as_an_interruption_too():
    task = make_task(maxInterruptions=0).claimed().knowing(verified=True)
    assert status_of(task)["error"]["type"] == ErrorType.INTERRUPTED


def test_an_interruption_uses_up_no_attempt_and_restarts_the_run():
    failures = [{"attempt": 1, "time": instant(), "type": "ValueError"}]
    run: dict[str, Any] = {
        "failedAttempts": 1,
        "failures": failures,
        "attempt": 2,
        "firstStartTime": instant(seconds=-60),
    }
    task = make_task().claimed(**run).with_job()
    after = task.with_status(**status_of(dead(task, exit_code=143))).status
    assert (after["runs"][RUN]["failedAttempts"], after["runs"][RUN]["failures"]) == (1, failures)
    assert "firstStartTime" not in after["runs"][RUN]
    assert after["state"] == State.IN_PROGRESS  # it has started, and cannot be edited


def test_an_interrupted_run_uses_up_no_count():
    assert "counts" not in status_of(dead(disruption="EvictionByEvictionAPI"))


def test_a_disrupted_pod_that_still_runs_is_waited_for():
    delete_by = CREATED + timedelta(seconds=35)
    plan = decide(CLAIMED.with_pod(disruption="DeletionByTaintManager", delete_by=delete_by).situation())
    assert plan.status is None
    assert plan.wake == delete_by + LOST_NODE_MARGIN


@pytest.mark.parametrize(("policy", "relaunched"), [("Relaunch", True), ("Fail", False)])
def test_a_pod_on_a_lost_node_is_given_up_after_the_margin(policy, relaunched):
    task = make_task(onInterruption=policy).claimed().with_job()
    lost = task.with_pod(disruption="DeletionByTaintManager", delete_by=CREATED)
    plan = decide(lost.at(seconds=30).situation())
    assert relaunches(plan) is relaunched
    assert plan.status is not None
    assert "does not answer" in plan.status["message"]


def test_a_pod_that_was_deleted_without_a_disruption_is_no_lost_node():
    task = CLAIMED.with_pod(delete_by=CREATED).at(hours=1)
    assert decide(task.situation()).status is None


# --- deletions by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(dead(delete_by=CREATED), id="pod"),
        pytest.param(dead(delete_by=CREATED, exit_code=143), id="pod-that-stopped-well"),
        pytest.param(dead(make_task().claimed().with_job(deleting=True)), id="job-deleting"),
        pytest.param(dead(make_task().claimed().with_job(gone=True)), id="job-gone"),
        pytest.param(dead(LAUNCHED, delete_by=CREATED), id="pod-before-its-claim"),
    ],
)
def test_a_deletion_by_hand_cancels_the_run(task):
    status = status_of(task)
    assert status["state"] == State.CANCELLED
    assert "deleted by hand" in status["message"]


GONE = [
    pytest.param({"gone": True}, id="job-gone"),
    pytest.param({"deleting": True}, id="job-deleting"),
    pytest.param({"failed_reason": "BackoffLimitExceeded"}, id="job-failed"),
]


@pytest.mark.parametrize("job", GONE)
@pytest.mark.parametrize("task", [make_task().claimed(), make_task().launched()], ids=["claimed", "launched"])
def test_a_pod_that_is_gone_with_its_job_cancels_the_run_once_that_is_verified(task, job):
    assert decide(task.with_job(**job).situation()).verify
    status = status_of(task.with_job(**job).knowing(verified=True))
    assert status["state"] == State.CANCELLED


# --- what is gone ------------------------------------------------------------------------------------------


def test_a_launch_whose_pod_is_still_to_come_is_waited_for():
    plan = decide(LAUNCHED.situation())
    assert (plan.verify, plan.status) == (False, None)


def test_a_job_that_remembers_a_disruption_relaunches_without_its_pod():
    task = make_task().claimed()
    task = task.with_job(failed_reason="PodFailurePolicy", failed_message="pod was evicted")
    assert decide(task.situation()).verify
    plan = decide(task.knowing(verified=True).situation())
    assert relaunches(plan)
    assert plan.status is not None
    assert "pod was evicted" in plan.status["message"]


def test_a_job_that_will_still_say_how_its_pod_ended_is_waited_for():
    plan = decide(CLAIMED.knowing(verified=True).situation())
    assert plan.status is None
    assert plan.wake == CREATED + timedelta(seconds=5)


UNKNOWN = [
    pytest.param(lambda task: task, id="nothing-left"),
    pytest.param(lambda task: task.with_job(complete=True), id="job-complete"),
]


@pytest.mark.parametrize("around", UNKNOWN)
def test_what_nobody_can_tell_is_relaunched(around):
    task = around(make_task().claimed())
    assert decide(task.situation()).verify
    assert relaunches(decide(task.knowing(verified=True).situation()))


@pytest.mark.parametrize("around", UNKNOWN)
def test_what_nobody_can_tell_is_called_so_where_it_must_not_start_twice(around):
    status = status_of(around(make_task(onInterruption="Fail").claimed()).knowing(verified=True))
    assert status["error"]["type"] == ErrorType.OUTCOME_UNKNOWN
    assert "nothing tells how it ended" in status["error"]["message"]


def test_a_launch_whose_pod_left_without_the_run_is_replaced():
    task = make_task().launched().with_job(complete=True).knowing(verified=True)
    assert relaunches(decide(task.situation()))


def test_a_pod_that_ended_well_without_its_run_is_replaced_three_times():
    for interruptions in range(3):
        task = make_task().launched(interruptions=interruptions).with_job()
        assert relaunches(decide(dead(task, phase="Succeeded", exit_code=0).situation()))
    task = make_task().launched(interruptions=3).with_job()
    assert status_of(dead(task, phase="Succeeded", exit_code=0))["state"] == State.FAILED


def test_the_pod_of_another_launch_says_nothing_about_this_one():
    task = make_task().launched(2).with_job(2)
    plan = decide(dead(task, launch=1).situation())
    assert plan.status is None


def test_of_two_pods_of_a_launch_the_living_one_counts():
    task = LAUNCHED.with_pod(phase="Failed", exit_code=1).with_pod(name="et-other", uid="pod-b")
    assert decide(task.situation()).status is None


def test_a_task_without_a_run_has_nothing_to_settle():
    assert decide(dead(make_task().delay("5m").with_status(state="Pending")).situation()).notes == ()
