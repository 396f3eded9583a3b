"""What there is once stays one: names, repeated applies, deletion, time to live."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State
from hack.images.wheels import ROOT
from tests.support.live_tasks import LiveTask, run_of
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from hack.kubectl import Kubectl
    from tests.support.workspaces import Workspace

HELLO = ROOT / "examples" / "10-hello" / "task.yaml"


def test_the_hello_example_runs_with_kubectl_alone(workspace: Workspace, kubectl: Kubectl):
    kubectl.run("apply", "-n", workspace.name, "-f", str(HELLO))
    hello = LiveTask(workspace.client, workspace.name, "hello")
    assert hello.until_state(State.COMPLETED)["result"] == {"greeting": "Hello, Ada!"}
    table = kubectl.run("get", "evertasks", "-n", workspace.name).splitlines()
    assert "Completed" in table[1]


def test_applying_the_same_file_again_changes_nothing(workspace: Workspace, kubectl: Kubectl):
    hello = LiveTask(workspace.client, workspace.name, "hello")
    kubectl.run("apply", "-n", workspace.name, "-f", str(HELLO))
    hello.until_state(State.COMPLETED)
    hello.until_pods_ended()
    before = hello.read()
    assert "unchanged" in kubectl.run("apply", "-n", workspace.name, "-f", str(HELLO))
    assert hello.read() == before


def test_tasks_of_one_name_in_two_namespaces_are_two(workspace: Workspace, other_workspace: Workspace):
    tasks = [
        space.start("answers:echo", "twin", payload={"of": space.name})
        for space in (workspace, other_workspace)
    ]
    results = [task.until_state(State.COMPLETED)["result"] for task in tasks]
    assert results == [{"of": workspace.name}, {"of": other_workspace.name}]


def test_deleting_a_task_that_runs_takes_its_job_and_pod_along(ledger: Workspace, kubectl: Kubectl):
    task = ledger.start("ledger:hang_at_first")
    pod = run_of(task.until_running())["podName"]
    (job,) = task.jobs()
    kubectl.run("delete", "evertask", "task", "-n", ledger.name, "--timeout=30s")
    assert not task.exists()
    paths = (
        ledger.core("pods", pod),
        f"/apis/batch/v1/namespaces/{ledger.name}/jobs/{job['metadata']['name']}",
    )
    for path in paths:
        eventually(partial(ledger.client, "GET", path), lambda answer: answer.status == 404, 30)
    assert len(ledger.calls()) == 1


def test_a_task_of_the_same_name_is_a_new_one_after_a_deletion(ledger: Workspace):
    first = ledger.start("ledger:hang_at_first")
    first.until_running()
    first.delete()
    second = ledger.start("answers:echo", payload={"n": 2})
    assert second.until_state(State.COMPLETED)["result"] == {"n": 2}


@pytest.mark.parametrize(
    "handler", [pytest.param("answers:nothing", id="completed"), pytest.param("answers:broken", id="failed")]
)
def test_a_finished_task_is_deleted_after_its_time_to_live(workspace: Workspace, handler: str):
    task = workspace.start(handler, ttlAfterFinished="3s")
    task.until_finished()
    task.until_gone(30)
    jobs = f"/apis/batch/v1/namespaces/{workspace.name}/jobs"
    eventually(lambda: workspace.client("GET", jobs).body["items"], lambda items: not items, 30)


@pytest.mark.parametrize(
    "handler", [pytest.param("answers:nothing", id="completed"), pytest.param("answers:broken", id="failed")]
)
def test_a_finished_tasks_log_can_be_read(workspace: Workspace, kubectl: Kubectl, handler: str):
    task = workspace.start(handler)
    job = task.until_finished()["job"]
    task.until_pods_ended()
    log = kubectl.run("logs", f"job/{job}", "-n", workspace.name)
    assert f"task {workspace.name}/task, run s" in log


def test_many_tasks_at_once_all_run_once(ledger: Workspace):
    tasks = [ledger.start("ledger:take_a_while", f"task-{number}") for number in range(12)]
    for task in tasks:
        task.until_state(State.COMPLETED, 90)
    assert sorted(call["task"] for call in ledger.calls()) == sorted(task.name for task in tasks)
