"""What is left of an outcome that the API server refuses."""

from __future__ import annotations

from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import Phase
from evertask_runner.reporting import Report, reduced


def test_a_refused_result_fails_the_run_with_the_api_servers_sentence():
    outcome = reduced(Outcome(Phase.SUCCEEDED, "then", result={"a": 1}, attempt=2), "413 too large")
    assert (outcome.phase, outcome.result, outcome.attempt) == (Phase.FAILED, None, 2)
    assert outcome.error is not None
    assert "413 too large" in outcome.error["message"]


def test_a_refused_error_keeps_its_type_and_message_in_plain_text():
    error = make_error("E", "naïve", time="then", traceback="T", attempt=2)
    outcome = reduced(Outcome(Phase.FAILED, "then", error=error, attempt=2), "refused")
    assert outcome.error == {"type": "E", "message": "na?ve", "time": "then", "attempt": 2}


def test_only_an_unwritten_outcome_and_an_interruption_end_with_an_error():
    codes = {report.name: report.exit_code for report in Report}
    assert codes == {"COMMITTED": 0, "GONE": 0, "NOT_MINE": 0, "INTERRUPTED": 143, "UNREPORTED": 70}
