"""Options of a dispatch and of classes: who goes first, what stays in the class, and the sentences that refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evertask import ConfigurationError, DispatchRefusedError, Failure, Handler, Retry, Task
from evertask.options import Options, options_of


class Patient:
    def next_delay(self, failure: Failure) -> timedelta | None:
        return timedelta(0)


class Careful(Retry):
    """Decides by itself, so that no spec can say it."""


class Plain(Handler["Greeting"]):
    retry = Retry(limit=7)

    def handle(self, *_):
        return None


class Greeting(Task):
    handler = Plain


class Own(Greeting):
    retry = Retry.none()


def options(task_type: type[Task] = Greeting, **said: Any) -> dict[str, Any]:
    return options_of(task_type, Options(**said))


def greeting_of(policy: object) -> type[Task]:
    handler = type("Picky", (Plain,), {"retry": policy})
    return type("Picked", (Task,), {"handler": handler, "__module__": __name__})


@pytest.mark.parametrize(
    ("task_type", "said", "limit"),
    [
        pytest.param(Greeting, None, 7, id="handler-class"),
        pytest.param(Own, None, 0, id="task-class-over-handler-class"),
        pytest.param(Own, Retry(limit=2), 2, id="dispatch-over-both"),
    ],
)
def test_the_nearest_policy_holds(task_type, said, limit):
    assert options(task_type, retry=said)["retry"]["limit"] == limit


def test_a_policy_replaces_another_as_a_whole():
    policy = Retry(delays=[timedelta(seconds=1)], only_for=[OSError])
    assert options(retry=policy)["retry"] == {"delays": ["1s"], "onlyFor": ["OSError"]}


class LocalError(Exception):
    __qualname__ = "test.<locals>.LocalError"


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(Retry(when=bool), id="predicate"),
        pytest.param(Patient(), id="policy-of-your-own"),
        pytest.param(Careful(), id="subclass"),
        pytest.param(Retry(only_for=[LocalError]), id="exception-without-a-path"),
    ],
)
def test_what_only_python_can_say_stays_in_the_handler_class(policy):
    assert options(greeting_of(policy)) == {}


@pytest.mark.parametrize("policy", [3, Patient, {"limit": 3}], ids=["number", "class", "as-in-the-spec"])
def test_a_handler_class_with_something_else_as_its_policy_is_a_type_error(policy):
    with pytest.raises(TypeError, match=r"Picky.retry must be a Retry, or an object with next_delay"):
        options(greeting_of(policy))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        pytest.param(Retry(when=bool), "retry: Retry.when=…. is Python code.*handler class", id="predicate"),
        pytest.param(
            Retry(only_for=[LocalError]),
            "only_for: .*LocalError is defined inside a function",
            id="local-exception",
        ),
        pytest.param(
            Retry(not_for=["ValeuError"]),
            "ValeuError is no exception of Python.*shop.errors.ValeuError",
            id="misspelt",
        ),
    ],
)
def test_a_dispatch_refuses_a_policy_that_cannot_travel(policy, said):
    with pytest.raises(DispatchRefusedError, match=said) as refused:
        options(retry=policy)
    assert [cause.field for cause in refused.value.causes] == ["spec.retry"]


def test_names_of_other_modules_are_the_images_matter():
    policy = Retry(only_for=["httpx.TransportError", "sys.Nonsense"])
    assert options(retry=policy)["retry"]["onlyFor"] == ["httpx.TransportError", "sys.Nonsense"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        pytest.param({"retry": 3}, r"retry must be a Retry, such as Retry\(limit=5\), not 3", id="number"),
        pytest.param({"retry": Patient()}, "a policy of your own.*the handler class's", id="own-policy"),
        pytest.param({"retry": Careful()}, "retry must be a Retry", id="subclass"),
        pytest.param({"retry": {"limit": 3}}, "retry must be a Retry", id="as-in-the-spec"),
        pytest.param({"run_timeout": 5}, r"run_timeout must be a timedelta.*seconds=5", id="run-timeout"),
        pytest.param({"fence_after": 15.5}, r"fence_after must be a timedelta", id="fence-after"),
        pytest.param({"timeout": "5m"}, r"timeout must be a timedelta.*'5m'", id="timeout"),
        pytest.param({"max_interruptions": "3"}, "max_interruptions must be a whole number", id="text"),
        pytest.param({"max_interruptions": True}, "must be a whole number, not True", id="truth"),
        pytest.param({"max_interruptions": 2.5}, "must be a whole number, not 2.5", id="fraction"),
    ],
)
def test_an_option_of_another_type_is_a_type_error(said, sentence):
    with pytest.raises(TypeError, match=sentence):
        options(**said)


@pytest.mark.parametrize("name", ["run_timeout", "fence_after", "timeout"])
def test_a_negative_time_is_refused_by_its_name(name):
    said: dict[str, Any] = {name: timedelta(-1)}
    with pytest.raises(DispatchRefusedError, match=f"{name}: .*negative"):
        options(**said)


def test_zero_interruptions_are_said():
    assert options(max_interruptions=0)["maxInterruptions"] == 0


@pytest.mark.filterwarnings("ignore:.*shadows an attribute:UserWarning")
@pytest.mark.parametrize("name", ["retry", "run_timeout", "max_interruptions", "fence_after"])
def test_a_payload_field_may_not_have_the_name_of_an_option(name):
    with pytest.raises(ConfigurationError, match=rf'{name} is a payload field.*alias="{name}"'):
        type("Clumsy", (Task,), {"__annotations__": {name: int}, "__module__": __name__})
