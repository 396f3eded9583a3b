"""What the end of a handler means for its run."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from evertask.api.outcomes import make_error
from evertask.api.protocol import Phase
from evertask_runner.supervision import Ended, Stop
from evertask_runner.verdicts import (
    Durations,
    cancelled_in_delay,
    finally_failed,
    judge,
    too_late_for_another,
)

DURATIONS = Durations("5s", "30s", "15m")
OK = {"kind": "succeeded", "result": 1}
ERROR = make_error("ValueError", "bad", time="t", traceback="T")
RAISED = {"kind": "failed", "error": ERROR}
OBEYED = {"kind": "stopped", "error": make_error("CancelledError", "", time="t")}
EXITED_3 = 3 << 8


def verdict(
    message: Any,
    wait_status: int | None = None,
    stop: Stop | None = None,
    *,
    killed: bool = False,
    oom: bool = False,
    start: float | None = 1735689600.25,
    timeout: float | None = None,
    prepared: bool = False,
):
    ended = Ended(message, wait_status, stop, killed, start, timeout, prepared)
    return judge(ended, DURATIONS, attempt=1, now="then", out_of_memory=oom)


@pytest.mark.parametrize("stop", [None, *Stop])
def test_a_handler_that_returned_has_succeeded_whatever_was_asked(stop):
    given = verdict(OK, stop=stop)
    assert (given.outcome.phase, given.outcome.result, given.only_if_cancelled) == (Phase.SUCCEEDED, 1, False)


@pytest.mark.parametrize(
    ("message", "wait_status", "killed", "text"),
    [
        (OBEYED, None, False, "cancelled; the handler stopped when it was asked to"),
        (
            None,
            signal.SIGKILL,
            True,
            "cancelled; the handler was killed, because it had not stopped within spec.grace",
        ),
        (None, EXITED_3, False, "cancelled; the handler ended its process when it was asked to stop"),
    ],
    ids=["obeyed", "killed", "died"],
)
def test_after_sigterm_a_stopped_handler_is_cancelled_if_that_was_asked(message, wait_status, killed, text):
    given = verdict(message, wait_status, Stop.TERMINATION, killed=killed)
    assert (given.outcome.phase, given.only_if_cancelled) == (Phase.CANCELLED, True)
    assert given.outcome.message is not None
    assert given.outcome.message.startswith(text)


def test_a_handler_that_was_stopped_before_its_time_had_not_started():
    given = verdict(OBEYED, stop=Stop.TERMINATION, start=None)
    assert (given.outcome.phase, given.only_if_cancelled) == (Phase.CANCELLED, True)
    assert given.outcome.message == "cancelled; the handler had not started"


@pytest.mark.parametrize(
    ("message", "stop"),
    [(OK, None), (RAISED, None), (OBEYED, Stop.TERMINATION), (None, Stop.TIMEOUT)],
    ids=["succeeded", "failed", "cancelled", "timed-out"],
)
def test_every_outcome_tells_when_the_handler_started(message, stop):
    assert verdict(message, EXITED_3, stop).outcome.start_time == "2025-01-01T00:00:00.25Z"
    assert verdict(message, EXITED_3, stop, start=None).outcome.start_time is None


def error_of(given) -> dict[str, Any]:
    assert given.outcome.phase is Phase.FAILED
    assert not given.only_if_cancelled
    error: dict[str, Any] = given.outcome.error
    return error


def test_after_sigterm_a_failure_of_the_handlers_own_stands():
    assert error_of(verdict(RAISED, stop=Stop.TERMINATION))["type"] == "ValueError"


@pytest.mark.parametrize(
    ("message", "killed", "text"),
    [
        (
            None,
            True,
            "longer than spec.timeout 5s; it was killed, because it had not stopped within spec.gracePeriod 30s",
        ),
        (OBEYED, False, "longer than spec.timeout 5s; it stopped when it was asked to"),
        (RAISED, False, "longer than spec.timeout 5s; it then raised ValueError: bad"),
    ],
    ids=["killed", "obeyed", "raised"],
)
def test_after_a_timeout_everything_but_a_return_is_a_timeout(message, killed, text):
    error = error_of(verdict(message, None, Stop.TIMEOUT, killed=killed))
    assert error["type"] == "TimeoutError"
    assert text in error["message"]


def test_what_was_raised_after_a_timeout_keeps_its_traceback():
    assert error_of(verdict(RAISED, stop=Stop.TIMEOUT))["traceback"] == "T"


@pytest.mark.parametrize(
    ("wait_status", "oom", "type_", "text"),
    [
        (EXITED_3, False, "HandlerProcessDied", "exit code 3"),
        (0, False, "HandlerProcessDied", "exit code 0"),
        (signal.SIGSEGV, False, "HandlerProcessDied", "SIGSEGV"),
        (50, False, "HandlerProcessDied", "signal 50"),
        (signal.SIGKILL, False, "HandlerProcessDied", "SIGKILL"),
        (signal.SIGKILL, True, "OutOfMemory", "resources.limits.memory"),
        (signal.SIGSEGV, True, "HandlerProcessDied", "SIGSEGV"),
    ],
    ids=["exit", "exit-0", "signal", "real-time-signal", "killed", "memory", "signal-and-memory"],
)
def test_a_death_without_a_word_is_described(wait_status, oom, type_, text):
    error = error_of(verdict(None, wait_status, oom=oom))
    assert error["type"] == type_
    assert text in error["message"]


def test_an_import_that_never_ends_misses_the_start_deadline():
    error = error_of(verdict(None, signal.SIGKILL, Stop.START_DEADLINE, killed=True))
    assert error["type"] == "StartDeadlineExceeded"
    assert "15m" in error["message"]


def test_what_was_raised_is_the_error():
    assert error_of(verdict(RAISED)) == ERROR | {"attempt": 1}


def test_a_first_callback_that_never_returns_misses_the_start_deadline():
    error = error_of(verdict(None, signal.SIGKILL, Stop.START_DEADLINE, killed=True, prepared=True))
    assert (error["type"], error["message"]) == (
        "StartDeadlineExceeded",
        "on_started had not returned after spec.startDeadline 15m; move slow work from it into the handler",
    )


def test_what_stops_because_of_the_start_deadline_has_missed_it():
    assert error_of(verdict(OBEYED, None, Stop.START_DEADLINE))["type"] == "StartDeadlineExceeded"


def test_what_failed_by_itself_meanwhile_keeps_its_error():
    assert error_of(verdict(RAISED, None, Stop.START_DEADLINE))["type"] == "ValueError"


def test_a_timeout_of_the_handlers_own_is_named_so():
    error = error_of(verdict(OBEYED, None, Stop.TIMEOUT, timeout=2.5))
    assert error["message"].startswith("the handler took longer than its own timeout 2s500ms; it stopped")


def test_a_failure_before_the_timeout_was_heard_of_is_the_handlers_own():
    late = verdict(RAISED | {"heard": None}, stop=Stop.TIMEOUT)
    assert late.outcome.error is not None
    assert late.outcome.error["type"] == "ValueError"


def test_after_the_timeout_was_heard_of_it_is_a_timeout():
    given = verdict(RAISED | {"heard": "Timeout"}, stop=Stop.TIMEOUT)
    assert given.outcome.error is not None
    assert given.outcome.error["type"] == "TimeoutError"


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (1.0, "the run took longer than spec.runTimeout 1h; the handler stopped when it was asked to"),
        (None, "the run took longer than spec.runTimeout 1h; an attempt was still to begin"),
    ],
    ids=["running", "waiting"],
)
def test_the_limit_of_the_run_is_named(start, text):
    ended = Ended(OBEYED, None, Stop.RUN_TIMEOUT, killed=False, start=start)
    durations = DURATIONS._replace(run_timeout="1h")
    error = judge(ended, durations, attempt=2, now="then", out_of_memory=False).outcome.error
    assert error is not None
    assert (error["type"], error["message"]) == ("TimeoutError", text)


def test_a_policy_that_failed_goes_before_the_timeout_that_it_was_asked_about():
    given = verdict(RAISED | {"heard": "Timeout", "policyFailed": True}, stop=Stop.TIMEOUT)
    assert given.outcome.error is not None
    assert given.outcome.error["type"] == "ValueError"


@pytest.mark.parametrize("message", [OBEYED, RAISED, None], ids=["obeyed", "raised", "killed"])
def test_what_the_fence_ended_is_an_interruption(message):
    assert verdict(message, signal.SIGKILL, Stop.FENCED).only_if_cancelled


def test_a_run_that_is_stopped_in_a_delay_has_made_one_attempt_less():
    ended = Ended(OBEYED, None, Stop.TERMINATION, killed=False, prepared=True)
    durations = DURATIONS._replace(retrying=True)
    outcome = judge(ended, durations, attempt=3, now="then", out_of_memory=False).outcome
    assert (outcome.attempt, outcome.message) == (2, "cancelled; the handler waited for its attempt 3")


def test_on_retry_that_never_ends_is_named():
    ended = Ended(None, signal.SIGKILL, Stop.START_DEADLINE, killed=True, prepared=True)
    durations = DURATIONS._replace(retrying=True)
    error = judge(ended, durations, attempt=2, now="then", out_of_memory=False).outcome.error
    assert error is not None
    assert error["message"].startswith("on_retry had not returned after spec.startDeadline 15m")


def test_the_last_failure_says_that_it_is_the_last():
    given = verdict(RAISED)
    assert finally_failed(given, retries=0) == given
    assert (
        finally_failed(given, retries=1).outcome.message
        == "ValueError: bad (attempt 1, and no other follows)"
    )


def test_a_success_after_failures_is_a_plain_success():
    assert finally_failed(verdict(OK), retries=2) == verdict(OK)


def test_an_attempt_that_would_come_too_late_is_not_made():
    given = too_late_for_another(verdict(RAISED), DURATIONS._replace(run_timeout="1m"))
    text = "ValueError: bad; not tried again, for that would be after spec.runTimeout 1m"
    assert given.outcome.message == text
    assert finally_failed(given, retries=1) == given


def test_a_run_that_is_cancelled_while_it_is_given_back_waited():
    given = cancelled_in_delay(3, "then", 1735689600.25)
    assert given.only_if_cancelled
    assert (given.outcome.attempt, given.outcome.start_time) == (2, "2025-01-01T00:00:00.25Z")
