"""Tasks that a run dispatches: a relaunch repeats none, and the outcome names them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from evertask.api.protocol import ANNOTATION_PARENT_NAME, ANNOTATION_PARENT_RUN, LABEL_PARENT_UID
from tests.support.runner_pods import RUN, RunnerPod, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.tasks import StoredTask

TEMPLATE = {"spec": {"containers": [{"name": "runner", "image": "registry.example/shop:1"}]}}


@pytest.fixture
def in_cluster(pod, control_plane, credentials: Path, namespace: str) -> Callable[..., RunnerPod]:
    """Make runners that find the cluster as a pod does."""
    (credentials / "namespace").write_text(namespace)
    address = urlsplit(control_plane.server)
    where = {
        "KUBERNETES_SERVICE_HOST": str(address.hostname),
        "KUBERNETES_SERVICE_PORT": str(address.port),
        "KUBECONFIG": "",
    }
    return lambda task, **given: pod(task, **where, **given)


def parent(launched, folder: Path, handler: str, **spec: Any) -> StoredTask:
    task: StoredTask = launched(f"chain:{handler}", payload={"folder": str(folder)}, **spec)
    return task


def children_of(task: StoredTask) -> dict[str, dict[str, Any]]:
    uid = task.get()["metadata"]["uid"]
    answer = task.client("GET", f"{task.collection}?labelSelector={LABEL_PARENT_UID}%3D{uid}")
    return {item["metadata"]["name"]: item for item in answer.body["items"]}


def relaunch(task: StoredTask) -> None:
    """Write what the operator writes when a pod was lost."""
    run = {"launch": 2, "phase": "Launching", "podName": None, "interruptions": 1}
    assert task.patch_status({"state": "Queued", "launches": 2, "runs": {RUN: run}}).status == 200


def test_a_relaunch_after_a_crash_repeats_no_child(launched, in_cluster, tmp_path):
    task = parent(launched, tmp_path, "FanOut")
    with in_cluster(task) as runner:
        wait_for((tmp_path / "begun").exists)
        runner.process.send_signal(signal.SIGKILL)
        runner.wait()
    first = children_of(task)
    assert len(first) == 2
    relaunch(task)
    (tmp_path / "go").touch()
    with in_cluster(task, launch=2, pod_name="pod-b") as runner:
        assert runner.wait() == 0, runner.log
    status, after = task.get()["status"], children_of(task)
    assert status["state"] == "Completed", runner.log
    assert len(after) == 3
    assert {name: after[name]["metadata"]["uid"] for name in first} == {
        name: item["metadata"]["uid"] for name, item in first.items()
    }
    run = status["runs"][RUN]
    assert (sorted(run["children"]), run["childrenCount"]) == (sorted(after), 3)


def test_the_outcome_of_a_failure_names_the_children(launched, in_cluster, tmp_path):
    task = parent(launched, tmp_path, "FailsAfterwards")
    with in_cluster(task) as runner:
        assert runner.wait() == 0, runner.log
    status = task.get()["status"]
    assert (status["state"], status["error"]["type"]) == ("Failed", "ValueError")
    assert status["runs"][RUN]["children"] == list(children_of(task))


def test_the_outcome_of_a_cancellation_names_the_children(launched, in_cluster, tmp_path):
    task = parent(launched, tmp_path, "StopsAfterwards")
    with in_cluster(task) as runner:
        wait_for((tmp_path / "begun").exists)
        task.patch_spec({"cancel": True})
        runner.terminate()
        assert runner.wait() == 0, runner.log
    status = task.get()["status"]
    assert status["state"] == "Cancelled"
    assert status["runs"][RUN]["children"] == list(children_of(task))


@pytest.mark.parametrize("handler", ["Chain", "SyncChain"])
def test_a_callback_dispatches_the_next_step_before_the_outcome_and_a_child_counts_once(
    launched, in_cluster, tmp_path, handler
):
    task = parent(launched, tmp_path, handler)
    with in_cluster(task) as runner:
        assert runner.wait() == 0, runner.log
    status = task.get()["status"]
    run = status["runs"][RUN]
    assert (status["state"], run.get("callbackErrors")) == ("Completed", None)
    assert (run["children"], run["childrenCount"]) == (list(children_of(task)), 1)


def test_a_dispatcher_of_the_handlers_own_makes_children_of_the_same_kind_of_pod(launched, in_cluster):
    task = launched("chain:by_a_dispatcher_of_its_own", podTemplate=TEMPLATE)
    with in_cluster(task) as runner:
        assert runner.wait() == 0, runner.log
    stored = task.get()
    (child,) = children_of(task).values()
    assert child["metadata"]["name"] == f"task-{stored['status']['result']}"
    assert child["metadata"]["annotations"][ANNOTATION_PARENT_NAME] == stored["metadata"]["name"]
    assert child["metadata"]["annotations"][ANNOTATION_PARENT_RUN] == RUN
    assert child["spec"]["podTemplate"] == TEMPLATE


def test_a_handler_that_dispatches_nothing_does_not_load_the_dispatcher(launched, pod):
    task = launched("light:Looks")
    with pod(task) as runner:
        assert runner.wait() == 0, runner.log
    assert task.get()["status"]["result"] == []
