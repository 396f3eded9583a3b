"""What a finished task no longer needs goes: its Jobs, its slot, at last itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import State
from evertask_operator.decisions import decide
from evertask_operator.decisions.occupancy import kept_jobs, slots_needed
from evertask_operator.settings import JobSettings, Settings
from tests.support.situations import CREATED, make_task, pod_name

KEEP = Settings(jobs=JobSettings(keep_succeeded=timedelta(minutes=5), keep_failed=timedelta(minutes=10)))
AT_ONCE = Settings(jobs=JobSettings(keep_succeeded=timedelta(0), keep_failed=timedelta(0)))
TERMINAL = [State.COMPLETED, State.FAILED, State.CANCELLED]


def finished(state=State.COMPLETED, **spec):
    return make_task(**spec).finished(state)


def jobs_deleted(task):
    return [(d.job.launch, d.foreground) for d in decide(task.situation()).deletions]


# --- the task ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "seconds"),
    [
        pytest.param(finished(State.COMPLETED), 3600, id="completed"),
        pytest.param(finished(State.CANCELLED), 3600, id="cancelled"),
        pytest.param(finished(State.FAILED), 86400, id="failed"),
        pytest.param(finished(State.COMPLETED, ttlAfterFinished="5m"), 300, id="own-ttl"),
        pytest.param(finished(State.FAILED, ttlAfterFinished="5m"), 300, id="own-ttl-failed"),
        pytest.param(finished(State.COMPLETED, ttlAfterFinished="0s"), 0, id="at-once"),
        pytest.param(finished().with_status(finishTime=None), 3600, id="finish-time-lost"),
    ],
)
def test_a_finished_task_is_deleted_when_its_time_to_live_is_over(task, seconds):
    assert decide(task.at(seconds=seconds).situation()).delete_task
    before = decide(task.at(seconds=seconds - 0.001).situation())
    assert not before.delete_task
    assert before.wake == CREATED + timedelta(seconds=seconds)


@pytest.mark.parametrize("task", [make_task(), make_task().launched(), make_task().claimed().with_pod()])
def test_a_task_that_is_not_finished_never_expires(task):
    assert not decide(task.with_spec(ttlAfterFinished="0s").at(days=400).situation()).delete_task


# --- its Jobs ----------------------------------------------------------------------------------------------


def test_a_job_whose_pod_has_ended_goes_at_once():
    task = finished().with_job().with_pod(phase="Succeeded").knowing(settings=AT_ONCE)
    assert jobs_deleted(task) == [(1, False)]


def test_a_complete_job_goes_at_once():
    assert jobs_deleted(finished().with_job(complete=True).knowing(settings=AT_ONCE)) == [(1, False)]


@pytest.mark.parametrize(("state", "seconds"), [(State.COMPLETED, 300), (State.FAILED, 3600)])
def test_a_job_is_kept_for_its_log(state, seconds):
    task = finished(state).with_job(complete=True)
    assert jobs_deleted(task.at(seconds=seconds - 0.001)) == []
    assert jobs_deleted(task.at(seconds=seconds)) == [(1, False)]


def test_a_kept_job_goes_when_its_room_is_needed():
    assert jobs_deleted(finished().with_job(complete=True).knowing(keep_jobs=False)) == [(1, False)]


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED])
def test_a_pod_may_end_by_itself_for_five_seconds(state):
    task = finished(state).with_job().with_pod()
    assert jobs_deleted(task.at(seconds=4.9)) == []
    assert decide(task.at(seconds=4.9).situation()).wake == CREATED + timedelta(seconds=5)
    assert jobs_deleted(task.at(seconds=5)) == [(1, True)]


def test_a_cancelled_tasks_pod_is_not_waited_for():
    assert jobs_deleted(finished(State.CANCELLED).with_job().with_pod()) == [(1, True)]


def test_a_job_whose_pod_was_never_seen_is_waited_for():
    assert jobs_deleted(finished().with_job()) == []
    assert jobs_deleted(finished().with_job().at(seconds=5)) == [(1, True)]


@pytest.mark.parametrize("over", [{"deleting": True}, {"gone": True}])
def test_a_job_is_deleted_once(over):
    assert jobs_deleted(finished().with_job(complete=True, **over)) == []


@pytest.mark.parametrize(("state", "minutes"), [(State.COMPLETED, 5), (State.FAILED, 10)])
def test_a_job_is_kept_for_its_logs(state, minutes):
    task = finished(state).with_job(complete=True).knowing(settings=KEEP)
    assert jobs_deleted(task.at(minutes=minutes, seconds=-1)) == []
    assert jobs_deleted(task.at(minutes=minutes)) == [(1, False)]


def test_a_cancelled_tasks_job_is_not_kept():
    task = finished(State.CANCELLED).with_job().with_pod(phase="Failed").knowing(settings=KEEP)
    assert jobs_deleted(task) == [(1, False)]


def test_only_the_newest_job_is_kept():
    task = finished(State.FAILED).with_job(1, complete=True).with_job(2, complete=True).knowing(settings=KEEP)
    assert jobs_deleted(task) == [(2, False)]  # status.job is that of launch 1


# --- Jobs without a run ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "deleted"),
    [
        pytest.param(make_task().delay("5m").with_job(), [(1, True)], id="withdrawn"),
        pytest.param(make_task().launched(2).with_job(1).with_job(2), [(1, True)], id="earlier-launch"),
        pytest.param(make_task().launched().with_job(1, run_id="s7"), [(1, True)], id="another-run"),
        pytest.param(
            make_task().delay("5m").with_job().with_pod(phase="Failed"), [(1, False)], id="whose-pod-ended"
        ),
        pytest.param(
            make_task().delay("5m").with_job().with_pod(phase="Failed").with_pod(name=pod_name(9)),
            [(1, True)],
            id="one-of-whose-pods-runs",
        ),
        pytest.param(make_task().delay("5m").with_job(complete=True), [(1, False)], id="complete"),
        pytest.param(make_task().delay("5m").with_job(deleting=True), [], id="deleted-already"),
        pytest.param(make_task().delay("5m").with_job(gone=True), [], id="gone-already"),
        pytest.param(make_task().claimed().with_job().with_pod(), [], id="that-of-the-run"),
    ],
)
def test_a_job_that_belongs_to_no_open_run_is_deleted(task, deleted):
    assert jobs_deleted(task) == deleted


# --- the slot ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        pytest.param(make_task(), False, id="waiting"),
        pytest.param(make_task().launched(), True, id="launched"),
        pytest.param(make_task().claimed(), True, id="claimed"),
        pytest.param(make_task().delay("5m").with_job(), True, id="withdrawn-job-there"),
        pytest.param(make_task().delay("5m").with_job(gone=True), False, id="withdrawn-job-gone"),
        pytest.param(finished(), False, id="finished"),
        pytest.param(
            finished().with_job(complete=True).knowing(settings=AT_ONCE), True, id="finished-job-there"
        ),
        pytest.param(finished().with_job(deleting=True), True, id="finished-job-deleting"),
        pytest.param(finished().with_job(complete=True).knowing(settings=KEEP), False, id="kept-complete"),
        pytest.param(finished().with_job().knowing(settings=KEEP), True, id="kept-pod-unknown"),
        pytest.param(finished().with_job().with_pod().knowing(settings=KEEP), True, id="kept-pod-runs"),
        pytest.param(
            finished().with_job().with_pod(phase="Succeeded").knowing(settings=KEEP),
            False,
            id="kept-pod-over",
        ),
    ],
)
def test_a_task_needs_its_slot(task, needed):
    assert (slots_needed(task.situation()) > 0) is needed


@pytest.mark.parametrize(
    ("task", "kept"),
    [
        pytest.param(finished(), False, id="none"),
        pytest.param(finished().with_job(complete=True), True, id="there"),
        pytest.param(finished().with_job(gone=True), False, id="gone"),
    ],
)
def test_a_task_keeps_jobs_while_they_exist(task, kept):
    assert (kept_jobs(task.situation()) > 0) is kept
