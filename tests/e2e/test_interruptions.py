"""Pods that are taken away. An eviction is an interruption: relaunched, or failed where the task says so; a pod or a
Job that somebody deletes is a cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace


def _name(item: dict[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _slow_to_start(image: str) -> dict[str, Any]:
    """Make a pod that cannot claim its run for some seconds."""
    return {"initContainers": [{"name": "slow", "image": image, "command": ["sleep", "5"]}]}


@pytest.mark.parametrize("policy", ["Relaunch", "Fail"])
def test_a_pod_evicted_before_its_handler_started_is_replaced(
    ledger: Workspace, runner_image: str, policy: str
):
    task = ledger.start("ledger:take_a_while", onInterruption=policy, pod=_slow_to_start(runner_image))
    pod = task.until_pod(lambda pod: pod["spec"].get("nodeName"))
    assert ledger.evict(_name(pod)).status == 201
    status = task.until_state(State.COMPLETED)
    assert (status["launches"], run_of(status)["interruptions"]) == (2, 1)
    assert [call["launch"] for call in ledger.calls()] == ["2"]


def test_an_evicted_handler_runs_again_by_default(ledger: Workspace):
    task = ledger.start("ledger:hang_at_first")
    first = run_of(task.until_running())
    assert ledger.evict(first["podName"]).status == 201
    status = task.until_state(State.COMPLETED)
    assert (status["result"], run_of(status)["interruptions"]) == ({"launch": 2}, 1)
    calls = ledger.calls()
    assert sorted(call["launch"] for call in calls) == ["1", "2"]
    assert len({call["run"] for call in calls}) == 1  # the handler's idempotency key
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0}


def test_an_evicted_handler_that_must_not_run_again_has_failed(ledger: Workspace):
    task = ledger.start("ledger:hang_at_first", onInterruption="Fail")
    ledger.evict(run_of(task.until_running())["podName"])
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == "Interrupted"
    assert "spec.onInterruption is Fail" in status["error"]["message"]
    task.until_pods_ended()
    assert (len(ledger.calls()), task.status["launches"]) == (1, 1)


def test_a_run_that_loses_more_pods_than_it_may_has_failed(ledger: Workspace):
    task = ledger.start("ledger:take_a_while", payload={"seconds": 600}, maxInterruptions=1)
    ledger.evict(run_of(task.until_running())["podName"])
    second = run_of(task.until(lambda s: s["launches"] == 2 and run_of(s).get("progress")))
    assert second["interruptions"] == 1
    ledger.evict(second["podName"])
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == "Interrupted"
    assert "spec.maxInterruptions (1)" in status["error"]["message"]
    assert (len(ledger.calls()), status["launches"]) == (2, 2)


def test_an_interruption_uses_up_no_attempt(ledger: Workspace):
    task = ledger.start("ledger:hang_at_first", retry={"limit": 0})
    ledger.evict(run_of(task.until_running())["podName"])
    status = task.until_state(State.COMPLETED)
    assert (run_of(status)["attempt"], "failedAttempts" in run_of(status)) == (1, False)


def test_an_evicted_handler_that_does_not_stop_is_killed_and_runs_again(ledger: Workspace):
    task = ledger.start("ledger:stubborn_at_first", gracePeriod="1s")
    ledger.evict(run_of(task.until_running())["podName"])
    status = task.until_state(State.COMPLETED)
    assert (status["result"], len(ledger.calls())) == ({"launch": 2}, 2)


@pytest.mark.parametrize("what", ["pod", "job"])
def test_what_is_deleted_by_hand_is_cancelled_and_does_not_come_back(ledger: Workspace, what: str):
    task = ledger.start("ledger:hang_at_first")
    run = run_of(task.until_running())
    path = ledger.core("pods", run["podName"])
    if what == "job":
        path = f"/apis/batch/v1/namespaces/{ledger.name}/jobs/{_name(task.jobs()[0])}"
    assert ledger.client("DELETE", path, {"propagationPolicy": "Background"}).status in {200, 202}
    status = task.until_state(State.CANCELLED)
    assert "deleted by hand" in status["message"]
    task.until_nothing_is_left()
    assert (task.status["launches"], len(ledger.calls())) == (1, 1)


def test_a_pod_deleted_by_hand_before_it_took_the_run_cancels_it(ledger: Workspace, runner_image: str):
    task = ledger.start("ledger:take_a_while", pod=_slow_to_start(runner_image))
    pod = task.until_pod(lambda pod: pod["spec"].get("nodeName"))
    ledger.client("DELETE", ledger.core("pods", _name(pod)))
    assert "deleted by hand" in task.until_state(State.CANCELLED)["message"]
    task.until_nothing_is_left()
    assert ledger.calls() == []


def test_a_pod_that_is_removed_by_force_is_cancelled_too(ledger: Workspace):
    task = ledger.start("ledger:hang_at_first")
    run = run_of(task.until_running())
    ledger.client("DELETE", ledger.core("pods", run["podName"]), {"gracePeriodSeconds": 0})
    task.until_state(State.CANCELLED)
    task.until_nothing_is_left()
    assert len(ledger.calls()) == 1
