"""How a run stands after the write that gives it back was refused."""

from __future__ import annotations

from typing import Any

import pytest

from evertask_runner.giving_back import Backoff, GivingBack, settle
from evertask_runner.patches import Holder, give_back_patch

HOLDER = Holder("u-1", "s5", 2, "pod-a")
FAILURES = [{"attempt": 1}]
BACKOFF = Backoff({"failures": FAILURES, "failedAttempts": 1, "nextAttemptTime": "then"}, "waits")


def task(*, cancel: bool = False, uid: str = "u-1", **run: Any) -> dict[str, Any]:
    entry = {"launch": 2, "podName": "pod-a", "phase": "Running", **run}
    return {"metadata": {"uid": uid}, "spec": {"cancel": cancel}, "status": {"runs": {"s5": entry}}}


@pytest.mark.parametrize(
    ("found", "settled"),
    [
        pytest.param(task(), None, id="nothing-stands-against-it"),
        pytest.param(task(cancel=True), GivingBack.CANCELLED, id="cancelled"),
        pytest.param(
            task(phase="Backoff", podName=None, failures=FAILURES), GivingBack.DONE, id="the-answer-was-lost"
        ),
        pytest.param(
            task(phase="Launching", launch=3, podName=None, failures=FAILURES),
            GivingBack.DONE,
            id="launched-again-already",
        ),
        pytest.param(task(launch=3, podName="pod-b"), GivingBack.NOT_MINE, id="another-launch"),
        pytest.param(task(uid="u-2"), GivingBack.NOT_MINE, id="another-task"),
        pytest.param(task(phase="Failed"), GivingBack.NOT_MINE, id="ended"),
    ],
)
def test_a_refusal_is_looked_into(found, settled):
    assert settle(found, HOLDER, BACKOFF) is settled


def test_the_write_is_guarded_as_the_protocol_says():
    operations = give_back_patch(HOLDER, BACKOFF.fields, BACKOFF.message)
    tests = {one["path"]: one["value"] for one in operations if one["op"] == "test"}
    assert tests == {
        "/metadata/uid": "u-1",
        "/status/runs/s5/launch": 2,
        "/status/runs/s5/phase": "Running",
        "/status/runs/s5/podName": "pod-a",
        "/spec/cancel": False,
    }


def test_the_run_is_left_without_a_pod():
    operations = give_back_patch(HOLDER, BACKOFF.fields, BACKOFF.message)
    sets = {one["path"].rpartition("/")[2]: one["value"] for one in operations if one["op"] == "add"}
    assert sets == {
        "phase": "Backoff",
        "failures": FAILURES,
        "failedAttempts": 1,
        "nextAttemptTime": "then",
        "podName": None,
        "readyTime": None,
        "startTime": None,
        "attempt": None,
        "progress": None,
        "message": "waits",
    }
