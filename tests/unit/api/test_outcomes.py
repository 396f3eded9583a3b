from __future__ import annotations

from typing import Any

import pytest

from evertask.api import protocol
from evertask.api.outcomes import (
    Outcome,
    apply_outcome,
    attempts_of,
    bounded,
    bounded_tail,
    is_one_shot,
    make_error,
)
from evertask.api.protocol import Phase

END = "2026-12-25T10:00:00Z"
ERROR = {"type": "ValueError", "message": "no such region", "time": END}

SUCCEEDED = Outcome(Phase.SUCCEEDED, END, result={"rows": 3}, attempt=1)
FAILED = Outcome(Phase.FAILED, END, error=ERROR, attempt=2)
CANCELLED = Outcome(Phase.CANCELLED, END)


def one_shot(outcome: Outcome, status: dict[str, Any] | None = None) -> dict[str, Any]:
    return apply_outcome(status or {}, "s1", outcome, one_shot=True)


def test_a_task_without_recurrence_is_one_shot() -> None:
    assert is_one_shot({"handler": "a:b"})
    assert not is_one_shot({"handler": "a:b", "recurrence": {"every": "1m"}})


STATES = {"Completed": SUCCEEDED, "Failed": FAILED, "Cancelled": CANCELLED}


@pytest.mark.parametrize(("state", "outcome"), STATES.items(), ids=STATES)
def test_a_one_shot_ends_with_its_run(state: str, outcome: Outcome) -> None:
    change = one_shot(outcome)

    assert (change["state"], change["finishTime"], change["nextRunTime"]) == (state, END, None)
    assert change["runs"]["s1"]["phase"] == outcome.phase


@pytest.mark.parametrize("outcome", STATES.values(), ids=STATES)
def test_of_a_series_only_the_run_and_its_yield_change(outcome: Outcome) -> None:
    assert set(apply_outcome({}, "s1", outcome, one_shot=False)) == {"runs", "result", "error"}


def test_a_success_removes_the_error_before_it() -> None:
    change = one_shot(SUCCEEDED, {"error": ERROR})

    assert (change["result"], change["error"]) == ({"rows": 3}, None)


def test_a_failure_removes_the_result_before_it() -> None:
    change = one_shot(FAILED, {"result": 1})

    assert (change["result"], change["error"]) == (None, ERROR)


MESSAGES = {
    "the handler returned": SUCCEEDED,
    "ValueError: no such region": FAILED,
    "KeyError": FAILED._replace(error={"type": "KeyError", "time": END}),
    "cancelled while it ran": CANCELLED,
    "the run failed": Outcome(Phase.FAILED, END),
    "said otherwise": CANCELLED._replace(message="said otherwise"),
}


@pytest.mark.parametrize(("message", "outcome"), MESSAGES.items(), ids=MESSAGES)
def test_the_message_says_what_happened(message: str, outcome: Outcome) -> None:
    assert one_shot(outcome)["message"] == message


def test_the_message_is_bounded() -> None:
    message = one_shot(CANCELLED._replace(message="x" * 5000))["message"]

    assert len(message) == protocol.MESSAGE_LIMIT
    assert message.endswith("x…")


COUNTS = {"runs": 5, "succeeded": 2, "failed": 3, "consecutiveFailures": 3, "missed": 1}


def test_a_success_ends_a_row_of_failures() -> None:
    assert one_shot(SUCCEEDED, {"counts": COUNTS})["counts"] == COUNTS | {
        "runs": 6,
        "succeeded": 3,
        "consecutiveFailures": 0,
    }


def test_a_failure_lengthens_the_row() -> None:
    assert one_shot(FAILED, {"counts": COUNTS})["counts"] == COUNTS | {
        "runs": 6,
        "failed": 4,
        "consecutiveFailures": 4,
        "retries": 1,
    }


def test_counting_begins_at_one() -> None:
    counts = one_shot(FAILED)["counts"]

    assert counts == {"runs": 1, "failed": 1, "consecutiveFailures": 1, "retries": 1}


def test_a_run_of_one_attempt_counts_no_retry() -> None:
    assert "retries" not in one_shot(SUCCEEDED)["counts"]


def test_a_cancelled_run_counts_its_retries_and_no_more() -> None:
    change = one_shot(CANCELLED._replace(attempt=3), {"counts": COUNTS | {"retries": 4}})

    assert change["counts"] == COUNTS | {"retries": 6}


@pytest.mark.parametrize(
    ("run", "attempt", "count"),
    [
        pytest.param({}, None, 0, id="never-called"),
        pytest.param({"attempt": 1}, None, 1, id="running"),
        pytest.param({"attempt": 2, "failedAttempts": 1}, None, 2, id="second"),
        pytest.param({"attempt": 2, "failedAttempts": 1}, 4, 4, id="the-runner-knows-more"),
        pytest.param({"failedAttempts": 2}, None, 2, id="given-back"),
    ],
)
def test_attempts_are_counted_that_have_begun(run: dict[str, Any], attempt: int | None, count: int) -> None:
    assert attempts_of(run, attempt) == count


def test_an_outcome_ends_the_wait_for_the_next_attempt() -> None:
    status = {"runs": {"s1": {"nextAttemptTime": END, "failedAttempts": 1}}}

    assert one_shot(CANCELLED, status)["runs"]["s1"]["nextAttemptTime"] is None


def test_a_cancelled_run_does_not_count() -> None:
    assert not {"counts", "lastSuccessTime", "lastFailureTime"} & set(one_shot(CANCELLED, {"counts": COUNTS}))


def test_the_time_of_success_or_failure_is_kept() -> None:
    assert one_shot(SUCCEEDED)["lastSuccessTime"] == END
    assert one_shot(FAILED)["lastFailureTime"] == END


def test_the_attempt_is_told_where_it_is_known() -> None:
    assert one_shot(FAILED)["runs"]["s1"]["attempt"] == 2
    assert "attempt" not in one_shot(CANCELLED)["runs"]["s1"]


def test_the_status_that_was_read_is_left_alone() -> None:
    status = {"counts": dict(COUNTS)}

    one_shot(FAILED, status)

    assert status == {"counts": COUNTS}


def test_an_error_fits_the_schema() -> None:
    error = make_error(
        "E" * 300, "m" * 3000, time=END, traceback="a" + "t" * 9000, attempt=1, log_tail="a" + "l" * 3000
    )

    lengths = {key: len(value) for key, value in error.items() if isinstance(value, str)}
    assert lengths == {"type": 256, "message": 2048, "time": 20, "traceback": 8192, "logTail": 2048}


def test_the_end_of_a_traceback_and_of_a_log_is_kept() -> None:
    error = make_error("E", "m", time=END, traceback="a" * 9000 + "innermost", log_tail="a" * 3000 + "last")

    assert error["traceback"].startswith("…a")
    assert error["traceback"].endswith("innermost")
    assert error["logTail"].endswith("last")


def test_what_an_error_does_not_have_it_does_not_say() -> None:
    assert make_error("E", "", time=END) == {"type": "E", "message": "", "time": END}


def test_a_text_within_its_bound_is_left_alone() -> None:
    assert (bounded("abc", 3), bounded_tail("abc", 3)) == ("abc", "abc")
    assert (bounded("abcd", 3), bounded_tail("abcd", 3)) == ("ab…", "…cd")


@pytest.mark.parametrize("one_shot", [True, False], ids=["one-shot", "series"])
def test_the_real_start_replaces_the_one_of_the_claim(*, one_shot: bool) -> None:
    started = SUCCEEDED._replace(start_time="2026-12-25T09:00:00.004Z")

    run = apply_outcome({}, "s1", started, one_shot=one_shot)["runs"]["s1"]

    assert run["startTime"] == "2026-12-25T09:00:00.004Z"


def test_a_start_that_is_not_known_better_is_left_alone() -> None:
    assert "startTime" not in one_shot(SUCCEEDED)["runs"]["s1"]


KEPT_MESSAGES = {
    "ValueError: no such region": FAILED,
    "cancelled: its pod was deleted": CANCELLED._replace(message="cancelled: its pod was deleted"),
    "the result was lost": SUCCEEDED._replace(message="the result was lost"),
}


@pytest.mark.parametrize(("message", "outcome"), KEPT_MESSAGES.items(), ids=KEPT_MESSAGES)
def test_the_run_of_a_series_keeps_its_message_for_the_history(message: str, outcome: Outcome) -> None:
    assert apply_outcome({}, "s1", outcome, one_shot=False)["runs"]["s1"]["message"] == message


def test_a_plain_success_needs_no_message_in_the_history() -> None:
    assert "message" not in apply_outcome({}, "s1", SUCCEEDED, one_shot=False)["runs"]["s1"]


def test_the_run_of_a_one_shot_leaves_the_message_to_the_task() -> None:
    assert "message" not in one_shot(FAILED)["runs"]["s1"]
