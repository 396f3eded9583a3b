"""Writes 5 and 6 by real runners: progress, and an outcome that always arrives."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import Any

import pytest

from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.control_plane import install_crd
from tests.support.runner_pods import RUN, RunnerPod, open_run, wait_for
from tests.support.tasks import StoredTask


@pytest.fixture
def waiting(launched, tmp_path):
    return launched("work:wait_for_file", payload={"folder": str(tmp_path)})


def finish(tmp_path) -> None:
    wait_for((tmp_path / "begun").exists)
    (tmp_path / "go").touch()


def entry_of(task) -> dict[str, Any]:
    entry: dict[str, Any] = task.get()["status"]["runs"][RUN]
    return entry


def test_progress_is_written_while_the_handler_runs(launched, pod, tmp_path):
    task = launched("work:report_progress", payload={"folder": str(tmp_path)})
    with pod(task) as runner:
        progress = wait_for(lambda: newest(task, 49))
        assert progress["message"] == "step 49"
        finish(tmp_path)
        assert runner.wait() == 0
    assert entry_of(task)["progress"]["percent"] == 99


def newest(task, percent: int) -> dict[str, Any] | None:
    progress = entry_of(task).get("progress") or {}
    return progress if progress.get("percent") == percent else None


def test_fifty_reports_at_once_cost_two_writes(launched, pod, proxy, tmp_path):
    task = launched("work:report_progress", payload={"folder": str(tmp_path)})
    with pod(task, proxy.url) as runner:
        wait_for(lambda: newest(task, 49))
        finish(tmp_path)
        assert runner.wait() == 0
    # Claim, the first report, the newest a second later, and the outcome, which takes the last one along.
    assert proxy.requests <= 4


def test_a_lost_answer_to_the_outcome_changes_nothing(waiting, pod, proxy, tmp_path):
    with pod(waiting, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.lose_answer()
        finish(tmp_path)
        assert runner.wait() == 0
    assert proxy.lost.is_set()
    status = waiting.get()["status"]
    assert (status["state"], status["counts"]["runs"]) == ("Completed", 1)


def test_the_termination_message_is_there_before_the_api_server_has_the_outcome(
    waiting, pod, proxy, tmp_path
):
    with pod(waiting, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.refuse()
        finish(tmp_path)
        message = wait_for(lambda: runner.termination_message)
        assert (message["phase"], message["result"], message["launch"]) == ("Succeeded", "attempt 1", 1)
        assert waiting.get()["status"]["state"] == "InProgress"
        proxy.heal()
        assert runner.wait() == 0
    assert waiting.get()["status"]["state"] == "Completed"


def test_an_outcome_that_cannot_be_written_in_time_stays_in_the_termination_message(
    launched, pod, proxy, tmp_path
):
    task = launched("work:wait_for_file", payload={"folder": str(tmp_path)}, gracePeriod="0s")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.refuse()
        finish(tmp_path)
        wait_for(lambda: runner.termination_message)
        runner.terminate()
        assert runner.wait(10) == 70
    assert runner.termination_message["phase"] == "Succeeded"


def test_a_result_that_the_api_server_refuses_fails_the_run_and_says_why(launched, pod):
    """The whole object would be larger than etcd takes; the runner cannot know that before."""
    task = launched("work:large_but_fitting_result", payload={"ballast": "x" * (1536 * 1024 - 20_000)})
    with pod(task) as runner:
        assert runner.wait() == 0
    error = task.get()["status"]["error"]
    assert error["type"] == "ResultNotSerialisable"
    assert "too large" in error["message"]


def give_to_another_launch(task) -> None:
    task.patch_status({"launches": 2, "runs": {RUN: {"launch": 2, "phase": "Launching", "podName": None}}})


def give_to_another_pod(task) -> None:
    task.patch_status({"runs": {RUN: {"podName": "pod-b"}}})


def end_by_operator(task) -> None:
    task.patch_status(
        {"state": "Failed", "runs": {RUN: {"phase": "Failed", "endTime": "2025-01-01T11:00:00Z"}}}
    )


def delete(task) -> None:
    task.client("DELETE", task.path)


@pytest.mark.parametrize("change", [give_to_another_launch, give_to_another_pod, end_by_operator, delete])
def test_an_outcome_with_a_stale_view_is_refused_and_leaves_nothing(waiting, pod, tmp_path, change):
    with pod(waiting) as runner:
        wait_for((tmp_path / "begun").exists)
        change(waiting)
        before = waiting.get()
        finish(tmp_path)
        assert runner.wait() == 0
    assert waiting.get() == before
    assert "not written" in runner.log


def test_the_log_has_two_lines_and_no_payload(launched, pod):
    task = launched("work:order", payload={"number": 1, "customer": "hunter2"})
    with pod(task) as runner:
        assert runner.wait() == 0
    lines = runner.log.splitlines()
    assert [line.startswith("evertask: task ") for line in lines] == [True, True]
    assert "hunter2" not in runner.log


def test_an_outcome_outlives_a_stop_of_the_real_api_server(tmp_path):
    with LightControlPlane() as plane:
        (tmp_path / "token").write_text(plane.token)
        shutil.copy(plane.ca, tmp_path / "ca.crt")
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            install_crd(client)
            assert client("POST", "/api/v1/namespaces", {"metadata": {"name": "outage"}}).status == 201
            task = StoredTask(client, "outage")
            open_run(task.create(handler="work:wait_for_file", payload={"folder": str(tmp_path)}))
            runner = RunnerPod(task, tmp_path, plane.server)
        with runner:
            wait_for((tmp_path / "begun").exists)
            plane.stop_apiserver()
            finish(tmp_path)
            wait_for(lambda: runner.termination_message)
            plane.start_apiserver()
            assert runner.wait(60) == 0
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            assert StoredTask(client, "outage").get()["status"]["state"] == "Completed"
