"""Which policy decides after a failed attempt, and what becomes of its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evertask.retries import ExitRetry, Failure, NonRetryable, Retry
from evertask_runner.failures import RunFailure
from evertask_runner.policies import Decision, choose, decide, failure_of_death, told_of

OWN = Retry(limit=7)
FAILURE = Failure(1, ValueError("bad"), "ValueError")


class Answers:
    """Gives what it was made with, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def next_delay(self, failure: Failure) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def choice(policy: Any):
    return choose({"handler": "shop:Send"}, policy)


@pytest.mark.parametrize(
    ("document", "own", "limit", "name"),
    [
        pytest.param({"retry": {"limit": 5}, "defaultRetry": {"limit": 1}}, OWN, 5, "spec.retry", id="spec"),
        pytest.param({"defaultRetry": {"limit": 1}}, OWN, 7, "the retry policy of shop:Send", id="class"),
        pytest.param({"defaultRetry": {"limit": 1}}, None, 1, "the operator's default", id="default"),
        pytest.param({"defaultRetry": {}}, None, 3, "the operator's default", id="an-empty-default"),
        pytest.param({"retry": None, "defaultRetry": None}, None, 3, "the operator's default", id="nothing"),
    ],
)
def test_a_whole_policy_goes_before_a_whole_policy(document, own, limit, name):
    found = choose({"handler": "shop:Send", **document}, own)
    assert isinstance(found.policy, Retry)
    assert found.policy.limit == limit
    assert found.name.startswith(name)


def test_a_policy_gives_the_delay_and_how_many_attempts_there_are():
    assert decide(choice(Retry(limit=3, delay=timedelta(seconds=2))), FAILURE) == Decision(2.0, 4)
    assert decide(choice(Answers(timedelta(seconds=2))), FAILURE) == Decision(2.0, None)


def test_the_last_attempt_is_the_last():
    assert decide(choice(Retry(limit=1)), Failure(2, ValueError(), "ValueError")) is None
    assert decide(choice(Answers(None)), FAILURE) is None


def test_no_policy_is_asked_about_what_must_not_be_retried():
    failure = Failure(1, NonRetryable("no such customer"), "evertask.retries.NonRetryable")
    assert decide(choice(Answers(AssertionError("asked"))), failure) is None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            KeyError("x"),
            "the retry policy of shop:Send raised KeyError: 'x' when it was asked about attempt 1",
        ),
        (
            5,
            "the retry policy of shop:Send gave 5 when it was asked about attempt 1 (ValueError); next_delay",
        ),
        (timedelta(seconds=-1), "gave datetime.timedelta(days=-1, seconds=86399)"),
        (timedelta(hours=722), "from 0 to 720 hours"),
    ],
    ids=["raises", "a-number", "negative", "a-month"],
)
def test_an_answer_that_is_none_fails_the_run(answer, text):
    with pytest.raises(RunFailure) as caught:
        decide(choice(Answers(answer)), FAILURE)
    assert text in str(caught.value)
    assert caught.value.type == "HandlerInvalid"


def test_the_parent_is_told_what_it_can_decide_by():
    plain = Retry(limit=2, on_exit=ExitRetry("Fail", (9,)))
    assert told_of(plain) == {"exits": plain.to_spec(), "deaths": plain.to_spec()}
    assert told_of(Retry(limit=2, when=lambda _: True)) == {
        "exits": {"limit": 0},
        "deaths": Retry(limit=2).to_spec(),
    }
    assert told_of(Answers(None)) == {"exits": {"limit": 0}, "deaths": None}


class Derived(Retry):
    """Decides by code of its own."""


def test_a_policy_that_no_text_can_say_is_asked_itself():
    class LocalError(Exception):
        """Has no path by which another process could find it."""

    assert told_of(Derived(limit=2)) == {"exits": {"limit": 0}, "deaths": None}
    assert told_of(Retry(only_for=[LocalError])) == {"exits": {"limit": 0}, "deaths": None}


def test_a_death_is_a_failure_without_an_exception():
    told = {"attempt": 2, "type": "OutOfMemory", "isTimeout": False, "exitCode": 137, "message": "m"}
    assert failure_of_death(told) == Failure(2, None, "OutOfMemory", is_timeout=False, exit_code=137)
