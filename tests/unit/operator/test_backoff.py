"""A one-shot whose attempt has failed, and whose pod gave the run back: what it waits for, and what goes before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import Condition, Phase, State, job_name
from evertask_operator.decisions import decide
from evertask_operator.decisions.occupancy import slots_needed
from tests.support.situations import CREATED, RUN, UID, instant, make_task, written

LEAD = timedelta(seconds=5)


def waiting(*, delay: float = 60, **fields):
    """A run whose first attempt failed at the creation of its task; the next begins a minute later."""
    return make_task().in_backoff(delay=delay, **fields)


def run_after(task, plan):
    """The run as the plan makes it."""
    after = task.with_status(**(plan.status or {}))
    return after.status.get("runs", {}).get(RUN)


# --- the time of the next attempt ------------------------------------------------------------------------------


def test_a_run_in_backoff_waits_for_its_next_attempt():
    plan = decide(waiting().at(seconds=20).situation())
    assert (plan.status, plan.job, plan.wake) == (None, None, CREATED + timedelta(seconds=60))


def test_a_run_in_backoff_is_launched_a_lead_before_its_next_attempt():
    task = waiting().knowing(lead=LEAD)
    assert decide(task.at(seconds=54.9).situation()).wake == CREATED + timedelta(seconds=55)
    plan = decide(task.at(seconds=55).situation())
    assert plan.opens_run == CREATED + timedelta(seconds=60)
    assert written(plan)["launches"] == 2
    assert written(plan)["job"] == job_name(UID, RUN, 2)


@pytest.mark.parametrize("late", [60, 61, 3600], ids=["on-time", "a-little-later", "the-operator-was-away"])
def test_a_run_whose_next_attempt_is_due_is_launched_at_once(late):
    task = waiting().at(seconds=late)
    plan = decide(task.situation())
    assert run_after(task, plan) == {
        "scheduledTime": instant(),
        "launch": 2,
        "phase": Phase.LAUNCHING,
        "launchTime": instant(seconds=late),
        "failedAttempts": 1,
        "failures": [{"attempt": 1, "time": instant(), "type": "ValueError", "message": "no"}],
        "nextAttemptTime": instant(seconds=60),
    }
    assert written(plan)["state"] == State.IN_PROGRESS
    assert written(plan)["message"] == f"attempt 2 starts in Job {job_name(UID, RUN, 2)}"


def test_a_run_that_is_launched_before_its_next_attempt_goes_on_saying_what_failed():
    plan = decide(waiting().knowing(lead=LEAD).at(seconds=55).situation())
    assert "message" not in written(plan)


def test_a_run_keeps_its_nominal_time_and_the_pods_it_lost():
    task = waiting(dueTime=instant(seconds=3), interruptions=2).at(seconds=60)
    after = run_after(task, decide(task.situation()))
    assert (after["dueTime"], after["interruptions"]) == (instant(seconds=3), 2)


def test_a_clock_that_is_set_back_makes_it_wait_and_loses_nothing():
    plan = decide(waiting().at(hours=-5).situation())
    assert (plan.status, plan.wake) == (None, CREATED + timedelta(seconds=60))


@pytest.mark.parametrize("text", [None, "soon"], ids=["none", "no-time"])
def test_a_time_that_cannot_be_read_is_now(text):
    plan = decide(waiting(nextAttemptTime=text).at(seconds=1).situation())
    assert written(plan)["runs"][RUN]["phase"] == Phase.LAUNCHING


# --- slots -----------------------------------------------------------------------------------------------------


def test_a_run_in_backoff_holds_no_slot_once_its_job_is_gone():
    assert slots_needed(waiting().situation()) == 0
    assert slots_needed(waiting().with_job().situation()) == 1


def test_without_room_the_next_attempt_waits_and_says_so_once():
    full = waiting().knowing(room="maxRunning (1) is reached").at(seconds=60)
    plan = decide(full.situation())
    assert written(plan)["message"] == "the next attempt is due; waits for room: maxRunning (1) is reached"
    again = full.with_status(**written(plan)).knowing(room="maxRunningPerNamespace (1) is reached in shop")
    assert decide(again.situation()).status is None


def test_without_room_nothing_is_said_before_the_next_attempt_is_due():
    plan = decide(waiting().knowing(room="full", lead=LEAD).at(seconds=56).situation())
    assert (plan.status, plan.wake) == (None, CREATED + timedelta(seconds=60))


# --- the Job of the attempt before -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "pods", "after", "foreground"),
    [
        pytest.param({"complete": True}, [], 0, False, id="it-is-complete"),
        pytest.param({}, [{"phase": "Succeeded"}], 0, False, id="its-pod-has-ended"),
        pytest.param({}, [{"phase": "Running"}], 5, True, id="its-pod-does-not-end"),
        pytest.param({}, [], 5, True, id="its-pod-is-unknown"),
        pytest.param({}, [{"phase": "Running"}], -1, True, id="the-nodes-clock-is-ahead"),
    ],
)
def test_the_job_of_the_attempt_before_is_deleted(job, pods, after, foreground):
    task = waiting().with_job(**job).at(seconds=after)
    for pod in pods:
        task = task.with_pod(**pod)
    assert [(d.job.launch, d.foreground) for d in decide(task.situation()).deletions] == [(1, foreground)]


def test_a_pod_that_has_just_given_its_run_back_may_end_by_itself():
    plan = decide(waiting().with_job().with_pod().at(seconds=1).situation())
    assert (plan.deletions, plan.wake) == ((), CREATED + timedelta(seconds=5))


@pytest.mark.parametrize("state", [{"deleting": True}, {"gone": True}], ids=["going", "gone"])
def test_a_job_that_goes_already_is_not_deleted_again(state):
    assert decide(waiting().with_job(**state).at(seconds=9).situation()).deletions == ()


def test_the_job_of_the_attempt_before_is_deleted_when_the_next_is_launched_too():
    task = waiting().at(seconds=60)
    relaunched = task.with_status(**written(decide(task.situation()))).with_job(complete=True).with_job(2)
    assert [d.job.launch for d in decide(relaunched.situation()).deletions] == [1]


def test_nothing_is_concluded_from_a_pod_that_is_gone():
    plan = decide(waiting().with_job(gone=True).knowing(verified=True).at(seconds=9).situation())
    assert plan.status is None


# --- what is asked for meanwhile -------------------------------------------------------------------------------


def test_a_run_in_backoff_is_cancelled_at_once():
    task = waiting(podName=None).cancelled().at(seconds=10)
    plan = decide(task.situation())
    after = task.with_status(**written(plan)).status
    assert (after["state"], after["message"]) == (State.CANCELLED, "cancelled before its next attempt")
    assert after["finishTime"] == instant(seconds=10)
    run = after["runs"][RUN]
    assert (run["phase"], run["endTime"], run["failedAttempts"]) == (Phase.CANCELLED, instant(seconds=10), 1)
    assert "nextAttemptTime" not in run
    assert [note.reason for note in plan.notes] == ["Cancelled"]


def test_the_launch_of_a_next_attempt_is_cancelled_at_once_too():
    task = waiting().with_status(runs={RUN: {"phase": "Launching", "launch": 2}}).cancelled()
    plan = decide(task.with_job(2).situation())
    assert written(plan)["message"] == "cancelled before its next attempt"


def test_a_suspended_run_in_backoff_is_not_launched_and_stays_in_progress():
    task = waiting().suspended().at(seconds=90)
    plan = decide(task.situation())
    assert written(plan)["state"] == State.IN_PROGRESS
    assert "suspended" in written(plan)["message"]
    assert "runs" not in written(plan)
    held = task.with_status(**written(plan)).at(hours=9)
    assert decide(held.situation()).status is None


def test_a_run_that_is_resumed_says_again_what_failed_and_is_launched():
    held = waiting().with_status(message="suspended").condition(Condition.SUSPENDED, "True").at(seconds=90)
    said = decide(held.situation())
    assert written(said)["message"] == f"attempt 1 failed: ValueError: no; the next at {instant(seconds=60)}"
    resumed = held.with_status(**written(said))
    assert written(decide(resumed.situation()))["launches"] == 2


def test_a_launch_of_a_next_attempt_that_is_suspended_goes_back_to_waiting():
    launched = waiting().with_status(runs={RUN: {"phase": "Launching", "launch": 2}}, launches=2)
    task = launched.suspended().with_job(2).at(seconds=61)
    plan = decide(task.situation())
    after = run_after(task, plan)
    assert (after["phase"], after["failedAttempts"], after["launch"]) == (Phase.BACKOFF, 1, 2)
    assert "launchTime" not in after
    gone = task.with_status(**written(plan))
    assert [d.job.launch for d in decide(gone.situation()).deletions] == [2]


def test_a_task_that_can_no_longer_run_as_it_is_written_can_be_corrected_and_goes_on():
    task = waiting().knowing(refusal="no such thing").at(seconds=70)
    plan = decide(task.situation())
    assert written(plan)["state"] == State.PENDING  # its fields may be edited again
    assert "runs" not in written(plan)
    corrected = task.with_status(**written(plan)).edited(handler="shop.reports:other").knowing(refusal="")
    after = run_after(corrected, decide(corrected.situation()))
    assert (after["phase"], after["failedAttempts"]) == (Phase.LAUNCHING, 1)


def test_a_corrected_task_whose_next_attempt_is_far_off_says_when_it_is():
    task = waiting().with_status(state="Pending", message="refused").condition(Condition.ACCEPTED, "False")
    plan = decide(task.situation())
    assert (written(plan)["state"], plan.wake) == (State.IN_PROGRESS, CREATED + timedelta(seconds=60))
    assert "the next at" in written(plan)["message"]


@pytest.mark.parametrize("phase", [Phase.BACKOFF, Phase.LAUNCHING])
def test_a_higher_incarnation_does_not_inherit_what_failed(phase):
    task = waiting().with_status(state="Pending", runs={RUN: {"phase": str(phase)}}).edited(incarnation=1)
    plan = decide(task.situation())
    assert written(plan)["runs"] == {RUN: None}
    assert written(plan)["incarnation"] == 1


def test_a_time_that_was_edited_while_the_task_could_not_go_on_moves_no_attempt():
    task = waiting().with_status(state="Pending").run_at(hours=5)
    assert written(decide(task.situation()))["state"] == State.IN_PROGRESS


# --- the launch of the next attempt ----------------------------------------------------------------------------


def launched_again(**fields):
    run = {"phase": "Launching", "launch": 2, "launchTime": instant(seconds=55), **fields}
    return waiting().with_status(runs={RUN: run}, launches=2)


def test_the_job_of_the_next_attempt_is_made():
    plan = decide(launched_again().at(seconds=56).situation())
    assert plan.job is not None
    assert (plan.job.run_id, plan.job.launch) == (RUN, 2)


def test_a_lost_pod_of_the_next_attempt_uses_up_no_attempt_and_keeps_its_time():
    task = launched_again().with_job(2).with_pod(2, phase="Failed", disruption="EvictionByEvictionAPI")
    after = run_after(task, plan := decide(task.at(seconds=57).situation()))
    assert (after["launch"], after["failedAttempts"], after["interruptions"]) == (3, 1, 1)
    assert after["nextAttemptTime"] == instant(seconds=60)
    assert "state" not in written(plan)


def test_the_start_deadline_counts_from_the_time_of_the_next_attempt():
    task = launched_again().with_spec(startDeadline="10s").with_job(2).with_pod(2, phase="Pending")
    assert decide(task.at(seconds=69.9).situation()).status is None
    plan = decide(task.at(seconds=70).situation())
    assert written(plan)["error"]["type"] == "StartDeadlineExceeded"
    assert written(plan)["state"] == State.FAILED
