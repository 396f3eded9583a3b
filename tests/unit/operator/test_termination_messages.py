"""What a runner leaves in its termination message: an outcome that counts, or nothing that is trusted."""

from __future__ import annotations

import json

import pytest

from evertask.api.protocol import ErrorType, Phase, State
from evertask_operator.decisions import decide
from tests.support.situations import RUN, instant, make_task

CLAIMED = make_task(retry={"limit": 0}).claimed().with_job()
LAUNCHED = make_task().launched().with_job()


def said(**changes):
    outcome = {"run": RUN, "launch": 1, "phase": "Succeeded", "endTime": instant(seconds=9), "attempt": 1}
    return json.dumps({k: v for k, v in {**outcome, **changes}.items() if v is not ...})


def dead(task=CLAIMED, **pod):
    return task.with_pod(**{"phase": "Failed", "runner_ended": True, "exit_code": 1, **pod})


def status_of(task):
    status = decide(task.situation()).status
    assert status is not None
    return status


def test_a_success_in_the_termination_message_is_committed():
    status = status_of(dead(exit_code=70, termination_message=said(result={"rows": 3})))
    assert status["state"] == State.COMPLETED
    assert status["result"] == {"rows": 3}
    assert status["finishTime"] == instant(seconds=9)
    assert status["runs"][RUN]["phase"] == Phase.SUCCEEDED


def test_a_failure_in_the_termination_message_is_committed():
    error = {"type": "ValueError", "message": "no such order", "traceback": "tb", "attempt": 2}
    status = status_of(dead(termination_message=said(phase="Failed", error=error, attempt=2)))
    assert status["state"] == State.FAILED
    assert status["error"] == {**error, "time": instant(seconds=9)}
    assert status["message"] == "ValueError: no such order"


def test_the_message_of_an_unclaimed_launch_counts_too():
    # The claim's answer may have been lost together with everything that was written after it.
    assert status_of(dead(LAUNCHED, termination_message=said()))["state"] == State.COMPLETED


def test_a_result_that_did_not_fit_is_told():
    status = status_of(dead(termination_message=said(resultOmitted=True)))
    assert status["state"] == State.COMPLETED
    assert "too large for the termination message" in status["message"]


def test_fractions_and_offsets_of_the_end_are_written_in_utc():
    status = status_of(dead(termination_message=said(endTime="2026-11-24T13:00:00.250+01:00")))
    assert status["finishTime"] == instant(milliseconds=250)


NO_OUTCOMES = [
    pytest.param("", id="empty"),
    pytest.param("Traceback (most recent call last):", id="log-tail"),
    pytest.param("[]", id="list"),
    pytest.param('"done"', id="text"),
    pytest.param("{", id="cut"),
    pytest.param(said(run="s1"), id="another-run"),
    pytest.param(said(launch=2), id="another-launch"),
    pytest.param(said(launch="1"), id="launch-a-text"),
    pytest.param(said(launch=True), id="launch-a-truth"),
    pytest.param(said(run=...), id="no-run"),
    pytest.param(said(phase=...), id="no-phase"),
    pytest.param(said(endTime=...), id="no-end"),
    pytest.param(said(phase="Running"), id="open-phase"),
    pytest.param(said(phase="Exploded"), id="unknown-phase"),
    pytest.param(said(phase=[]), id="phase-a-list"),
    pytest.param(said(phase="Cancelled"), id="cancelled-though-nobody-asked"),
    pytest.param(said(endTime="now"), id="end-in-words"),
    pytest.param(said(endTime="2026-11-24T12:00:00"), id="end-without-zone"),
    pytest.param(said(attempt="first"), id="attempt-a-text"),
    pytest.param(said(attempt=-1), id="attempt-negative"),
    pytest.param(said(error="boom"), id="error-a-text"),
    pytest.param(said(error={"message": "no type"}), id="error-without-type"),
    pytest.param(said(error={"type": "E", "message": ["x"]}), id="error-message-a-list"),
    pytest.param(said(error={"type": "E", "time": "soon"}), id="error-time-in-words"),
    pytest.param(said(error={"type": "E", "traceback": ["x"]}), id="traceback-a-list"),
]


@pytest.mark.parametrize("message", NO_OUTCOMES)
def test_what_is_no_outcome_is_no_outcome(message):
    status = status_of(dead(termination_message=message))
    assert status["state"] == State.FAILED
    assert status["error"]["type"] == ErrorType.POD_FAILED


def test_a_message_is_not_read_while_the_runner_runs():
    plan = decide(CLAIMED.with_pod(termination_message=said()).situation())
    assert plan.status is None


def test_the_logs_tail_is_kept_where_the_pod_died_without_a_word():
    status = status_of(dead(termination_message="Segmentation fault"))
    assert status["error"]["logTail"] == "Segmentation fault"


def test_what_the_runner_says_of_itself_is_the_message():
    message = json.dumps({"error": {"type": "Misconfigured", "message": "the token is missing"}})
    status = status_of(dead(exit_code=78, termination_message=message))
    assert status["error"]["message"] == "the token is missing"
    assert "logTail" not in status["error"]
