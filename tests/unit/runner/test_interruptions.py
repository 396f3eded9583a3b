"""After SIGTERM: the end of the run, or an interruption."""

from __future__ import annotations

from typing import Any

import pytest

from evertask_runner.interruptions import why_it_is_over
from evertask_runner.patches import Holder

HOLDER = Holder("u-1", "s1", 2, "pod-a")


def task(
    *, uid: str = "u-1", spec: dict[str, Any] | None = None, deleted: bool = False, **run: Any
) -> dict[str, Any]:
    metadata = {"name": "a", "uid": uid} | ({"deletionTimestamp": "then"} if deleted else {})
    entry = {"launch": 2, "podName": "pod-a", "phase": "Running"} | run
    return {"metadata": metadata, "spec": spec or {}, "status": {"runs": {"s1": entry}}}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "the task was deleted"),
        (task(uid="u-2"), "the task was deleted"),
        (task(deleted=True), "the task was deleted"),
        (task(spec={"cancel": True}), "the task was cancelled"),
        (task(stop="Replaced"), "the run makes way for a later one"),
        (task(spec={"onInterruption": "Fail"}), "the pod was told to stop, and spec.onInterruption is Fail"),
    ],
    ids=["gone", "another", "being-deleted", "cancelled", "replaced", "at-most-once"],
)
def test_what_cannot_be_launched_again_is_over(found, why):
    assert why_it_is_over(found, HOLDER) == why


@pytest.mark.parametrize(
    "found",
    [
        task(),
        task(spec={"onInterruption": "Relaunch", "cancel": False}),
        task(spec={"cancel": True}, launch=3, podName="pod-b"),
    ],
    ids=["running", "said-so", "anothers"],
)
def test_what_may_be_launched_again_is_not(found):
    assert why_it_is_over(found, HOLDER) is None
