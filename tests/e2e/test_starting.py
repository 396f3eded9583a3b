"""Pods that do not start: the cause is named within 10 s, and at ``startDeadline`` the run fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_tasks import condition_of

if TYPE_CHECKING:
    from tests.support.live_tasks import Json, LiveTask
    from tests.support.workspaces import Workspace

NAMED_WITHIN_SECONDS = 10.0
CREATION_PRECISION_SECONDS = 1.0
"""The time of creation is cut to the second."""


@dataclass(frozen=True)
class Stuck:
    """A pod that cannot start."""

    id: str
    reasons: frozenset[str]
    says: str
    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)


IMAGE = "localhost:1/nobody/absent:1"

STUCK = [
    Stuck("image-cannot-be-pulled", frozenset({"ImagePullBackOff"}), "absent:1", container={"image": IMAGE}),
    Stuck(
        "image-not-on-the-node",
        frozenset({"ErrImageNeverPull"}),
        "absent:1",
        container={"image": IMAGE, "imagePullPolicy": "Never"},
    ),
    Stuck(
        "unschedulable",
        frozenset({"Unschedulable"}),
        "no node can take pod",
        pod={"nodeSelector": {"evertask.io/no-such-node": "x"}},
    ),
    Stuck(
        "missing-secret-in-env",
        frozenset({"CreateContainerConfigError"}),
        "no-such-secret",
        container={"envFrom": [{"secretRef": {"name": "no-such-secret"}}]},
    ),
]


def _cause(task: LiveTask) -> Json:
    """Wait until the condition Launched says why the pod does not start, and check that it came in time."""
    status = task.until(lambda s: condition_of(s, "Launched").get("status") == "False", 25)
    cause = condition_of(status, "Launched")
    created = parse_time(task.read()["metadata"]["creationTimestamp"])
    taken = (parse_time(cause["lastTransitionTime"]) - created).total_seconds()
    assert taken <= NAMED_WITHIN_SECONDS + CREATION_PRECISION_SECONDS, cause
    return cause


@pytest.mark.parametrize("stuck", STUCK, ids=lambda stuck: stuck.id)
def test_a_pod_that_cannot_start_is_named_and_fails_at_the_deadline(workspace: Workspace, stuck: Stuck):
    task = workspace.start("answers:nothing", container=stuck.container, pod=stuck.pod, startDeadline="14s")
    cause = _cause(task)
    assert cause["reason"] in stuck.reasons
    assert stuck.says in cause["message"]
    assert task.state == State.QUEUED
    error = task.until_state(State.FAILED, 30)["error"]
    assert error["type"] == "StartDeadlineExceeded"
    assert stuck.says in error["message"]
    task.until_pods_ended()


def test_a_missing_secret_is_named_and_the_task_heals_when_it_appears(workspace: Workspace):
    task = workspace.start(
        "answers:echo", payload={"to": "ada"}, payloadFrom=[{"secretRef": {"name": "smtp"}}]
    )
    cause = _cause(task)
    assert "smtp" in cause["message"]
    workspace.create("secrets", {"metadata": {"name": "smtp"}, "stringData": {"password": "$(HOME) $$"}})
    status = task.until_state(State.COMPLETED, 90)
    assert status["result"] == {"to": "ada", "password": "$(HOME) $$"}
    assert status["launches"] == 1
