"""Pods that do not start: the cause is named within 10 s, and at ``startDeadline`` the run fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_tasks import condition_of
from tests.support.waiting import eventually
from tests.support.workspaces import handlers_template

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
    Stuck(
        "missing-key-of-a-config-map",
        frozenset({"CreateContainerConfigError"}),
        "no-such-key",
        container={
            "env": [
                {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "handlers", "key": "no-such-key"}}}
            ]
        },
    ),
    Stuck(
        "root-where-none-may-be",
        frozenset({"CreateContainerConfigError"}),
        "non-root",
        container={"securityContext": {"runAsUser": 0, "runAsNonRoot": True}},
    ),
    Stuck(
        "volume-of-a-missing-config-map",
        frozenset({"FailedMount"}),
        "no-such-map",
        pod={"volumes": [{"name": "handlers", "configMap": {"name": "no-such-map"}}]},
    ),
    Stuck(
        "claim-of-a-missing-volume",
        frozenset({"Unschedulable"}),
        "no-such-claim",
        pod={"volumes": [{"name": "handlers", "persistentVolumeClaim": {"claimName": "no-such-claim"}}]},
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


def test_an_init_container_without_end_is_named_and_fails_at_the_deadline(
    workspace: Workspace, runner_image: str
):
    init = {"name": "migrate", "image": runner_image, "command": ["sleep", "3600"]}
    task = workspace.start("answers:nothing", pod={"initContainers": [init]}, startDeadline="14s")
    cause = _cause(task)
    assert cause["reason"] == "InitContainerRuns"
    assert "init container migrate" in cause["message"]
    assert "migrate" in task.until_state(State.FAILED, 30)["error"]["message"]
    task.until_pods_ended()


def test_an_init_container_that_fails_is_named(workspace: Workspace, runner_image: str):
    init = {"name": "migrate", "image": runner_image, "command": ["sh", "-c", "exit 3"]}
    task = workspace.start("answers:nothing", pod={"initContainers": [init]})
    error = task.until_state(State.FAILED, 30)["error"]
    assert error["type"] == "PodFailed"
    assert "the init container migrate" in error["message"]
    assert "exit code 3" in error["message"]


def test_a_sidecar_without_end_does_not_keep_a_run_that_is_over(workspace: Workspace, runner_image: str):
    sidecar = {"name": "log", "image": runner_image, "command": ["sleep", "3600"]}
    template = handlers_template()
    template["spec"]["containers"].append(sidecar)
    task = workspace.start("answers:nothing", podTemplate=template)
    task.until_state(State.COMPLETED)
    task.until_pods_ended()


def test_a_job_that_a_quota_refuses_is_named_and_waited_for(workspace: Workspace):
    quota = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    workspace.create("resourcequotas", quota)
    path = workspace.core("resourcequotas", "no-jobs")
    eventually(lambda: workspace.client("GET", path).body.get("status", {}).get("hard"), bool, 20)
    task = workspace.start("answers:nothing", startDeadline="5s")
    cause = _cause(task)
    assert cause["reason"] == "JobPostponed"
    assert "no-jobs" in cause["message"]
    time.sleep(6)  # longer than the deadline, which counts from the Job's creation
    assert task.state == State.QUEUED
    workspace.client("DELETE", path)
    task.until_state(State.COMPLETED, 90)


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
