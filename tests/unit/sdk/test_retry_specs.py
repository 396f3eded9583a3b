"""A policy as ``spec.retry``: there and back, its bounds, and that the model of the API agrees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evertask import TRANSIENT_DATABASE_ERRORS, TRANSIENT_NETWORK_ERRORS, ConfigurationError, ExitRetry, Retry
from evertask.api.retry import RetryPolicy
from tests.support.bad_tasks import GOOD_SPECS
from tests.support.retry_policies import policies

SECOND = timedelta(seconds=1)


@given(policies)
def test_what_a_policy_writes_the_model_takes(policy):
    assert (
        RetryPolicy.model_validate(policy.to_spec()).model_dump(by_alias=True, exclude_none=True)
        == policy.to_spec()
    )


@given(policies)
def test_a_policy_that_was_written_reads_the_same(policy):
    again = Retry.from_spec(policy.to_spec())
    assert again.to_spec() == policy.to_spec()
    assert [again.delay_before(number, 0) for number in range(1, 34)] == [
        policy.delay_before(number, 0) for number in range(1, 34)
    ]


def test_lists_and_tuples_make_equal_policies():
    a = Retry(delays=[SECOND], only_for=["OSError"], on_exit=ExitRetry("Fail", [2]))
    b = Retry(delays=(SECOND,), only_for=("OSError",), on_exit=ExitRetry("Fail", (2,)))
    assert a == b == Retry.from_spec(a.to_spec())
    assert hash(a) == hash(b)


def test_a_list_that_is_changed_later_changes_no_policy():
    names_ = ["OSError"]
    policy = Retry(only_for=names_)
    names_.append("KeyError")
    assert policy.only_for == ("OSError",)


GOOD_POLICIES = {name: spec["retry"] for name, spec in GOOD_SPECS.items() if "retry" in spec}


@pytest.mark.parametrize("spec", GOOD_POLICIES.values(), ids=GOOD_POLICIES)
def test_what_the_api_server_takes_can_be_read(spec):
    assert Retry.from_spec(Retry.from_spec(spec).to_spec()) == Retry.from_spec(spec)


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        pytest.param({}, Retry(), id="empty"),
        pytest.param({"limit": 0}, Retry.none(), id="none"),
        pytest.param({"delay": "0"}, Retry(delay=timedelta(0)), id="zero"),
        pytest.param({"delays": ["1s", "1.5h"]}, Retry(delays=[SECOND, timedelta(hours=1.5)]), id="delays"),
        pytest.param({"onExit": {"action": "Fail"}}, Retry(on_exit=ExitRetry("Fail")), id="exit"),
        pytest.param(
            {
                "delay": "2s",
                "backoff": "Exponential",
                "maxDelay": "1m",
                "jitter": "1s",
                "notFor": ["KeyError"],
            },
            Retry(
                delay=2 * SECOND,
                backoff="Exponential",
                max_delay=60 * SECOND,
                jitter=SECOND,
                not_for=["KeyError"],
            ),
            id="all",
        ),
    ],
)
def test_a_spec_says_what_its_fields_say(spec, policy):
    assert Retry.from_spec(spec) == policy


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        pytest.param(
            {"limit": -1}, r"limit=-1 must be a whole number from 0 \(no retry\) to 1000", id="limit"
        ),
        pytest.param({"limit": 1001}, "limit=1001 must be", id="limit-too-high"),
        pytest.param({"limit": 1.5}, "limit=1.5 must be a whole number", id="limit-a-fraction"),
        pytest.param({"limit": True}, "limit=True must be a whole number", id="limit-a-truth"),
        pytest.param({"limit": None}, "limit=None must be a whole number", id="limit-none"),
        pytest.param({"delay": timedelta(-1)}, "delay=.* must be from 0 to 720 hours", id="delay-negative"),
        pytest.param({"delay": timedelta(days=31)}, "delay=31 days.* 720 hours", id="delay-too-long"),
        pytest.param({"delay": 5}, r"delay=5 must be a timedelta, such as", id="delay-a-number"),
        pytest.param({"max_delay": "5m"}, "max_delay='5m' must be a timedelta", id="max-delay-a-text"),
        pytest.param({"jitter": timedelta(hours=2)}, "jitter=2:00:00 must be from 0 to 1 hours", id="jitter"),
        pytest.param({"backoff": "Linear"}, "backoff='Linear' must be Fixed or Exponential", id="backoff"),
        pytest.param({"delays": [SECOND] * 33}, "delays has 33 entries; give at most 32", id="33-delays"),
        pytest.param({"delays": [SECOND, 5]}, r"delays\[1\]=5 must be a timedelta", id="delays-of-a-number"),
        pytest.param({"delays": [timedelta(-1)]}, r"delays\[0\]=.* from 0 to 720", id="delays-negative"),
        pytest.param({"delays": SECOND}, "delays=.* must be a list", id="delays-not-a-list"),
        pytest.param(
            {"delays": [SECOND], "limit": 5}, "leave out limit, or leave out delays", id="and-limit"
        ),
        pytest.param(
            {"delays": [SECOND], "backoff": "Exponential", "max_delay": SECOND},
            "leave out backoff, max_delay",
            id="delays-and-backoff",
        ),
        pytest.param({"only_for": [OSError], "not_for": [KeyError]}, "exclude each other", id="both-filters"),
        pytest.param(
            {"only_for": "OSError"}, r"only_for='OSError' must be a list .*\['OSError'\]", id="text"
        ),
        pytest.param({"not_for": OSError}, r"not_for=OSError must be a list .*\[OSError\]", id="class"),
        pytest.param({"only_for": ["OSError"] * 33}, "33 exceptions; give at most 32", id="33-names"),
        pytest.param({"only_for": [int]}, "only_for: <class 'int'> is no exception", id="no-exception"),
        pytest.param(
            {"only_for": [OSError("a")]}, "is one exception; name its class, OSError", id="instance"
        ),
        pytest.param({"not_for": ["my-shop.Error"]}, "not_for: 'my-shop.Error' is no name", id="hyphen"),
        pytest.param({"not_for": [""]}, "not_for: '' is no name of an exception", id="empty-name"),
        pytest.param({"not_for": ["a\n"]}, "is no name of an exception", id="line-break"),
        pytest.param({"not_for": ["a" * 254]}, "is no name of an exception", id="long-name"),
        pytest.param({"when": True}, "when=True must be a function", id="when"),
        pytest.param({"on_exit": "Fail"}, "on_exit='Fail' must be an ExitRetry", id="exit-a-text"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_where_it_is_written(fields, sentence):
    with pytest.raises(ConfigurationError, match=f"Retry: .*{sentence}"):
        Retry(**fields)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("Stop",), "action='Stop' must be Retry or Fail", id="action"),
        pytest.param(("Fail", 2), r"codes=2 must be a list, such as \[2\]", id="not-a-list"),
        pytest.param(("Fail", [0]), "codes has 0; they are whole numbers from 1 to 255", id="zero"),
        pytest.param(("Fail", [256]), "codes has 256", id="too-high"),
        pytest.param(("Fail", ["2"]), "codes has '2'", id="text"),
        pytest.param(("Fail", [True]), "codes has True", id="truth"),
        pytest.param(("Fail", range(1, 34)), "codes has 33 numbers; give at most 32", id="33-codes"),
    ],
)
def test_a_rule_for_exits_that_cannot_be_is_refused(arguments, sentence):
    with pytest.raises(ConfigurationError, match=f"ExitRetry: {sentence}"):
        ExitRetry(*arguments)


def raising() -> type[Exception]:
    class LocalError(Exception):
        pass

    return LocalError


class ScriptError(Exception):
    __module__ = "__main__"


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        pytest.param(Retry(when=bool), "cannot travel in a task; set it as the handler class's", id="when"),
        pytest.param(
            Retry(only_for=[raising()]), "only_for: .*defined inside a function; move it", id="local-class"
        ),
        pytest.param(
            Retry(not_for=[ScriptError]), "not_for: .*the script that runs; move it", id="class-of-a-script"
        ),
    ],
)
def test_what_a_spec_cannot_say_is_not_written(policy, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        policy.to_spec()


@given(
    limit=st.integers(-2, 1002),
    delay=st.timedeltas(timedelta(-1), timedelta(days=31)),
    jitter=st.timedeltas(timedelta(0), timedelta(hours=2)),
)
def test_policy_and_model_refuse_the_same(limit: int, delay: timedelta, jitter: timedelta):
    spec: dict[str, Any] = {"limit": limit, "delay": _short(delay), "jitter": _short(jitter)}
    assert _refuses(lambda: RetryPolicy.model_validate(spec), ValidationError) == _refuses(
        lambda: Retry(limit=limit, delay=delay, jitter=jitter), ConfigurationError
    )


def _short(span: timedelta) -> str:
    seconds, rest = divmod(abs(span) // timedelta(microseconds=1), 1_000_000)
    return f"{'-' if span < timedelta(0) else ''}{seconds}s{rest}us"


def _refuses(make: Any, kind: type[Exception]) -> bool:
    try:
        make()
    except kind:
        return True
    return False


@pytest.mark.parametrize("listed_", [TRANSIENT_NETWORK_ERRORS, TRANSIENT_DATABASE_ERRORS])
def test_the_lists_of_passing_errors_fit_a_policy_and_name_the_timeout(listed_):
    policy = Retry(only_for=listed_)
    assert RetryPolicy.model_validate(policy.to_spec()).only_for == list(listed_)
    assert len(set(listed_)) == len(listed_)
    assert "TimeoutError" in listed_
