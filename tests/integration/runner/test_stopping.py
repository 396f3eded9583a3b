"""Timeouts, cancellation and interruption, with handlers that obey and handlers that cannot hear."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.support.runner_pods import RUN, wait_for

DEAF = ["work:sleep_deaf", "work:burn_deaf", "work:hold_interpreter_deaf"]


def begun(launched, tmp_path, handler: str, **spec: Any):
    return launched(handler, payload={"folder": str(tmp_path)}, **spec)


@pytest.mark.parametrize("handler", DEAF)
def test_a_deaf_handler_is_killed_after_timeout_and_grace(launched, pod, tmp_path, handler):
    task = begun(launched, tmp_path, handler, timeout="300ms", gracePeriod="200ms")
    with pod(task) as runner:
        assert runner.wait(20) == 0
    error = task.get()["status"]["error"]
    assert error["type"] == "TimeoutError"
    assert error["message"].startswith("the handler took longer than spec.timeout 300ms; it was killed")


@pytest.mark.parametrize(
    ("handler", "state", "text"),
    [
        ("work:cooperate", "Failed", "it stopped when it was asked to"),
        ("work:cooperate_async", "Failed", "it stopped when it was asked to"),
        ("work:fail_when_asked", "Failed", "it then raised OSError: disk full"),
        ("work:finish_when_asked", "Completed", "the handler returned"),
    ],
)
def test_after_a_timeout_the_grace_period_is_the_handlers(launched, pod, tmp_path, handler, state, text):
    task = begun(launched, tmp_path, handler, timeout="200ms")
    with pod(task) as runner:
        assert runner.wait(20) == 0
    status = task.get()["status"]
    assert status["state"] == state
    assert text in status["message"]


def stop(task, runner, tmp_path, *, cancel: bool) -> int:
    wait_for((tmp_path / "begun").exists)
    if cancel:
        task.patch_spec({"cancel": True})
    runner.terminate()
    code: int = runner.wait(20)
    return code


@pytest.mark.parametrize("handler", [*DEAF, "work:cooperate", "work:cooperate_async"])
def test_a_cancelled_handler_ends_as_cancelled(launched, pod, tmp_path, handler):
    task = begun(launched, tmp_path, handler, gracePeriod="300ms")
    with pod(task) as runner:
        assert stop(task, runner, tmp_path, cancel=True) == 0
    status = task.get()["status"]
    assert (status["state"], status["runs"][RUN]["phase"]) == ("Cancelled", "Cancelled")
    assert status["message"].startswith("cancelled; the handler ")
    assert "error" not in status


@pytest.mark.parametrize("handler", ["work:sleep_deaf", "work:cooperate"])
def test_an_interruption_writes_nothing_and_exits_143(launched, pod, tmp_path, handler):
    task = begun(launched, tmp_path, handler, gracePeriod="300ms")
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        before = task.get()
        assert stop(task, runner, tmp_path, cancel=False) == 143
    assert task.get() == before
    assert runner.termination_message is None


def test_the_token_says_why(launched, pod, tmp_path):
    task = begun(launched, tmp_path, "work:cooperate")
    with pod(task) as runner:
        stop(task, runner, tmp_path, cancel=True)
    assert (tmp_path / "asked-Termination").exists()


def test_an_async_handler_cleans_up(launched, pod, tmp_path):
    task = begun(launched, tmp_path, "work:cooperate_async")
    with pod(task) as runner:
        stop(task, runner, tmp_path, cancel=True)
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "interrupted"])
@pytest.mark.parametrize(
    ("handler", "state"), [("work:finish_when_asked", "Completed"), ("work:fail_when_asked", "Failed")]
)
def test_what_a_handler_achieved_in_its_grace_period_stands(launched, pod, tmp_path, handler, state, cancel):
    task = begun(launched, tmp_path, handler, retry={"limit": 0})
    with pod(task) as runner:
        assert stop(task, runner, tmp_path, cancel=cancel) == 0
    assert task.get()["status"]["state"] == state


@pytest.mark.parametrize(("cancel", "state"), [(True, "Cancelled"), (False, "InProgress")])
def test_a_failure_in_the_grace_period_that_would_be_retried_is_none_of_the_run(
    launched, pod, tmp_path, cancel, state
):
    task = begun(launched, tmp_path, "work:fail_when_asked")
    with pod(task) as runner:
        assert stop(task, runner, tmp_path, cancel=cancel) == (0 if cancel else 143)
    assert task.get()["status"]["state"] == state


def test_a_timeout_is_kept_while_the_api_server_hangs(launched, pod, proxy, tmp_path):
    task = begun(launched, tmp_path, "work:report_progress", timeout="1s", gracePeriod="200ms")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.freeze()
        wait_for(lambda: runner.termination_message is not None, 5)
        assert runner.termination_message["error"]["type"] == "TimeoutError"
        proxy.heal()
        assert runner.wait(30) == 0
    assert task.get()["status"]["error"]["type"] == "TimeoutError"


def test_sigterm_is_heard_while_the_api_server_hangs(launched, pod, proxy, tmp_path):
    task = begun(launched, tmp_path, "work:cooperate")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.freeze()
        runner.terminate()
        wait_for((tmp_path / "asked-Termination").exists, 2)


def test_a_cancellation_that_cannot_be_confirmed_is_an_interruption(launched, pod, proxy, tmp_path):
    task = begun(launched, tmp_path, "work:cooperate", gracePeriod="0s")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        task.patch_spec({"cancel": True})
        proxy.refuse()
        started = time.monotonic()
        runner.terminate()
        assert runner.wait(10) == 143
        assert time.monotonic() - started < 5
    assert task.get()["status"]["state"] == "InProgress"
    assert runner.termination_message is None


def test_a_handler_that_is_still_being_imported_is_stopped_at_once(launched, pod):
    task = launched("endless_import:run")
    with pod(task) as runner:
        wait_for(lambda: "runs endless_import:run" in runner.log)
        runner.terminate()
        assert runner.wait(5) == 143
    assert task.get()["status"]["state"] == "InProgress"


def test_the_child_does_not_outlive_a_parent_that_was_killed(launched, pod, tmp_path):
    task = begun(launched, tmp_path, "work:cooperate")
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        (child,) = runner.children()
        runner.process.send_signal(signal.SIGKILL)
        runner.wait()
        wait_for(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    from pathlib import Path

    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()
