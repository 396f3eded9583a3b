"""The plain ways through a task's life, with a real operator and played pods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from evertask.api.protocol import Condition, ErrorType, State
from evertask.api.times import format_time, parse_time
from tests.support.live_tasks import condition_of, run_of
from tests.support.simulated_pods import hold


def test_an_immediate_task_runs_and_leaves_nothing_but_itself(stage):
    stage.operator()
    stage.pods()
    task = stage.task()
    status = task.until_state(State.COMPLETED)
    assert status["result"] == {"launch": 1}
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0}
    task.until_nothing_is_left()


def test_a_delayed_task_runs_not_before_its_time(stage):
    stage.operator()
    stage.pods()
    task = stage.task(delay="2s")
    waiting = task.until(lambda s: s.get("nextRunTime"))
    assert waiting["state"] == State.PENDING
    status = task.until_state(State.COMPLETED)
    assert parse_time(run_of(status)["startTime"]) >= parse_time(waiting["nextRunTime"])


def test_an_edit_of_the_time_is_honoured(stage):
    stage.operator()
    stage.pods()
    task = stage.task(runAt=format_time(datetime.now(UTC) + timedelta(hours=1)))
    task.until(lambda s: s.get("nextRunTime"))
    task.change(runAt=format_time(datetime.now(UTC) - timedelta(hours=1)))
    task.until_state(State.COMPLETED)


def test_a_suspended_launch_is_withdrawn_and_resumed_under_a_new_number(stage):
    stage.operator()
    task = stage.task()
    task.until(lambda s: s.get("job") and stage.jobs())
    task.change(suspend=True)
    held = task.until(lambda s: condition_of(s, Condition.SUSPENDED).get("status") == "True")
    assert held["state"] == State.PENDING
    task.until_nothing_is_left()
    stage.pods()
    task.change(suspend=False)
    assert task.until_state(State.COMPLETED)["result"] == {"launch": 2}


def test_a_running_task_is_cancelled_and_never_respawns(stage):
    stage.operator()
    stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    task.cancel()
    status = task.until_state(State.CANCELLED)
    assert status["launches"] == 1
    task.until_nothing_is_left()


def test_an_evicted_run_is_relaunched(stage):
    def play(pod):
        pod.claim()
        if pod.launch == 1:
            pod.end(137, disruption="EvictionByEvictionAPI")
        else:
            pod.commit(result={"launch": pod.launch})
            pod.end()

    stage.operator()
    stage.pods(play)
    status = stage.task().until_state(State.COMPLETED)
    assert status["result"] == {"launch": 2}
    assert run_of(status)["interruptions"] == 1


def test_a_pod_that_dies_without_a_word_fails_the_task(stage):
    def play(pod):
        pod.claim()
        pod.end(137, "last line of the log", "OOMKilled")

    stage.operator()
    stage.pods(play)
    task = stage.task(retry={"limit": 0})
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == ErrorType.OUT_OF_MEMORY
    assert status["error"]["logTail"] == "last line of the log"
    assert [e["reason"] for e in stage.events(task)] == [ErrorType.OUT_OF_MEMORY]


def test_an_image_that_cannot_be_pulled_is_named_within_ten_seconds_and_fails_at_the_deadline(stage):
    stage.operator()
    stage.pods(lambda pod: pod.wait_for("ImagePullBackOff", "no such image"))
    task = stage.task(startDeadline="8s")
    said = task.until(lambda s: condition_of(s, Condition.LAUNCHED).get("status") == "False", 10)
    assert "no such image" in condition_of(said, Condition.LAUNCHED)["message"]
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == ErrorType.START_DEADLINE_EXCEEDED


def test_a_finished_task_is_armed_anew_by_its_incarnation(stage):
    stage.operator()
    stage.pods()
    task = stage.task()
    task.until_state(State.COMPLETED)
    task.change(incarnation=1)
    status = task.until(lambda s: s.get("incarnation") == 1 and s["state"] == State.COMPLETED)
    assert status["result"] == {"launch": 2}
    assert status["counts"]["runs"] == 2


def test_a_finished_task_expires(stage):
    stage.operator()
    stage.pods()
    stage.task(ttlAfterFinished="1s").until_gone()


def test_an_operator_that_is_told_to_stop_ends_well(stage):
    operator = stage.operator()
    assert operator.stop() == 0
