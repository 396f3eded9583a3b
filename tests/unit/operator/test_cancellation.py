"""``spec.cancel`` at every stage: intent first, then the Job, then the outcome when no pod is left."""

from __future__ import annotations

import json

import pytest

from evertask.api.protocol import Phase, State
from evertask_operator.decisions import decide
from tests.support.situations import RUN, instant, make_task


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task(), id="never-looked-at"),
        pytest.param(make_task().delay("5m"), id="waiting-for-its-time"),
        pytest.param(make_task().suspended(), id="suspended"),
        pytest.param(make_task().with_status(state="Queued"), id="waiting-for-room"),
        pytest.param(make_task(podTemplate={"spec": {"containers": 1}}), id="not-accepted"),
    ],
)
def test_a_task_cancelled_before_its_launch_never_starts(task):
    plan = decide(task.cancelled().at(seconds=5).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED
    assert plan.status["finishTime"] == instant(seconds=5)
    assert "runs" not in plan.status


def test_a_task_cancelled_before_the_claim_ends_at_once_with_its_run():
    plan = decide(make_task().launched().with_job().cancelled().at(seconds=5).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED
    assert plan.status["runs"] == {RUN: {"phase": Phase.CANCELLED, "endTime": instant(seconds=5)}}


def test_the_job_of_a_task_cancelled_before_the_claim_goes_at_once():
    task = make_task().launched().with_job().with_pod(phase="Pending").cancelled()
    ended = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(ended.situation())
    assert [d.foreground for d in plan.deletions] == [True]


def test_a_running_task_that_is_cancelled_loses_its_job_first():
    plan = decide(make_task().claimed().with_job().with_pod().cancelled().situation())
    assert plan.status is None
    assert [(d.job.launch, d.foreground) for d in plan.deletions] == [(1, True)]


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task().claimed().with_job(deleting=True).with_pod(), id="grace-period"),
        pytest.param(make_task().claimed().with_job(gone=True).with_pod(), id="job-gone-pod-there"),
        pytest.param(
            make_task().claimed().with_job(deleting=True).with_pod(phase="Failed", exit_code=143),
            id="pod-ended-job-there",
        ),
    ],
)
def test_nothing_is_written_while_a_pod_may_be_left(task):
    plan = decide(task.cancelled().situation())
    assert plan.status is None
    assert plan.deletions == ()


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task().claimed().with_job(gone=True), id="job-gone"),
        pytest.param(make_task().claimed(), id="nothing-known"),
    ],
)
def test_absence_is_verified_before_the_end_is_written(task):
    assert decide(task.cancelled().situation()).verify
    plan = decide(task.cancelled().knowing(verified=True).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED
    assert plan.status["runs"][RUN]["phase"] == Phase.CANCELLED


def test_a_cancelled_task_never_respawns():
    task = make_task(onInterruption="Relaunch").claimed().with_job(gone=True).cancelled()
    plan = decide(task.with_pod(phase="Failed", disruption="EvictionByEvictionAPI").situation())
    assert not plan.opens_run
    assert plan.job is None
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED


@pytest.mark.parametrize(
    ("phase", "state"),
    [("Succeeded", State.COMPLETED), ("Failed", State.FAILED), ("Cancelled", State.CANCELLED)],
)
def test_an_outcome_in_the_termination_message_stands(phase, state):
    said = json.dumps({"run": RUN, "launch": 1, "phase": phase, "endTime": instant(), "attempt": 1})
    task = make_task().claimed().with_job(deleting=True)
    plan = decide(task.with_pod(phase="Failed", termination_message=said).cancelled().situation())
    assert plan.status is not None
    assert plan.status["state"] == state


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED])
def test_cancelling_a_finished_task_changes_nothing(state):
    assert decide(make_task().finished(state).cancelled().situation()).status is None


def test_a_cancelled_run_is_not_counted():
    task = make_task().claimed().with_status(counts={"runs": 3, "succeeded": 3}).cancelled()
    plan = decide(task.knowing(verified=True).situation())
    assert plan.status is not None
    assert "counts" not in plan.status


def test_a_cancelled_task_is_not_woken_by_its_old_time():
    plan = decide(make_task().delay("5m").cancelled().situation())
    assert plan.wake is None
    assert plan.status is not None
    assert plan.status["nextRunTime"] is None
