"""Retries across launches, with a real operator and played pods."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from evertask.api import protocol
from evertask.api.protocol import Condition, Phase, State
from evertask.api.times import parse_time
from tests.support.live_tasks import checked, condition_of, run_of
from tests.support.simulated_pods import hold, pods_path, succeed
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.simulated_pods import SimulatedPod


def environment_of(pod: SimulatedPod) -> dict[str, str]:
    """What a pod's runner is told."""
    return {entry["name"]: entry.get("value", "") for entry in pod.raw["spec"]["containers"][0]["env"]}


def give_back_at_first(delay: float):
    """The first launch gives its run back; the others succeed."""

    def play(pod: SimulatedPod) -> None:
        if pod.launch > 1:
            succeed(pod)
            return
        pod.claim()
        assert pod.give_back(delay)
        pod.end()

    return play


def in_backoff(status) -> bool:
    return run_of(status).get("phase") == Phase.BACKOFF


def test_a_run_that_was_given_back_is_launched_again_and_told_its_attempt(stage):
    stage.operator(defaults={"holdPod": "0s", "retry": {"limit": 7}})
    pods = stage.pods(give_back_at_first(1.5))
    task = stage.task()
    waiting = task.until(in_backoff)
    assert waiting["state"] == State.IN_PROGRESS
    due = parse_time(run_of(waiting)["nextAttemptTime"])
    status = task.until_state(State.COMPLETED)
    first, second = (environment_of(pod) for pod in pods.played)
    assert (first.get(protocol.ENV_ATTEMPT), second[protocol.ENV_ATTEMPT]) == (None, "2")
    assert json.loads(second[protocol.ENV_DEFAULTS]) == {
        "holdPodSeconds": 0,
        "retry": {"limit": 7, "delay": "500ms"},
    }
    assert parse_time(run_of(status)["launchTime"]) >= due
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0, "retries": 1}
    assert [failure["attempt"] for failure in run_of(status)["failures"]] == [1]


def test_the_pod_of_the_next_attempt_is_made_early_and_waits_for_its_time(stage):
    stage.operator(prelaunch={"maxLead": "2s", "minLead": "2s", "coldStartLead": "2s"})
    pods = stage.pods(give_back_at_first(4))
    task = stage.task()
    due = run_of(task.until(in_backoff))["nextAttemptTime"]
    task.until(lambda s: s["launches"] == 2, 10)
    assert 0 < parse_time(due).timestamp() - time.time() <= 2
    task.until_state(State.COMPLETED)
    assert environment_of(pods.played[1])[protocol.ENV_SCHEDULED_TIME] == due


def test_a_run_in_backoff_leaves_its_room_to_others(stage):
    stage.operator(maxRunning=1)
    stage.pods(give_back_at_first(3600))
    task = stage.task("patient")
    task.until(in_backoff)
    other = stage.task("other")
    other.until(in_backoff)
    assert len(other.pods()) <= 1
    task.cancel()
    assert task.until_state(State.CANCELLED)["message"] == "cancelled before its next attempt"
    task.until_nothing_is_left()


def test_a_suspended_run_in_backoff_goes_on_when_it_is_resumed(stage):
    stage.operator()
    pods = stage.pods(give_back_at_first(1))
    task = stage.task()
    task.until(in_backoff)
    task.change(suspend=True)
    held = task.until(lambda s: condition_of(s, Condition.SUSPENDED).get("status") == "True")
    assert held["state"] == State.IN_PROGRESS
    time.sleep(1.5)
    assert len(pods.played) == 1 or task.status["runs"]
    task.change(suspend=False)
    assert task.until_state(State.COMPLETED)["counts"]["retries"] == 1


def test_a_pod_that_ran_out_of_memory_is_followed_by_another(stage):
    def play(pod: SimulatedPod) -> None:
        pod.claim()
        pod.end(137, reason="OOMKilled")

    stage.operator()
    stage.pods(play)
    task = stage.task(retry={"limit": 1, "delay": "500ms"})
    status = task.until_state(State.FAILED)
    assert (status["launches"], status["error"]["type"], status["error"]["attempt"]) == (2, "OutOfMemory", 2)
    assert status["counts"]["retries"] == 1
    eventually(
        lambda: {event["reason"] for event in stage.events(task)},
        lambda reasons: {"AttemptFailed", "OutOfMemory"} <= reasons,
        10,
    )


def test_what_a_pod_left_of_its_handlers_policy_decides(stage):
    def play(pod: SimulatedPod) -> None:
        pod.claim()
        note = {"run": pod.holder.run, "launch": pod.launch, "attempt": 1, "exits": {"retry": {"limit": 0}}}
        pod.end(139, json.dumps(note))

    stage.operator()
    stage.pods(play)
    task = stage.task()
    status = task.until_state(State.FAILED)
    assert (status["launches"], status["error"]["type"]) == (1, "PodFailed")
    assert "logTail" not in status["error"]


def test_a_run_that_loses_too_many_pods_has_failed(stage):
    def play(pod: SimulatedPod) -> None:
        pod.claim()
        pod.end(143, disruption="EvictionByEvictionAPI")

    stage.operator()
    stage.pods(play)
    task = stage.task(maxInterruptions=2)
    status = task.until_state(State.FAILED)
    assert (status["launches"], status["error"]["type"]) == (3, "Interrupted")
    assert "spec.maxInterruptions (2)" in status["error"]["message"]


@pytest.fixture
def silent_node(stage) -> Iterator[str]:
    """A node without a kubelet: nobody ends its pods. Those of a node that does not exist are removed soon."""
    name = f"silent-{stage.namespace}"
    checked(stage.admin("POST", "/api/v1/nodes", {"metadata": {"name": name}}))
    yield name
    stage.admin("DELETE", f"/api/v1/nodes/{name}")


@pytest.mark.parametrize("fence", ["10s", None], ids=["fenced", "not-fenced"])
def test_a_cancelled_run_on_a_node_that_does_not_answer(stage, silent_node, fence):
    stage.operator()
    pods = stage.pods(hold)
    task = stage.task(gracePeriod="0s", **({"fenceAfter": fence} if fence else {}))
    task.until_state(State.IN_PROGRESS)
    (pod,) = pods.played
    body = {"target": {"kind": "Node", "name": silent_node}, "metadata": {"name": pod.name}}
    checked(stage.admin("POST", f"{pods_path(stage.namespace)}/{pod.name}/binding", body))
    asked = time.monotonic()
    task.cancel()
    if fence is None:
        time.sleep(8)
        assert task.state == State.IN_PROGRESS, (
            task.status,
            stage.admin("GET", pods_path(stage.namespace)).body,
        )
    else:
        # The pod's deadline (5 s to report), the fence, and the margin.
        status = task.until_state(State.CANCELLED, 90)
        assert time.monotonic() - asked >= 5 + 10 + 30 - 2
        assert "does not answer" in status["message"]
    stage.admin("DELETE", f"{pods_path(stage.namespace)}/{pod.name}", {"gracePeriodSeconds": 0})
    task.until_state(State.CANCELLED)
    task.until_nothing_is_left()
