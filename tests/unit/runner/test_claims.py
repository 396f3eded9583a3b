"""Why a claim was refused, in words."""

from __future__ import annotations

from typing import Any

import pytest

from evertask_runner.claims import find_obstacle
from evertask_runner.patches import Holder

HOLDER = Holder("u-1", "s5", 2, "pod-a")
LAUNCHING = {"launch": 2, "phase": "Launching"}


def task(run: dict[str, Any] | None = None, *, uid: str = "u-1", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"uid": uid}, "spec": spec, "status": {"runs": {"s5": run} if run else {}}}


@pytest.mark.parametrize(
    ("task", "obstacle"),
    [
        (task(LAUNCHING), None),
        (task(LAUNCHING | {"phase": "Held"}), None),
        (task(LAUNCHING | {"phase": "Held"}, cancel=True), "the task is cancelled"),
        (task(LAUNCHING | {"phase": "Held", "launch": 3}), "the run was given to launch 3"),
        (task(LAUNCHING, cancel=True), "the task is cancelled"),
        (task(LAUNCHING, suspend=True), "the task is suspended"),
        (task(LAUNCHING, uid="u-2"), "the task was deleted, and another one has its name"),
        (task(), "the run s5 was withdrawn"),
        (task(LAUNCHING | {"launch": 3}), "the run was given to launch 3"),
        (task(LAUNCHING | {"podName": "pod-b", "phase": "Running"}), "the pod pod-b holds the run"),
        (task(LAUNCHING | {"phase": "Failed"}), "the run is Failed"),
    ],
    ids=[
        "none",
        "held",
        "held-cancelled",
        "held-launch",
        "cancelled",
        "suspended",
        "replaced",
        "withdrawn",
        "launch",
        "holder",
        "over",
    ],
)
def test_the_obstacle_is_named(task, obstacle):
    assert find_obstacle(task, HOLDER) == obstacle
