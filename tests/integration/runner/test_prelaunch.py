"""Runners that are started before their run's time: when they claim, when they start, and what wins meanwhile."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from evertask.api import protocol
from evertask.api.times import format_time, parse_time
from tests.support.runner_pods import REPOSITORY, RUN, RunnerPod, wait_for

if TYPE_CHECKING:
    from tests.support.tasks import StoredTask

START_SECONDS = 3.0
"""From the test's beginning to the nominal time: a runner is up by then on a busy machine."""

EARLY = protocol.CLAIM_LEAD_SECONDS + 0.05
"""How long before the nominal time a claim may be seen: test and runner read one clock, but not at the same moment."""


class Prelaunch(Protocol):
    """Makes a task whose run is due soon, and its runner."""

    def __call__(
        self,
        handler: str = ...,
        seconds: float = ...,
        *,
        server: str = ...,
        environment: dict[str, str] | None = ...,
        **spec: Any,
    ) -> tuple[StoredTask, RunnerPod, float]: ...


@pytest.fixture
def prelaunch(launched, pod) -> Prelaunch:
    """Make a task, its runner that is not started yet, and the Unix time at which it is due."""

    def make(
        handler: str = "work:nothing",
        seconds: float = START_SECONDS,
        *,
        server: str = "",
        environment: dict[str, str] | None = None,
        **spec: Any,
    ) -> tuple[StoredTask, RunnerPod, float]:
        task = launched(handler, **spec)
        due = round(time.time() + seconds, 3)
        text = format_time(datetime.fromtimestamp(due, UTC))
        task.patch_status({"runs": {RUN: {"scheduledTime": text}}})
        return task, pod(task, server, **{protocol.ENV_SCHEDULED_TIME: text}, **(environment or {})), due

    return make


def entry_of(task: StoredTask) -> dict[str, Any]:
    entry: dict[str, Any] = (task.get()["status"].get("runs") or {}).get(RUN, {})
    return entry


def seconds_of(entry: dict[str, Any], field: str) -> float:
    return parse_time(entry[field]).timestamp()


def sleep_until(unix_time: float) -> None:
    time.sleep(max(0.0, unix_time - time.time()))


def set_phase(task: StoredTask, phase: str) -> None:
    task.patch_status({"runs": {RUN: {"phase": phase}}})


def claimed(task: StoredTask) -> bool:
    return entry_of(task).get("phase") == "Running"


def test_the_handler_starts_at_the_nominal_time_and_not_before(prelaunch):
    task, runner, due = prelaunch("work:when")
    with runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert due <= status["result"] <= due + 1
    started = seconds_of(status["runs"][RUN], "startTime")
    assert due <= started <= status["result"]


def test_an_async_handler_starts_at_the_nominal_time_too(prelaunch):
    task, runner, due = prelaunch("work:when_async")
    with runner:
        assert runner.wait() == 0
    assert due <= task.get()["status"]["result"] <= due + 1


def test_the_runners_work_is_done_before_the_nominal_time(prelaunch):
    task, runner, due = prelaunch("work:Prepared", payload={"number": 1})
    with runner:
        assert runner.wait() == 0
    made, called = task.get()["status"]["result"]
    assert made < due <= called


def test_the_claim_comes_at_most_a_quarter_of_a_second_early(prelaunch):
    task, runner, due = prelaunch("work:when")
    with runner:
        wait_for(lambda: claimed(task))
        seen = time.time()
        assert runner.wait() == 0
    assert seen >= due - EARLY


def test_until_the_claim_nothing_is_written(prelaunch):
    task, runner, due = prelaunch()
    before = task.get()
    with runner:
        wait_for(lambda: "waits until" in runner.log)
        sleep_until(due - EARLY - 0.2)
        assert task.get() == before
        assert runner.wait() == 0


def test_the_claim_says_since_when_the_pod_was_ready_and_when_the_handler_will_start(prelaunch):
    task, runner, due = prelaunch("work:when")
    begun = time.time()
    with runner:
        wait_for(lambda: claimed(task))
        status = task.get()["status"]
        assert runner.wait() == 0
    assert begun < seconds_of(status["runs"][RUN], "readyTime") < due - EARLY
    if "endTime" not in status["runs"][RUN]:
        assert seconds_of(status["runs"][RUN], "startTime") == pytest.approx(due, abs=1e-5)
    assert parse_time(status["lastRunTime"]).timestamp() == pytest.approx(due, abs=1e-5)


def test_a_run_that_is_late_starts_at_once(prelaunch):
    task, runner, due = prelaunch("work:when", seconds=-60)
    begun = time.time()
    with runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert begun < status["result"] < begun + 30
    assert parse_time(status["lastRunTime"]).timestamp() > due + 59
    assert "waits until" not in runner.log


def test_the_context_tells_the_nominal_time(prelaunch):
    task, runner, _ = prelaunch("work:about")
    with runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert parse_time(status["result"]["scheduled"]) == parse_time(status["runs"][RUN]["scheduledTime"])


def test_a_held_run_starts_when_it_is_let_go(prelaunch):
    task, runner, due = prelaunch("work:when")
    set_phase(task, "Held")
    with runner:
        sleep_until(due + 0.5)
        assert entry_of(task)["phase"] == "Held"
        released = time.time()
        set_phase(task, "Launching")
        assert runner.wait() == 0
    assert released <= task.get()["status"]["result"] <= released + 2


def test_a_run_that_is_let_go_before_its_time_is_in_time(prelaunch):
    task, runner, due = prelaunch("work:when")
    set_phase(task, "Held")
    with runner:
        sleep_until(due - 0.6)
        set_phase(task, "Launching")
        assert runner.wait() == 0
    assert due <= task.get()["status"]["result"] <= due + 1


def withdraw(task):
    task.patch_status({"runs": {RUN: None}})


def move_on(task):
    task.patch_status({"launches": 2, "runs": {RUN: {"launch": 2}}})


def cancel(task):
    task.patch_spec({"cancel": True})


def delete(task):
    task.client("DELETE", task.path)


@pytest.mark.parametrize("phase", ["Launching", "Held"])
@pytest.mark.parametrize("change", [withdraw, move_on, cancel, delete], ids=lambda change: change.__name__)
def test_a_run_that_is_not_this_pods_any_more_is_left_without_a_trace(prelaunch, change, phase):
    task, runner, due = prelaunch("work:nothing")
    set_phase(task, phase)
    with runner:
        sleep_until(due - 0.7 if phase == "Launching" else due + 0.3)
        change(task)
        after = task.get()
        assert runner.wait(10) == 0
    assert "nothing to do: " in runner.log
    assert task.get() == after
    assert runner.termination_message is None


@pytest.mark.parametrize("phase", ["Launching", "Held"])
def test_sigterm_while_it_waits_ends_the_runner_and_its_child_at_once(prelaunch, phase):
    task, runner, _ = prelaunch("work:nothing", seconds=START_SECONDS if phase == "Held" else 600)
    set_phase(task, phase)
    with runner:
        wait_for(lambda: ("the run before is not over" if phase == "Held" else "waits until") in runner.log)
        before = task.get()
        (child,) = runner.children()
        runner.terminate()
        assert runner.wait(2) == 143
    assert not is_alive(child)
    assert task.get() == before
    assert runner.termination_message is None


def is_alive(pid: int) -> bool:
    from pathlib import Path

    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


@pytest.fixture
def long_lead(tmp_path) -> dict[str, str]:
    """Give the environment of a runner that claims 5 s early, so that much can happen between claim and instant."""
    folder = tmp_path / "long-lead"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "from evertask.api import protocol\nprotocol.CLAIM_LEAD_SECONDS = 5.0\n", "utf-8"
    )
    return {"PYTHONPATH": os.pathsep.join(map(str, (folder, REPOSITORY / "sdk", REPOSITORY / "runner")))}


@pytest.fixture
def claimed_early(prelaunch, tmp_path, long_lead):
    """Make a runner that is entered, has claimed, and waits for the instant of its handler."""
    with contextlib.ExitStack() as stack:

        def make(**spec: Any) -> tuple[StoredTask, RunnerPod]:
            payload = {"folder": str(tmp_path)}
            task, runner, _ = prelaunch(
                "work:sleep_deaf", seconds=6.0, payload=payload, environment=long_lead, **spec
            )
            stack.enter_context(runner)
            wait_for(lambda: claimed(task))
            return task, runner

        yield make
    assert not (tmp_path / "begun").exists()


def test_a_run_that_is_cancelled_between_claim_and_instant_never_starts(claimed_early):
    task, runner = claimed_early()
    cancel(task)
    runner.terminate()
    assert runner.wait(3) == 0
    status = task.get()["status"]
    assert (status["state"], status["message"]) == ("Cancelled", "cancelled; the handler had not started")
    assert "startTime" not in status["runs"][RUN]


def test_an_interruption_between_claim_and_instant_writes_nothing(claimed_early):
    task, runner = claimed_early()
    before = task.get()
    runner.terminate()
    assert runner.wait(3) == 143
    assert task.get() == before
    assert runner.termination_message is None


def test_neither_timeout_nor_start_deadline_counts_the_waiting(prelaunch, long_lead):
    task, runner, due = prelaunch("work:when", 6.0, environment=long_lead, timeout="1s", startDeadline="1s")
    with runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert status["state"] == "Completed", status["message"]
    assert status["result"] >= due


def test_the_handler_of_the_answer_decides_and_starts_no_earlier(prelaunch):
    task, runner, due = prelaunch("work:odd_result")
    task.patch_spec({"handler": "work:when"})
    with runner:
        assert runner.wait() == 0
    assert "names the handler work:when now" in runner.log
    assert due <= task.get()["status"]["result"] <= due + 2


def test_an_import_that_fails_is_reported_when_the_run_is_due(prelaunch):
    task, runner, due = prelaunch("broken:run")
    with runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert status["error"]["type"] == "HandlerImportFailed"
    assert seconds_of(status["runs"][RUN], "endTime") >= due - EARLY


def test_a_connection_that_is_lost_before_the_claim_is_made_anew(prelaunch, proxy):
    task, runner, due = prelaunch("work:when", server=proxy.url)
    with runner:
        sleep_until(due - protocol.CLAIM_LEAD_SECONDS - 0.3)
        proxy.refuse()
        proxy.heal()
        assert runner.wait() == 0
    assert due <= task.get()["status"]["result"] <= due + 2


@pytest.mark.parametrize("text", ["soon", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_is_named_in_log_and_termination_message(launched, pod, text):
    with pod(launched("work:nothing"), **{protocol.ENV_SCHEDULED_TIME: text}) as runner:
        assert runner.wait() == 78
    assert text in runner.log
    assert text in runner.termination_message["error"]["message"]
