"""Callbacks in real pods: what is called when a run succeeds, fails, is cancelled or is lost, and what that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

SMALL = {"cpu": "200m", "memory": "128Mi"}
GRACE = "20s"
"""A callback's time: enough for a request, on a machine that runs other tests."""
LIMITED: dict[str, Any] = {"resources": {"requests": SMALL, "limits": SMALL}}


def called(ledger: Workspace) -> list[str]:
    """Give what was called, in order."""
    return [call["what"] for call in sorted(ledger.calls(), key=lambda call: float(call["start"]))]


@pytest.mark.parametrize(
    ("handler", "state", "calls"),
    [
        ("Succeeds", State.COMPLETED, ["started ada", "handled", "completed 7"]),
        ("Fails", State.FAILED, ["started ada", "error ValueError"]),
    ],
)
def test_a_run_calls_back_in_order(ledger: Workspace, handler: str, state: State, calls: list[str]):
    ledger.start(f"followups:{handler}", payload={"customer": "ada"}, gracePeriod=GRACE).until_state(state)
    # The outcome is written after the last callback, so all of them are noted by now.
    assert called(ledger) == calls


def test_a_timeout_calls_on_error(ledger: Workspace):
    task = ledger.start("followups:Waits", timeout="1s", gracePeriod=GRACE)
    assert task.until_state(State.FAILED)["error"]["type"] == "TimeoutError"
    assert called(ledger) == ["started ada", "error TimeoutError"]


def test_a_cancellation_calls_on_error(ledger: Workspace):
    task = ledger.start("followups:Waits", gracePeriod=GRACE)
    task.until_running()
    task.cancel()
    status = task.until_state(State.CANCELLED)
    assert called(ledger) == ["started ada", "error CancellationRequested"]
    assert "callbackErrors" not in run_of(status)


def test_an_eviction_that_is_relaunched_calls_no_on_error(ledger: Workspace):
    task = ledger.start("followups:Waits", gracePeriod=GRACE)
    assert ledger.evict(run_of(task.until_running())["podName"]).status == 201
    assert run_of(task.until_state(State.COMPLETED))["interruptions"] == 1
    assert called(ledger) == ["started ada", "started ada", "completed 7"]


def test_an_eviction_that_must_not_be_relaunched_calls_on_error(ledger: Workspace):
    task = ledger.start("followups:Waits", gracePeriod=GRACE, onInterruption="Fail")
    assert ledger.evict(run_of(task.until_running())["podName"]).status == 201
    assert task.until_state(State.FAILED)["error"]["type"] == "Interrupted"
    assert called(ledger) == ["started ada", "error CancellationRequested"]


def test_a_callback_that_hangs_is_abandoned_and_the_outcome_stands(ledger: Workspace):
    status = ledger.start("followups:HangsInCallback", gracePeriod="1s").until_state(State.COMPLETED)
    (error,) = run_of(status)["callbackErrors"]
    assert (status["result"], error["callback"]) == (7, "on_completed")
    assert "spec.gracePeriod was over" in error["message"]


def test_a_callback_that_takes_the_whole_container_with_it_cannot_take_the_outcome(ledger: Workspace):
    task = ledger.start("followups:StarvesInCallback", container=LIMITED)
    status = task.until_state(State.COMPLETED)
    assert (status["result"], status["launches"]) == (7, 1)
    assert called(ledger) == ["started ada", "handled"]
