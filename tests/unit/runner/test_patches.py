"""The runner's writes as JSON patches."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.api.outcomes import Outcome, apply_outcome
from evertask.api.protocol import Phase
from evertask_runner.patches import Holder, claim_patch, escape, outcome_patch, progress_patch

HOLDER = Holder("u-1", "s5", 2, "pod-a")
RUN = "/status/runs/s5"


def conditions_of(operations: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["path"]: one["value"] for one in operations if one["op"] == "test"}


def sets_of(operations: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["path"]: one["value"] for one in operations if one["op"] == "add"}


AS_HOLDER = {
    "/metadata/uid": "u-1",
    f"{RUN}/launch": 2,
    f"{RUN}/phase": "Running",
    f"{RUN}/podName": "pod-a",
}


def test_the_claim_tests_what_the_protocol_says():
    assert conditions_of(claim_patch(HOLDER, "now")) == {
        "/metadata/uid": "u-1",
        "/spec/cancel": False,
        "/spec/suspend": False,
        f"{RUN}/launch": 2,
        f"{RUN}/phase": "Launching",
        f"{RUN}/podName": None,
    }


def test_the_claim_sets_what_the_protocol_says():
    assert sets_of(claim_patch(HOLDER, "then", "before")) == {
        f"{RUN}/podName": "pod-a",
        f"{RUN}/phase": "Running",
        f"{RUN}/readyTime": "before",
        f"{RUN}/startTime": "then",
        f"{RUN}/attempt": 1,
        "/status/lastRunTime": "then",
        "/status/state": "InProgress",
        "/status/message": "runs in pod pod-a",
    }


def outcome(phase: Phase, *, only_if_cancelled: bool = False, one_shot: bool = True, progress: Any = None):
    change = apply_outcome({}, "s5", Outcome(phase, "then", result={"n": 1}), one_shot=one_shot)
    return outcome_patch(HOLDER, change, progress=progress, only_if_cancelled=only_if_cancelled)


@pytest.mark.parametrize(
    "operations",
    [progress_patch(HOLDER, {"percent": 1}), outcome(Phase.SUCCEEDED), claim_patch(HOLDER, "now")],
    ids=["progress", "outcome", "claim"],
)
def test_tests_come_before_the_first_change(operations):
    kinds = [one["op"] for one in operations]
    assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize(
    "operations", [progress_patch(HOLDER, {"percent": 1}), outcome(Phase.FAILED)], ids=["progress", "outcome"]
)
def test_progress_and_outcome_are_the_holders(operations):
    assert conditions_of(operations) == AS_HOLDER


def test_cancelled_stands_only_if_somebody_asked():
    operations = outcome(Phase.CANCELLED, only_if_cancelled=True)
    assert conditions_of(operations) == AS_HOLDER | {"/spec/cancel": True}


def test_a_one_shots_outcome_ends_the_task_in_the_same_write():
    sets = sets_of(outcome(Phase.SUCCEEDED))
    assert sets["/status/state"] == "Completed"
    assert sets["/status/result"] == {"n": 1}
    assert sets["/status/counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0}
    assert sets[f"{RUN}/phase"] == "Succeeded"


def test_the_run_is_changed_field_by_field_so_that_nothing_of_it_is_lost():
    assert all(path.startswith(f"{RUN}/") for path in sets_of(outcome(Phase.SUCCEEDED)) if "/runs" in path)


def test_a_series_goes_on():
    assert "/status/state" not in sets_of(outcome(Phase.FAILED, one_shot=False))


def test_the_last_progress_goes_along():
    assert sets_of(outcome(Phase.FAILED, progress={"percent": 9}))[f"{RUN}/progress"] == {"percent": 9}


def test_keys_are_escaped():
    assert escape("a/b~c") == "a~1b~0c"


def make_task(**run: Any) -> dict[str, Any]:
    return {"metadata": {"uid": "u-1"}, "spec": {}, "status": {"runs": {"s5": run}}}


@pytest.mark.parametrize(
    ("task", "holds"),
    [
        (make_task(launch=2, podName="pod-a"), True),
        (make_task(launch=3, podName="pod-a"), False),
        (make_task(launch=2, podName="pod-b"), False),
        ({"metadata": {"uid": "u-1"}, "spec": {}}, False),
        (make_task(launch=2, podName="pod-a") | {"metadata": {"uid": "u-2"}}, False),
    ],
    ids=["mine", "other-launch", "other-pod", "no-status", "other-task"],
)
def test_the_holder_knows_itself(task, holds):
    assert HOLDER.holds(task) is holds
