"""A node that does not answer any more: its runs are given up, and relaunched or failed by ``onInterruption``.

There is one node, so that a relaunch waits until it is back. What its container does meanwhile nobody can know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import State
from tests.support.live_tasks import condition_of, run_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.workspaces import Workspace

IMPATIENT: dict[str, Any] = {
    "tolerations": [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 1,
        }
        for state in ("unreachable", "not-ready")
    ]
}
GIVEN_UP_SECONDS = 120.0
"""The node's lease (16 s), the toleration, the pod's grace and the operator's margin for a kubelet that comes back."""


def test_runs_of_a_lost_node_are_relaunched_or_failed(
    ledger: Workspace, local_cluster: Callable[[str], None]
):
    again = ledger.start("ledger:hang_at_first", "again", gracePeriod="1s", pod=IMPATIENT)
    never = ledger.start(
        "ledger:hang_at_first", "never", gracePeriod="1s", pod=IMPATIENT, onInterruption="Fail"
    )
    for task in (again, never):
        task.until_running()
    local_cluster("stop-kubelet")
    failed = never.until_state(State.FAILED, GIVEN_UP_SECONDS)
    assert failed["error"]["type"] == "Interrupted"
    assert "its node does not answer" in failed["error"]["message"]
    waiting = again.until(lambda s: run_of(s).get("launch") == 2)
    assert (waiting["state"], run_of(waiting)["phase"]) == (State.QUEUED, "Launching")
    stuck = again.until(lambda s: condition_of(s, "Launched").get("status") == "False", 30)
    assert condition_of(stuck, "Launched")["reason"] == "Unschedulable"
    local_cluster("start-kubelet")
    done = again.until_state(State.COMPLETED, 90)
    assert (done["result"], run_of(done)["interruptions"]) == ({"launch": 2}, 1)
    assert sorted((call["task"], call["launch"]) for call in ledger.calls()) == [
        ("again", "1"),
        ("again", "2"),
        ("never", "1"),
    ]
    never.until_nothing_runs()
