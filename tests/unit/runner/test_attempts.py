"""The count of a run's attempts, and what is said of a failed one."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import MAX_FAILURES, MESSAGE_LIMIT, ErrorType, Phase
from evertask_runner.attempts import (
    Attempts,
    Next,
    failure_message,
    may_be_retried,
    next_time,
    running_message,
)
from evertask_runner.succession import dead, exit_code
from evertask_runner.supervision import Ended, Stop
from evertask_runner.verdicts import Verdict

NOW = datetime(2026, 12, 25, 10, tzinfo=UTC)
ERROR = make_error("ValueError", "bad", time="t")


def failed(count: int, entry: dict[str, Any] | None = None) -> Attempts:
    attempts = Attempts(entry or {"attempt": 1})
    for _ in range(count):
        attempts.fail(ERROR, Next(0.5, 4), NOW)
    return attempts


def test_before_a_failure_there_is_nothing_to_write():
    assert (failed(0).fields(), failed(0).closing_fields(), failed(0).retries) == ({}, {}, 0)


def test_a_failure_is_told_with_the_delay_that_follows():
    assert failed(1).fields() == {
        "failedAttempts": 1,
        "failures": [
            {
                "attempt": 1,
                "time": "2026-12-25T10:00:00Z",
                "type": "ValueError",
                "message": "bad",
                "delay": "500ms",
            }
        ],
    }


def test_the_newest_failure_is_first_and_only_so_many_are_kept():
    attempts = failed(MAX_FAILURES + 3)
    kept = [one["attempt"] for one in attempts.fields()["failures"]]
    assert kept == list(range(MAX_FAILURES + 3, 3, -1))
    assert (attempts.number, attempts.retries) == (MAX_FAILURES + 4, MAX_FAILURES + 3)


def test_another_pod_counts_on():
    attempts = failed(1, {"attempt": 3, "failedAttempts": 2, "failures": [{"attempt": 2}, {"attempt": 1}]})
    assert [one["attempt"] for one in attempts.fields()["failures"]] == [3, 2, 1]
    assert attempts.entry({"launch": 2}) == {"launch": 2, "attempt": 4, **attempts.fields()}


def test_the_outcome_ends_the_wait_for_an_attempt():
    assert failed(1).closing_fields()["nextAttemptTime"] is None


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (Next(1, 4), "attempt 1 of 4 failed: ValueError: bad; the next at 2026-12-25T10:00:01Z"),
        (Next(1, None), "attempt 1 failed: ValueError: bad; the next at 2026-12-25T10:00:01Z"),
    ],
    ids=["counted", "a-policy-that-does-not-say"],
)
def test_a_person_is_told_what_failed_and_when_the_next_begins(after, text):
    assert failure_message(ERROR, 1, after, next_time(after, NOW)) == text


def test_a_long_message_leaves_room_for_the_time():
    error = make_error("ValueError", "x" * 2000, time="t")
    text = failure_message(error, 1, Next(1, 4), NOW + timedelta(seconds=1))
    assert len(text) == MESSAGE_LIMIT
    assert text.endswith("…; the next at 2026-12-25T10:00:01Z")


def test_the_next_attempt_is_told_too():
    assert running_message(2, 4, "pod-a") == "attempt 2 of 4 runs in pod pod-a"
    assert running_message(2, None, "pod-a") == "attempt 2 runs in pod pod-a"


def verdict_of(phase: Phase, type_: str = "ValueError") -> Verdict:
    return Verdict(Outcome(phase, "t", error=make_error(type_, "bad", time="t")), only_if_cancelled=False)


def ended(message: Any = None, status: int | None = None, stop: Stop | None = None) -> Ended:
    return Ended(message, status, stop, killed=False)


@pytest.mark.parametrize(
    ("phase", "end", "expected"),
    [
        pytest.param(Phase.FAILED, ended(), True, id="failed"),
        pytest.param(Phase.FAILED, ended(stop=Stop.TIMEOUT), True, id="its-timeout"),
        pytest.param(Phase.FAILED, ended(stop=Stop.TERMINATION), True, id="failed-while-it-stopped"),
        pytest.param(Phase.FAILED, ended(stop=Stop.RUN_TIMEOUT), False, id="the-runs-timeout"),
        pytest.param(Phase.FAILED, ended(stop=Stop.START_DEADLINE), False, id="too-late"),
        pytest.param(Phase.FAILED, ended({"policyFailed": True}), False, id="the-policy-failed"),
        pytest.param(Phase.SUCCEEDED, ended(), False, id="succeeded"),
        pytest.param(Phase.CANCELLED, ended(stop=Stop.TERMINATION), False, id="cancelled"),
    ],
)
def test_a_policy_has_a_say_in_failures_alone(phase, end, expected):
    assert may_be_retried(verdict_of(phase), end) is expected


@pytest.mark.parametrize(
    ("status", "code"),
    [(9 << 8, 9), (signal.SIGKILL, 137), (signal.SIGSEGV | 0x80, 139), (0, 0), (None, 0)],
    ids=["exit", "signal", "core-dump", "zero", "unknown"],
)
def test_the_exit_code_is_a_shells(status, code):
    assert exit_code(status) == code


def test_a_policy_is_asked_about_a_death_by_its_code_and_about_a_timeout_by_its_name():
    died = dead(verdict_of(Phase.FAILED, ErrorType.OUT_OF_MEMORY), ended(status=signal.SIGKILL), 2)
    assert (died.attempt, died.type, died.is_timeout, died.exit_code) == (2, "OutOfMemory", False, 137)
    killed = dead(verdict_of(Phase.FAILED, ErrorType.TIMEOUT), ended(status=signal.SIGKILL), 1)
    assert (killed.is_timeout, killed.exit_code) == (True, None)
