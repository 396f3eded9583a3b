"""A runner that cannot reach the API server for ``fenceAfter`` ends its handler, whatever that does."""

from __future__ import annotations

import time

import pytest

from tests.support.runner_pods import RUN, wait_for

FENCE = 10.0
"""Seconds: the least that the schema takes."""


@pytest.fixture
def fenced(launched, tmp_path):
    """Make a fenced task of a handler that notes when it begins."""

    def make(handler: str, **spec):
        spec = {"gracePeriod": "3s", "fenceAfter": f"{FENCE:.0f}s"} | spec
        return launched(handler, payload={"folder": str(tmp_path)}, **spec)

    return make


@pytest.mark.parametrize("handler", ["work:sleep_deaf", "work:burn_deaf", "work:hold_interpreter_deaf"])
def test_a_deaf_handler_is_killed_when_the_limit_is_over(fenced, pod, proxy, tmp_path, handler):
    task = fenced(handler)
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        cut = time.monotonic()
        proxy.freeze()
        assert runner.wait(30) == 143
        assert FENCE / 2 < time.monotonic() - cut < FENCE + 2
    assert runner.termination_message is None
    assert task.get()["status"]["runs"][RUN]["phase"] == "Running"


def test_the_handler_has_its_grace_period_before(fenced, pod, proxy, tmp_path):
    task = fenced("work:cooperate")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        cut = time.monotonic()
        proxy.refuse()
        wait_for((tmp_path / "asked-Termination").exists, 12)
        assert time.monotonic() - cut < FENCE - 2
        assert runner.wait(5) == 143
    assert task.get()["status"]["state"] == "InProgress"


def test_a_runner_that_hears_from_the_api_server_goes_on(fenced, pod, proxy, tmp_path):
    task = fenced("work:wait_for_file")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        time.sleep(FENCE + 1)
        (tmp_path / "go").touch()
        assert runner.wait(10) == 0
    assert task.get()["status"]["state"] == "Completed"


def test_a_short_cut_does_no_harm(fenced, pod, proxy, tmp_path):
    task = fenced("work:wait_for_file")
    with pod(task, proxy.url) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.freeze()
        time.sleep(FENCE / 4)
        proxy.heal()
        time.sleep(FENCE)
        (tmp_path / "go").touch()
        assert runner.wait(10) == 0
    assert task.get()["status"]["state"] == "Completed"


def test_a_delay_is_fenced_too(fenced, pod, proxy, tmp_path):
    task = fenced("work:fail", retry={"limit": 3, "delay": "25s"})
    with pod(task, proxy.url) as runner:
        wait_for(lambda: task.get()["status"]["runs"][RUN].get("failedAttempts"))
        proxy.refuse()
        assert runner.wait(FENCE + 5) == 143
    assert task.get()["status"]["runs"][RUN]["failedAttempts"] == 1
