"""Handlers that fail are called again: in their pod, in another after a long delay, and not after a cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import Phase, State
from evertask.api.times import parse_time
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

SMALL = {"cpu": "200m", "memory": "80Mi"}
LIMITED: dict[str, Any] = {"resources": {"requests": SMALL, "limits": SMALL}}


def waits_for_its_next_attempt(status: dict[str, Any]) -> bool:
    """Whether a delay before a retry passes."""
    return any("nextAttemptTime" in run for run in (status.get("runs") or {}).values())


def test_a_handler_that_fails_twice_succeeds_in_the_third_attempt_of_one_pod(workspace: Workspace):
    task = workspace.start("failing:flaky", payload={"failures": 2}, retry={"limit": 3, "delay": "200ms"})
    status = task.until_state(State.COMPLETED)
    run = run_of(status)
    assert status["result"] == "attempt 3 in launch 1"
    assert (run["attempt"], run["failedAttempts"], status["counts"]["retries"]) == (3, 2, 2)
    assert [one["message"] for one in run["failures"]] == ["attempt 2 is refused", "attempt 1 is refused"]


def test_the_operators_default_is_three_retries(workspace: Workspace):
    task = workspace.start("failing:flaky", payload={"failures": 99})
    status = task.until_state(State.FAILED)
    assert status["error"]["attempt"] == 4
    assert status["counts"] == {"runs": 1, "failed": 1, "consecutiveFailures": 1, "retries": 3}


def test_a_long_delay_gives_the_pod_back_and_another_finishes(workspace: Workspace):
    # Longer than the operator lets a pod wait.
    task = workspace.start("failing:flaky", payload={"failures": 1}, retry={"limit": 1, "delay": "40s"})
    status = task.until(
        lambda found: any(one["phase"] == Phase.BACKOFF for one in found.get("runs", {}).values())
    )
    assert (status["state"], "podName" in run_of(status)) == (State.IN_PROGRESS, False)
    due = parse_time(run_of(status)["nextAttemptTime"])
    task.until_pods_ended()

    status = task.until_state(State.COMPLETED, seconds=120)
    assert status["result"] == "attempt 2 in launch 2"
    assert parse_time(run_of(status)["startTime"]) >= due
    assert (run_of(status)["attempt"], status["counts"]["retries"], status["launches"]) == (2, 1, 2)


def test_a_timeout_is_retried_where_it_is_named(workspace: Workspace):
    task = workspace.start(
        "failing:slow",
        payload={"failures": 1},
        timeout="1s",
        gracePeriod="1s",
        retry={"limit": 1, "delay": "0s", "onlyFor": ["TimeoutError"]},
    )
    status = task.until_state(State.COMPLETED)
    assert status["result"] == "attempt 2 in launch 1"
    assert run_of(status)["failures"][0]["type"] == "TimeoutError"


def test_want_of_memory_is_followed_by_another_attempt(workspace: Workspace):
    task = workspace.start(
        "failing:greedy", payload={"failures": 1}, container=LIMITED, retry={"limit": 2, "delay": "0s"}
    )
    status = task.until_state(State.COMPLETED)
    assert status["result"].startswith("attempt 2 in launch ")
    assert run_of(status)["failures"][0]["type"] == "OutOfMemory"


def test_a_task_that_is_cancelled_in_a_delay_is_not_tried_again(workspace: Workspace):
    task = workspace.start("failing:flaky", payload={"failures": 9}, retry={"limit": 3, "delay": "20s"})
    task.until(waits_for_its_next_attempt)
    task.cancel()
    status = task.until_state(State.CANCELLED)
    assert status["message"] == "cancelled; the handler waited for its attempt 2"
    assert (run_of(status)["attempt"], status["launches"]) == (1, 1)


def test_a_task_that_is_cancelled_without_a_pod_is_cancelled_at_once(workspace: Workspace):
    task = workspace.start("failing:flaky", payload={"failures": 9}, retry={"limit": 3, "delay": "1h"})
    task.until(lambda found: any(one["phase"] == Phase.BACKOFF for one in found.get("runs", {}).values()))
    task.cancel()
    task.until_state(State.CANCELLED)
    assert task.status["launches"] == 1
