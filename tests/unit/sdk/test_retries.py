"""What a policy decides: which failures are retried, how often, and after which delays."""

from __future__ import annotations

import asyncio
import pickle
import socket
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertask import ExitRetry, Failure, NonRetryable, Retry, RetryAfter, RetryPolicy
from evertask.exception_names import name_of, unknown_names

SECOND = timedelta(seconds=1)
HOURS_720 = timedelta(hours=720)


class SoldOutError(LookupError):
    pass


class RefusedError(NonRetryable, OSError):
    pass


class BusyError(RetryAfter):
    pass


HERE = SoldOutError.__module__


def failed(error: BaseException | None = None, *, attempt: int = 1, **facts: Any) -> Failure:
    named = name_of(type(error)) if error is not None else "HandlerProcessDied"
    return Failure(attempt, error, facts.pop("type", named), **facts)


@pytest.mark.parametrize(
    ("policy", "error", "is_retried"),
    [
        pytest.param({}, ValueError(), True, id="any-by-default"),
        pytest.param({}, asyncio.CancelledError(), True, id="a-cancellation-that-nobody-asked-for"),
        pytest.param({"only_for": [LookupError]}, KeyError("a"), True, id="only-for-a-base-class"),
        pytest.param({"only_for": [KeyError]}, LookupError(), False, id="only-for-is-not-for-its-base"),
        pytest.param({"only_for": ["LookupError"]}, SoldOutError(), True, id="only-for-a-name"),
        pytest.param({"only_for": [f"{HERE}.SoldOutError"]}, SoldOutError(), True, id="name-with-module"),
        pytest.param({"only_for": ["SoldOutError"]}, SoldOutError(), False, id="name-without-its-module"),
        pytest.param({"only_for": ["socket.timeout"]}, TimeoutError(), True, id="alias-of-a-class"),
        pytest.param({"only_for": ["socket.error"]}, ConnectionError(), True, id="alias-of-a-base"),
        pytest.param({"only_for": ["builtins.OSError"]}, ConnectionError(), True, id="built-in-with-module"),
        pytest.param({"only_for": ["no_such.Error", "OSError"]}, OSError(), True, id="module-not-loaded"),
        pytest.param({"only_for": ["sys.path"]}, OSError(), False, id="name-of-something-else"),
        pytest.param({"not_for": [KeyError]}, KeyError("a"), False, id="not-for"),
        pytest.param({"not_for": ["LookupError"]}, SoldOutError(), False, id="not-for-subclasses"),
        pytest.param({"not_for": [KeyError]}, ValueError(), True, id="all-others"),
        pytest.param({"when": lambda error: "busy" in str(error)}, OSError("busy"), True, id="when"),
        pytest.param({"when": lambda error: "busy" in str(error)}, OSError("gone"), False, id="when-not"),
        pytest.param({"when": lambda _: True, "only_for": [KeyError]}, OSError(), True, id="when-over-only"),
        pytest.param({"when": lambda _: False, "not_for": [KeyError]}, OSError(), False, id="when-over-not"),
        pytest.param({"when": lambda _: True}, NonRetryable(), False, id="non-retryable-over-when"),
        pytest.param({"only_for": [OSError]}, RefusedError(), False, id="derived-non-retryable-over-only"),
        pytest.param({"only_for": [KeyError]}, RetryAfter(1), True, id="retry-after-over-only"),
        pytest.param({"not_for": [Exception]}, BusyError(1), True, id="derived-retry-after-over-not"),
        pytest.param({"when": lambda _: False}, RetryAfter(1), True, id="retry-after-over-when"),
        pytest.param({"not_for": [OSError]}, TimeoutError(), False, id="timeout-error-of-the-handler"),
        pytest.param({}, TimeoutError(), True, id="timeout-error-of-the-handler-by-default"),
    ],
)
def test_which_exceptions_are_retried(policy, error, is_retried):
    assert Retry(**policy).is_retried(failed(error)) is is_retried


@pytest.mark.parametrize(
    ("policy", "is_retried"),
    [
        pytest.param({}, False, id="default"),
        pytest.param({"only_for": [TimeoutError]}, True, id="class"),
        pytest.param({"only_for": ["ValueError", "TimeoutError"]}, True, id="name"),
        pytest.param({"only_for": ["asyncio.TimeoutError"]}, True, id="alias"),
        pytest.param({"only_for": [OSError]}, False, id="its-base-is-not-it"),
        pytest.param({"not_for": [KeyError]}, False, id="not-for-says-nothing-of-it"),
        pytest.param({"when": lambda _: True}, False, id="nor-does-when"),
    ],
)
def test_a_timeout_is_retried_only_where_it_is_named(policy, is_retried):
    assert Retry(**policy).is_retried(failed(TimeoutError(), is_timeout=True)) is is_retried


@pytest.mark.parametrize(
    ("policy", "code", "is_retried"),
    [
        pytest.param({}, 137, True, id="default"),
        pytest.param({"not_for": ["OSError"]}, 1, True, id="not-for-says-nothing-of-it"),
        pytest.param({"only_for": ["OSError"]}, 1, False, id="only-for-is-for-exceptions"),
        pytest.param({"on_exit": ExitRetry("Fail")}, 137, False, id="fail"),
        pytest.param({"on_exit": ExitRetry("Retry"), "only_for": ["OSError"]}, 1, True, id="retry"),
        pytest.param({"on_exit": ExitRetry("Retry", [137, 139])}, 139, True, id="these-codes"),
        pytest.param({"on_exit": ExitRetry("Retry", [137])}, 2, False, id="no-others"),
        pytest.param({"on_exit": ExitRetry("Fail", [2])}, 2, False, id="not-these-codes"),
        pytest.param({"on_exit": ExitRetry("Fail", [2])}, 137, True, id="all-others"),
    ],
)
def test_which_exits_are_retried(policy, code, is_retried):
    assert Retry(**policy).is_retried(failed(exit_code=code)) is is_retried


@pytest.mark.parametrize(
    ("type_", "is_retried"),
    [
        pytest.param("OSError", True, id="the-name"),
        pytest.param("ConnectionResetError", True, id="built-in-subclass"),
        pytest.param("shop.errors.Gone", False, id="unknown-ancestors"),
        pytest.param("print", False, id="no-class"),
    ],
)
def test_an_exception_of_which_only_the_name_is_known(type_, is_retried):
    assert Retry(only_for=[OSError]).is_retried(failed(type=type_)) is is_retried


@pytest.mark.parametrize(
    ("policy", "members", "is_retried"),
    [
        pytest.param({"only_for": [OSError]}, [ConnectionError(), TimeoutError()], True, id="all-of-them"),
        pytest.param({"only_for": [OSError]}, [ConnectionError(), KeyError()], False, id="one-is-not"),
        pytest.param({"not_for": [KeyError]}, [ConnectionError(), KeyError()], False, id="not-for-one"),
        pytest.param({}, [ConnectionError(), NonRetryable()], False, id="non-retryable"),
        pytest.param({"only_for": [ExceptionGroup]}, [KeyError()], True, id="the-group-is-named"),
        pytest.param(
            {"only_for": [OSError]}, [ExceptionGroup("inner", [TimeoutError()])], True, id="group-in-a-group"
        ),
    ],
)
def test_a_group_is_retried_where_each_of_its_exceptions_would_be(policy, members, is_retried):
    assert Retry(**policy).is_retried(failed(ExceptionGroup("several", members))) is is_retried


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        pytest.param(Retry(), [0.5, 0.5, 0.5, None], id="default"),
        pytest.param(Retry.none(), [None], id="none"),
        pytest.param(Retry(limit=2, delay=timedelta(0)), [0, 0, None], id="at-once"),
        pytest.param(Retry(delays=[SECOND, 5 * SECOND]), [1, 5, None], id="listed"),
        pytest.param(
            Retry(limit=5, delay=SECOND, backoff="Exponential", max_delay=5 * SECOND),
            [1, 2, 4, 5, 5, None],
            id="exponential-up-to-its-cap",
        ),
        pytest.param(
            Retry(limit=2, delay=SECOND, backoff="Exponential", max_delay=timedelta(0)),
            [0, 0, None],
            id="cap-below-the-delay",
        ),
    ],
)
def test_the_delay_before_each_retry(policy, delays):
    given_ = [policy.next_delay(failed(OSError(), attempt=1 + number)) for number in range(len(delays))]
    assert given_ == [None if seconds is None else timedelta(seconds=seconds) for seconds in delays]


def test_the_thousandth_retry_of_an_exponential_policy_has_a_delay():
    policy = Retry(limit=1000, delay=SECOND, backoff="Exponential", max_delay=HOURS_720)
    assert policy.delay_before(1000, luck=0) == HOURS_720


@given(luck=st.floats(0, 1), retry=st.integers(1, 3))
def test_jitter_only_adds_and_never_more_than_its_bound(luck, retry):
    delay = Retry(delay=SECOND, jitter=4 * SECOND).delay_before(retry, luck)
    assert delay is not None
    assert SECOND <= delay <= 5 * SECOND


def test_jitter_is_drawn_anew_for_each_retry():
    policy = Retry(delay=SECOND, jitter=timedelta(hours=1))
    assert len({policy.next_delay(failed(OSError())) for _ in range(20)}) > 1


def test_retry_after_says_its_own_delay_without_jitter():
    assert Retry(jitter=SECOND).next_delay(failed(RetryAfter(90))) == timedelta(seconds=90)


def test_retry_after_uses_up_a_retry():
    policy = Retry(limit=1)
    assert policy.next_delay(failed(RetryAfter(90), attempt=2)) is None


@pytest.mark.parametrize(
    "delay",
    [
        pytest.param(-1, id="negative"),
        pytest.param(timedelta(hours=721), id="too-long"),
        pytest.param(float("nan"), id="no-number"),
        pytest.param(float("inf"), id="infinite"),
        pytest.param(1e300, id="beyond-all-bounds"),
    ],
)
def test_retry_after_refuses_a_delay_that_cannot_be(delay):
    with pytest.raises(ValueError, match="from 0 to 720 hours, not"):
        RetryAfter(delay)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        pytest.param(RetryAfter(90), "the handler asks to be called again after 1m30s", id="by-itself"),
        pytest.param(RetryAfter(SECOND, "quota"), "quota", id="with-a-message"),
    ],
)
def test_retry_after_has_a_message_and_goes_through_pickle(made, text):
    again = pickle.loads(pickle.dumps(made))
    assert (str(made), str(again)) == (text, text)
    assert again.delay == made.delay


def test_a_policy_of_your_own_is_any_object_with_the_method():
    class Patient:
        def next_delay(self, _: Failure) -> timedelta | None:
            return SECOND

    assert isinstance(Patient(), RetryPolicy)
    assert isinstance(Retry(), RetryPolicy)
    assert not isinstance(3, RetryPolicy)


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        pytest.param(["ConectionError"], ["ConectionError"], id="built-in"),
        pytest.param(["socket.timeuot"], ["socket.timeuot"], id="of-a-loaded-module"),
        pytest.param(["no_such.Error"], [], id="of-a-module-that-is-not-loaded"),
        pytest.param(["socket.timeout", "OSError", KeyError], [], id="right"),
        pytest.param(["socket.socket", "print"], ["socket.socket", "print"], id="no-exceptions"),
    ],
)
def test_misspelt_names_are_found_where_their_module_is_loaded(names, unknown):
    assert socket.timeout is TimeoutError
    assert unknown_names(names) == unknown
