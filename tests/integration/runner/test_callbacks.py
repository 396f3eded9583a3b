"""Callbacks: their order, when on_error is called, and that nothing they do touches the outcome."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runner_pods import RUN, open_run, wait_for
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from pathlib import Path


def followup(launched, folder: Path, handler: str, **spec: Any) -> StoredTask:
    task: StoredTask = launched(f"followups:{handler}", payload={"folder": str(folder)}, **spec)
    return task


def status_after(task: StoredTask, pod, code: int = 0) -> dict[str, Any]:
    with pod(task) as runner:
        assert runner.wait(30) == code, runner.log
    status: dict[str, Any] = task.get()["status"]
    return status


def noted(folder: Path) -> list[str]:
    file = folder / "noted"
    return file.read_text().splitlines() if file.exists() else []


def callback_errors(status: dict[str, Any]) -> list[str]:
    return [f"{one['callback']}: {one['message']}" for one in status["runs"][RUN].get("callbackErrors", ())]


def test_a_success_calls_in_order(launched, pod, tmp_path):
    status = status_after(followup(launched, tmp_path, "Returns"), pod)
    assert noted(tmp_path) == ["started UUID", "handled", "completed 7"]
    assert (status["state"], status["result"], callback_errors(status)) == ("Completed", 7, [])


@pytest.mark.parametrize(
    ("handler", "spec", "line", "type_"),
    [
        ("Raises", {}, "error ValueError: no such order", "ValueError"),
        ("NotJson", {}, "error RunFailure: result is of type set", "ResultNotSerialisable"),
        (
            "Waits",
            {"timeout": "200ms"},
            "error TimeoutError: the handler took longer than spec.timeout 200ms; it stopped",
            "TimeoutError",
        ),
        (
            "WaitsAsync",
            {"timeout": "200ms"},
            "error TimeoutError: the handler took longer than spec.timeout 200ms; it stopped",
            "TimeoutError",
        ),
    ],
)
def test_a_failure_calls_on_error(launched, pod, tmp_path, handler, spec, line, type_):
    status = status_after(followup(launched, tmp_path, handler, **spec), pod)
    started, error = noted(tmp_path)
    assert started == "started UUID"
    assert error.startswith(line)
    assert (status["state"], status["error"]["type"]) == ("Failed", type_)


def test_a_handler_that_had_to_be_killed_calls_nothing(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "Deaf", timeout="200ms", gracePeriod="200ms")
    status = status_after(task, pod)
    assert noted(tmp_path) == ["started UUID"]
    assert status["error"]["type"] == "TimeoutError"


def stopped(task: StoredTask, pod, folder: Path, change: dict[str, Any] | None) -> int:
    with pod(task) as runner:
        wait_for((folder / "begun").exists)
        if change is not None:
            assert task.patch_spec(change).status == 200
        runner.terminate()
        code: int = runner.wait(30)
    return code


@pytest.mark.parametrize("handler", ["Waits", "WaitsAsync"])
def test_a_cancellation_calls_on_error(launched, pod, tmp_path, handler):
    task = followup(launched, tmp_path, handler)
    assert stopped(task, pod, tmp_path, {"cancel": True}) == 0
    text = "the task was cancelled; the handler stopped when it was asked to"
    assert noted(tmp_path)[1:] == [f"error CancellationRequested: {text}"]
    assert task.get()["status"]["state"] == "Cancelled"


def test_an_interruption_that_may_be_relaunched_calls_nothing(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "Waits")
    assert stopped(task, pod, tmp_path, None) == 143
    assert noted(tmp_path) == ["started UUID"]
    assert task.get()["status"]["state"] == "InProgress"


def test_a_stop_that_nobody_can_explain_calls_nothing(launched, pod, proxy, tmp_path):
    task = followup(launched, tmp_path, "Waits", gracePeriod="1s")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        task.patch_spec({"cancel": True})
        proxy.refuse()
        runner.terminate()
        assert runner.wait(15) == 143
    assert noted(tmp_path) == ["started UUID"]


def test_a_process_that_the_handler_forked_calls_nothing(launched, pod, tmp_path):
    status_after(followup(launched, tmp_path, "Forks"), pod)
    assert noted(tmp_path) == ["started UUID", "completed 7"]


def test_an_interruption_that_is_the_end_calls_on_error(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "Waits", onInterruption="Fail")
    assert stopped(task, pod, tmp_path, None) == 143
    assert "onInterruption is Fail" in noted(tmp_path)[1]


def test_a_run_that_makes_way_calls_on_error(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "Waits")
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        assert task.patch_status({"runs": {RUN: {"stop": "Replaced"}}}).status == 200
        runner.terminate()
        assert runner.wait(30) == 143
    assert "makes way for a later one" in noted(tmp_path)[1]


def test_a_deleted_task_calls_on_error(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "Waits")
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        task.client("DELETE", task.path)
        runner.terminate()
        runner.wait(30)
    assert "the task was deleted" in noted(tmp_path)[1]


@pytest.mark.parametrize(
    ("handler", "state", "errors"),
    [
        (
            "RaisesInCallbacks",
            "Completed",
            ["on_started: OSError: no mail server", "on_completed: SystemExit: 3"],
        ),
        ("RaisesTwice", "Failed", ["on_error: LookupError: nothing to undo"]),
        (
            "DiesInCallback",
            "Completed",
            ["on_completed: the handler's process ended with exit code 9 before on_completed returned"],
        ),
    ],
)
def test_what_a_callback_does_changes_nothing(launched, pod, tmp_path, handler, state, errors):
    status = status_after(followup(launched, tmp_path, handler), pod)
    assert (status["state"], callback_errors(status)) == (state, errors)


def test_what_a_callback_raises_is_in_the_log(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "RaisesInCallbacks")
    with pod(task) as runner:
        runner.wait(30)
    assert "evertask: on_started raised OSError: no mail server; the outcome stands" in runner.log
    assert 'raise OSError("no mail server")' in runner.log


def test_a_callback_that_hangs_is_abandoned_after_the_grace_period(launched, pod, tmp_path):
    status = status_after(followup(launched, tmp_path, "HangsInCallback", gracePeriod="300ms"), pod)
    assert (status["state"], status["result"]) == ("Completed", 7)
    (error,) = callback_errors(status)
    assert error.startswith("on_completed: on_completed had not ended when spec.gracePeriod was over")


def test_the_outcome_is_kept_before_a_callback_and_written_after_it(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "WaitsInCallback")
    with pod(task) as runner:
        wait_for((tmp_path / "in-callback").exists)
        assert task.get()["status"]["state"] == "InProgress"
        assert runner.termination_message["result"] == 7
        (tmp_path / "go").touch()
        assert runner.wait(30) == 0
    status = task.get()["status"]
    assert status["state"] == "Completed"
    assert status["runs"][RUN]["progress"]["message"] == "the last"


def test_a_pod_that_is_told_to_stop_finishes_its_callback(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "WaitsInCallback")
    with pod(task) as runner:
        wait_for((tmp_path / "in-callback").exists)
        runner.terminate()
        (tmp_path / "go").touch()
        assert runner.wait(30) == 0
    assert noted(tmp_path)[-1] == "completed 7"
    assert task.get()["status"]["state"] == "Completed"


def test_a_handlers_process_that_is_killed_in_a_callback_has_its_outcome(launched, pod, tmp_path):
    import os

    task = followup(launched, tmp_path, "HangsInCallback")
    with pod(task) as runner:
        wait_for((tmp_path / "in-callback").exists)
        os.kill(runner.children()[0], signal.SIGKILL)
        assert runner.wait(30) == 0
    status = task.get()["status"]
    assert (status["state"], status["result"]) == ("Completed", 7)
    assert "was ended by SIGKILL" in callback_errors(status)[0]


def test_handler_and_callbacks_share_loop_and_context(launched, pod, tmp_path):
    status_after(followup(launched, tmp_path, "OneLoop"), pod)
    assert noted(tmp_path) == ["started UUID", "filled handle True"]


def test_the_timeout_bounds_handle_and_no_callback(launched, pod, tmp_path):
    status = status_after(followup(launched, tmp_path, "SlowToStart"), pod)
    assert (status["state"], noted(tmp_path)[-1]) == ("Completed", "completed in time")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, "the handler took longer than its own timeout 200ms"),
        ({"timeout": "100ms"}, "the handler took longer than spec.timeout 100ms"),
    ],
    ids=["own", "spec"],
)
def test_the_specs_timeout_goes_before_the_handlers_own(launched, pod, tmp_path, spec, text):
    status = status_after(followup(launched, tmp_path, "LimitsItself", **spec), pod)
    assert status["message"].startswith(f"TimeoutError: {text}")


def test_a_zero_timeout_in_the_spec_lifts_the_handlers_own(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "LimitsItself", timeout="0s")
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        with pytest.raises(Exception, match="timed out"):
            runner.wait(1)


def test_a_first_callback_that_never_returns_misses_the_start_deadline(launched, pod, tmp_path):
    task = followup(launched, tmp_path, "NeverStarts", startDeadline="1s")
    error = status_after(task, pod)["error"]
    assert error["type"] == "StartDeadlineExceeded"
    assert error["message"].startswith("on_started had not returned after spec.startDeadline 1s")


def test_a_series_run_keeps_its_callback_errors(admin, namespace, pod, tmp_path):
    task = StoredTask(admin, namespace).create(
        handler="followups:RaisesInCallbacks",
        payload={"folder": str(tmp_path)},
        recurrence={"every": "1h"},
    )
    status = status_after(open_run(task), pod)
    assert (status["runs"][RUN]["phase"], len(callback_errors(status))) == ("Succeeded", 2)
    assert "transitions" not in status
