"""A node that does not answer any more: its runs are given up, and relaunched or failed by ``onInterruption``.

There is one node that can run pods, so that a relaunch waits until it is back. What its container does meanwhile
nobody can know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_tasks import condition_of, run_of
from tests.support.witness_nodes import witness_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.support.api_client import ApiClient
    from tests.support.workspaces import Workspace

IMPATIENT: dict[str, Any] = {
    "tolerations": [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 5,
        }
        for state in ("unreachable", "not-ready")
    ]
}
GIVEN_UP_SECONDS = 120.0
"""The node's lease (16 s), the toleration, the pod's grace and the operator's margin for a kubelet that comes back."""


FENCE_SECONDS = 20.0
"""A run with a fence is given up so much later."""


@pytest.fixture
def witness(client: ApiClient) -> Iterator[None]:
    """Have a second node that stays, so that the loss of the first is not taken for a fault of the control plane."""
    with witness_node(client):
        yield


@pytest.mark.usefixtures("witness")
def test_a_cancelled_run_of_a_lost_node_ends_where_it_is_fenced(
    ledger: Workspace, without: Callable[[str], AbstractContextManager[None]]
):
    fenced = ledger.start("ledger:hang_at_first", "fenced", gracePeriod="1s", fenceAfter="10s")
    waits = ledger.start("ledger:hang_at_first", "waits", gracePeriod="1s")
    for task in (fenced, waits):
        task.until_running()
    with without("kubelet"):
        fenced.cancel()
        waits.cancel()
        status = fenced.until_state(State.CANCELLED, GIVEN_UP_SECONDS)
        assert "does not answer, and its handler has stopped by spec.fenceAfter" in status["message"]
        assert waits.state == State.IN_PROGRESS
    assert waits.until_state(State.CANCELLED)["message"] != status["message"]
    for task in (fenced, waits):
        task.until_nothing_is_left()


@pytest.mark.usefixtures("witness")
def test_runs_of_a_lost_node_are_relaunched_or_failed(
    ledger: Workspace, without: Callable[[str], AbstractContextManager[None]]
):
    again = ledger.start("ledger:hang_at_first", "again", gracePeriod="1s", pod=IMPATIENT)
    never = ledger.start(
        "ledger:hang_at_first", "never", gracePeriod="1s", pod=IMPATIENT, onInterruption="Fail"
    )
    fenced = ledger.start(
        "ledger:hang_at_first", "fenced", gracePeriod="1s", pod=IMPATIENT, fenceAfter=f"{FENCE_SECONDS:g}s"
    )
    for task in (again, never, fenced):
        task.until_running()
    with without("kubelet"):
        failed = never.until_state(State.FAILED, GIVEN_UP_SECONDS)
        waiting = again.until(lambda s: run_of(s).get("launch") == 2)
        given_up = parse_time(run_of(waiting)["launchTime"])
        relaunched = fenced.until(lambda s: run_of(s).get("launch") == 2, GIVEN_UP_SECONDS)
        stuck = again.until(lambda s: condition_of(s, "Launched").get("status") == "False", 30)
    assert (parse_time(run_of(relaunched)["launchTime"]) - given_up).total_seconds() >= FENCE_SECONDS - 5
    assert "has stopped by spec.fenceAfter" in relaunched["message"]
    assert failed["error"]["type"] == "Interrupted"
    assert "its node does not answer" in failed["error"]["message"]
    assert (waiting["state"], run_of(waiting)["phase"]) == (State.QUEUED, "Launching")
    assert condition_of(stuck, "Launched")["reason"] == "Unschedulable"
    done = again.until_state(State.COMPLETED, 90)
    # The taint may still meet the second pod when the node comes back: then a third one runs.
    assert done["result"] == {"launch": done["launches"]}
    assert run_of(done)["interruptions"] == done["launches"] - 1 >= 1
    calls = [(call["task"], call["launch"]) for call in ledger.calls()]
    assert len(set(calls)) == len(calls)
    assert {("again", "1"), ("again", str(done["launches"])), ("never", "1")} <= set(calls)
    assert [task for task, _ in calls].count("never") == 1
    never.until_pods_ended()
