"""Handlers that fail and are called again: by which policy, after which delay, in which process, and what is told."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evertask.api import protocol
from evertask.api.times import format_time, parse_time
from tests.support.runner_pods import RUN, wait_for

FAST = {"limit": 3, "delay": "0s"}


def status_after(task, pod, **given: Any) -> dict[str, Any]:
    with pod(task, **given) as runner:
        assert runner.wait(40) == 0, runner.log
    status: dict[str, Any] = task.get()["status"]
    return status


@pytest.fixture
def retrying(launched, tmp_path):
    """Make a task of one of the handlers, with a folder for its log in the payload."""

    def make(handler: str, payload: dict[str, Any] | None = None, **spec: Any):
        return launched(f"retrying:{handler}", payload={"folder": str(tmp_path)} | (payload or {}), **spec)

    return make


def lines(tmp_path) -> list[str]:
    path = tmp_path / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_a_handler_that_fails_twice_succeeds_in_its_third_attempt(retrying, pod):
    status = status_after(retrying("flaky", {"failures": 2}, retry=FAST), pod)
    run = status["runs"][RUN]
    assert (status["state"], run["attempt"], run["failedAttempts"]) == ("Completed", 3, 2)
    assert [(one["attempt"], one["type"], one["delay"]) for one in run["failures"]] == [
        (2, "ConnectionError", "0s"),
        (1, "ConnectionError", "0s"),
    ]
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0, "retries": 2}


def test_each_attempt_gets_the_payload_as_it_was_written(retrying, pod):
    status = status_after(retrying("flaky", {"failures": 2}, retry=FAST), pod)
    assert status["result"] == "attempt 3, payload seen 1 time"


def test_the_last_failure_is_the_runs(retrying, pod):
    status = status_after(retrying("flaky", {"failures": 9}, retry={"limit": 1, "delay": "0s"}), pod)
    assert (status["state"], status["error"]["attempt"]) == ("Failed", 2)
    assert status["message"] == "ConnectionError: attempt 2 is refused (attempt 2, and no other follows)"
    assert status["runs"][RUN]["failedAttempts"] == 1


@pytest.mark.parametrize(
    ("handler", "payload", "spec", "attempts"),
    [
        pytest.param("flaky", {"failures": 9}, {}, 3, id="the-operators-default"),
        pytest.param("flaky", {"failures": 9}, {"retry": {"limit": 0}}, 1, id="the-spec"),
        pytest.param("OwnRetry", {"failures": 9}, {}, 2, id="the-class"),
        pytest.param("OwnRetry", {"failures": 9}, {"retry": {"limit": 0}}, 1, id="the-spec-before-the-class"),
        pytest.param("Choosy", {"failures": 9}, {}, 2, id="a-predicate"),
        pytest.param("Custom", {"failures": 9}, {}, 2, id="a-policy-of-the-users-own"),
        pytest.param("Custom", {"failures": 9, "die": True}, {}, 3, id="asked-in-another-process"),
        pytest.param("OwnRetry", {"failures": 9, "die": True}, {}, 2, id="the-class-after-a-death"),
        pytest.param("OwnExit", {"failures": 9, "die": True}, {}, 1, id="on-exit"),
        pytest.param("never_again", {}, {"retry": FAST}, 1, id="NonRetryable"),
        pytest.param("flaky", {"failures": 9}, {"retry": {**FAST, "notFor": ["OSError"]}}, 1, id="filtered"),
    ],
)
def test_one_policy_decides(retrying, pod, handler, payload, spec, attempts):
    defaults = json.dumps({"retry": {"limit": 2, "delay": "10ms"}, "holdPodSeconds": 30})
    status = status_after(retrying(handler, payload, **spec), pod, **{protocol.ENV_DEFAULTS: defaults})
    assert (status["state"], status["runs"][RUN]["attempt"]) == ("Failed", attempts)


RAISED = ["the retry policy of retrying:Broken raised AttributeError", "attempt 1 (ConnectionError)"]
NONSENSE = ["the retry policy of retrying:Nonsense gave 5", "gives a timedelta"]


@pytest.mark.parametrize(
    ("handler", "die", "parts"),
    [
        pytest.param("Broken", False, RAISED, id="raises"),
        pytest.param("Nonsense", False, NONSENSE, id="a-number"),
        pytest.param("Nonsense", True, NONSENSE, id="a-number-after-a-death"),
        pytest.param("NotAPolicy", False, ["NotAPolicy.retry is 3"], id="no-policy"),
    ],
)
def test_a_policy_that_cannot_be_used_fails_the_run_and_is_named(retrying, pod, handler, die, parts):
    status = status_after(retrying(handler, {"failures": 1, "die": die}), pod)
    assert (status["state"], status["error"]["type"]) == ("Failed", "HandlerInvalid")
    assert [part for part in parts if part not in status["error"]["message"]] == []


def test_a_handler_says_itself_when_to_come_back(retrying, pod):
    status = status_after(retrying("ask_for_more", {"seconds": 0.25}, retry={"limit": 1, "delay": "1h"}), pod)
    assert status["result"] == "attempt 2"
    assert status["runs"][RUN]["failures"][0]["delay"] == "250ms"


@pytest.mark.parametrize("handler", ["die", "be_killed"])
def test_after_the_death_of_the_process_another_one_goes_on(retrying, pod, handler):
    status = status_after(retrying(handler, retry=FAST), pod)
    assert status["result"] == "attempt 2"
    assert status["runs"][RUN]["failures"][0]["type"] == "HandlerProcessDied"


def test_a_handler_that_cannot_be_made_is_made_again(retrying, pod):
    status = status_after(retrying("SlowToMake", retry=FAST), pod)
    assert status["result"] == "attempt 2"


def test_on_retry_is_called_between_two_attempts_of_one_instance(retrying, pod):
    status = status_after(retrying("Told", {"failures": 2}, retry={"delays": ["10ms", "20ms"]}), pod)
    assert status["result"] == [
        "on_started",
        "handle 1",
        "on_retry 1 ConnectionError: attempt 1 0.01 2",
        "handle 2",
        "on_retry 2 ConnectionError: attempt 2 0.02 3",
        "handle 3",
    ]


def test_in_another_process_on_retry_is_told_by_name_and_message(retrying, pod):
    status = status_after(retrying("Told", {"failures": 1, "die": True}, retry=FAST), pod)
    assert status["result"][0] == "on_started"
    assert status["result"][1].startswith("on_retry 1 FormerError: HandlerProcessDied: ")
    assert status["result"][2] == "handle 2"


def test_a_relaunch_begins_with_the_attempt_that_it_is_told(retrying, pod):
    task = retrying("Told", {"failures": 1}, retry=FAST)
    failure = {
        "attempt": 1,
        "time": "2025-01-01T10:00:01Z",
        "type": "ValueError",
        "message": "bad",
        "delay": "1h",
    }
    task.patch_status({"runs": {RUN: {"failedAttempts": 1, "failures": [failure]}}})
    status = status_after(task, pod, **{protocol.ENV_ATTEMPT: "2"})
    assert status["result"] == ["on_started", "on_retry 1 ValueError: bad 3600 2", "handle 2"]
    assert (status["runs"][RUN]["attempt"], status["runs"][RUN]["failedAttempts"]) == (2, 1)
    assert status["counts"]["retries"] == 1


def test_after_the_last_attempt_on_error_is_called_once(retrying, pod, tmp_path):
    status_after(retrying("Told", {"failures": 9}, retry={"limit": 1, "delay": "0s"}), pod)
    (line,) = lines(tmp_path)
    assert line.startswith("on_error ConnectionError: attempt 2 after on_started | handle 1 | on_retry 1")


def test_the_status_tells_of_a_failed_attempt_while_the_next_is_waited_for(retrying, pod):
    task = retrying("flaky", {"failures": 1}, retry={"limit": 3, "delay": "3s"})
    with pod(task) as runner:
        run = wait_for(lambda: (entry := task.get()["status"]["runs"][RUN]).get("nextAttemptTime") and entry)
        message = task.get()["status"]["message"]
        assert runner.wait(20) == 0
    assert (run["phase"], run["attempt"], run["failedAttempts"]) == ("Running", 1, 1)
    assert message.startswith("attempt 1 of 4 failed: ConnectionError: attempt 1 is refused; the next at ")
    assert "nextAttemptTime" not in task.get()["status"]["runs"][RUN]


@pytest.mark.parametrize("how", ["sleep", "burn", "hold", "obey"])
def test_a_timeout_is_of_one_attempt_and_retried_where_it_is_named(retrying, pod, how, tmp_path):
    task = retrying(
        "hang",
        {"failures": 2, "how": how},
        timeout="300ms",
        gracePeriod="100ms",
        retry={**FAST, "onlyFor": ["TimeoutError"]},
    )
    status = status_after(task, pod)
    assert status["result"] == "attempt 3"
    assert [one["type"] for one in status["runs"][RUN]["failures"]] == ["TimeoutError", "TimeoutError"]


def test_an_async_handler_is_cancelled_in_each_attempt(retrying, pod, tmp_path):
    task = retrying(
        "hang_async", {"failures": 2}, timeout="300ms", retry={**FAST, "onlyFor": ["TimeoutError"]}
    )
    assert status_after(task, pod)["result"] == "attempt 3"
    assert lines(tmp_path) == ["attempt 1", "cleaned", "attempt 2", "cleaned", "attempt 3"]


def test_a_timeout_is_not_retried_where_it_is_not_named(retrying, pod):
    task = retrying("hang", {"failures": 1, "how": "obey"}, timeout="200ms", retry=FAST)
    status = status_after(task, pod)
    assert (status["state"], status["runs"][RUN]["attempt"]) == ("Failed", 1)


def test_the_run_as_a_whole_has_a_limit(retrying, pod):
    task = retrying("hang", {"failures": 9, "how": "sleep"}, runTimeout="1s", gracePeriod="100ms", retry=FAST)
    status = status_after(task, pod)
    assert status["error"]["type"] == "TimeoutError"
    assert status["error"]["message"].startswith(
        "the run took longer than spec.runTimeout 1s; the handler was"
    )


def test_no_attempt_begins_after_the_limit_of_the_run(retrying, pod):
    task = retrying("flaky", {"failures": 9}, runTimeout="5s", retry={"limit": 3, "delay": "10s"})
    begun = time.monotonic()
    status = status_after(task, pod)
    assert time.monotonic() - begun < 5
    assert status["error"]["type"] == "ConnectionError"
    assert "not tried again, for that would be after spec.runTimeout 5s" in status["message"]


def test_the_limit_of_the_run_counts_from_its_first_pod(retrying, pod, tmp_path):
    task = retrying("flaky", {"failures": 0}, runTimeout="1m", retry=FAST)
    first = format_time(datetime.now(UTC) - timedelta(minutes=2))
    task.patch_status({"runs": {RUN: {"failedAttempts": 1, "firstStartTime": first}}})
    status = status_after(task, pod, **{protocol.ENV_ATTEMPT: "2"})
    assert status["error"]["message"].startswith(
        "the run took longer than spec.runTimeout 1m; an attempt was"
    )
    assert lines(tmp_path) == []


def test_a_long_delay_gives_the_run_back(retrying, pod):
    task = retrying("flaky", {"failures": 1}, retry={"limit": 3, "delay": "1h"})
    status = status_after(task, pod)
    run = status["runs"][RUN]
    assert (status["state"], run["phase"], run["failedAttempts"]) == ("InProgress", "Backoff", 1)
    assert not {"podName", "readyTime", "startTime", "attempt", "progress"} & set(run)
    assert parse_time(run["nextAttemptTime"]) - parse_time(run["failures"][0]["time"]) == timedelta(hours=1)
    assert run["firstStartTime"] <= run["failures"][0]["time"]
    assert status["message"].startswith("attempt 1 of 4 failed: ConnectionError")


def test_how_long_a_pod_waits_is_the_operators_to_say(retrying, pod):
    task = retrying("flaky", {"failures": 1}, retry={"limit": 3, "delay": "500ms"})
    status = status_after(task, pod, **{protocol.ENV_DEFAULTS: '{"holdPodSeconds": 0.1}'})
    assert status["runs"][RUN]["phase"] == "Backoff"


def test_a_run_is_given_back_although_the_answer_is_lost(retrying, pod, proxy):
    task = retrying(
        "hang",
        {"failures": 1, "how": "obey"},
        timeout="1s",
        retry={"delay": "1h", "onlyFor": ["TimeoutError"]},
    )
    with pod(task, proxy.url) as runner:
        wait_for(lambda: task.get()["status"]["runs"][RUN]["phase"] == "Running")
        proxy.freeze()
        time.sleep(1.5)
        proxy.heal()
        assert runner.wait(40) == 0
    assert task.get()["status"]["runs"][RUN]["phase"] == "Backoff"


def test_a_run_that_was_cancelled_is_not_given_back(retrying, pod, tmp_path):
    task = retrying("FailsWhenTold", retry={"limit": 3, "delay": "1h"})
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        # Before anybody tells the pod to stop.
        task.patch_spec({"cancel": True})
        (tmp_path / "go").touch()
        assert runner.wait(20) == 0
    status = task.get()["status"]
    assert (status["state"], status["runs"][RUN]["phase"]) == ("Cancelled", "Cancelled")
    assert status["message"] == "cancelled; the handler waited for its attempt 2"
    (line,) = lines(tmp_path)
    assert line.startswith("on_error CancellationRequested: ")


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "interrupted"])
@pytest.mark.parametrize("die", [False, True], ids=["raised", "died"])
def test_a_delay_is_broken_off(retrying, pod, tmp_path, cancel, die):
    task = retrying("Told", {"failures": 1, "die": die}, retry={"limit": 3, "delay": "20s"})
    with pod(task) as runner:
        wait_for(lambda: task.get()["status"]["runs"][RUN].get("failedAttempts"))
        if cancel:
            task.patch_spec({"cancel": True})
        runner.terminate()
        assert runner.wait(10) == (0 if cancel else 143)
    status = task.get()["status"]
    if not cancel:
        assert (status["state"], lines(tmp_path)) == ("InProgress", [])
        return
    assert (status["state"], status["runs"][RUN]["attempt"]) == ("Cancelled", 1)
    assert status["message"] == "cancelled; the handler waited for its attempt 2"
    heard = [
        "on_error CancellationRequested: the handler was asked to stop (Termination) after on_started | handle 1"
    ]
    assert lines(tmp_path) == ([] if die else heard)


def test_the_pod_leaves_word_of_a_policy_that_the_operator_cannot_know(retrying, pod):
    task = retrying("OwnRetry", {"failures": 1}, retry=None)
    with pod(task) as runner:
        note = wait_for(lambda: runner.termination_message)
        assert runner.wait(20) == 0
    assert note["exits"] == {"retry": {"limit": 1, "delay": "50ms"}}
    assert (note["run"], note["launch"], "phase" in note) == (RUN, 1, False)


def test_another_attempt_meets_the_callbacks_errors_and_children_of_another_pod(retrying, pod):
    task = retrying("flaky", {"failures": 1}, retry=FAST)
    left = {
        "children": ["a"],
        "childrenCount": 1,
        "callbackErrors": [{"callback": "on_started", "message": "x"}],
    }
    task.patch_status({"runs": {RUN: left}})
    run = status_after(task, pod)["runs"][RUN]
    assert {field: run[field] for field in left} == left
