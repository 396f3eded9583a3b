"""What a handler is made with."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Context
from evertask.retries import Retry
from evertask_runner.dependencies import make_handler, own_retry, own_timeout, set_up
from evertask_runner.failures import RunFailure
from evertask_runner.loops import Loop

if TYPE_CHECKING:
    from shop.databases import Unknown  # type: ignore[import-not-found]  # there is none: it cannot be evaluated

    from evertask import Dispatcher


class Database: ...


class Cache: ...


DATABASE, CACHE = Database(), Cache()
PROVIDED = {Database: DATABASE, Cache: CACHE, "region": "eu"}


def made(handler_class: type, provided: Any = PROVIDED, context: Context | None = None) -> Any:
    return make_handler("shop:H", handler_class, provided, context or Context())


@dataclass
class Wired:
    database: Database
    cache: Cache | None
    log: logging.Logger
    region: str
    limit: int = 5
    seen: list[str] = field(default_factory=list)


def test_a_dataclass_is_filled_by_type_then_by_name_and_keeps_its_defaults():
    handler = made(Wired)
    assert (handler.database, handler.cache, handler.region) == (DATABASE, CACHE, "eu")
    assert (handler.log.name, handler.limit, handler.seen) == ("evertask.handler", 5, [])


class Positional:
    def __init__(self, database: Database, /, *rest: Any, region: Any, **more: Any) -> None:
        self.got = (database, rest, region, more)


def test_every_kind_of_parameter_is_filled():
    assert made(Positional).got == (DATABASE, (), "eu", {})


class Unevaluated:
    def __init__(self, dispatcher: Dispatcher, other: Unknown | None) -> None:
        self.got = (dispatcher, other)


def test_an_annotation_that_cannot_be_evaluated_meets_the_type_of_its_name():
    unknown = type("Unknown", (), {})
    dispatcher, value = object(), object()
    context = Context(dispatcher=dispatcher)  # type: ignore[arg-type]  # only passed on
    assert made(Unevaluated, {unknown: value}, context).got == (dispatcher, value)


class Plain: ...


class Needs:
    def __init__(self, database: Database, clock: str) -> None: ...


def test_a_plain_class_is_just_made():
    assert isinstance(made(Plain, {}), Plain)


def test_a_parameter_that_nothing_provides_is_named_with_the_way_out():
    with pytest.raises(RunFailure) as caught:
        made(Needs)
    assert caught.value.type == "HandlerInvalid"
    assert str(caught.value) == (
        "spec.handler 'shop:H': nothing provides Needs's parameter 'clock' (str); return it from a function setup() "
        "in shop, as {str: ...}, or give it a default"
    )


def test_a_value_of_the_users_goes_before_what_is_always_provided():
    class Logs:
        def __init__(self, log: logging.Logger) -> None:
            self.log = log

    mine = logging.getLogger("mine")
    assert made(Logs, {logging.Logger: mine}).log is mine


async def provides() -> dict[Any, Any]:
    return PROVIDED


def raises() -> None:
    raise ConnectionError("away")


@pytest.mark.parametrize(
    ("setup", "provided"),
    [(provides, PROVIDED), (lambda: PROVIDED, PROVIDED), (lambda: None, {})],
    ids=["async", "sync", "nothing"],
)
def test_setup_provides(setup, provided):
    loop = Loop()
    assert set_up("shop:H", setup, loop) == provided
    loop.close()


@pytest.mark.parametrize(
    ("setup", "text"),
    [
        (raises, "setup() of shop raised ConnectionError: away"),
        (lambda: [1], "setup() of shop returned list; return a dict"),
        (lambda needed: None, "setup() of shop raised TypeError"),
        (5, "setup() of shop is of type int"),
    ],
    ids=["raises", "list", "parameters", "number"],
)
def test_a_setup_that_cannot_be_used_says_so(setup, text):
    with closing(Loop()) as loop, pytest.raises(RunFailure) as caught:
        set_up("shop:H", setup, loop)
    assert caught.value.type == "HandlerInvalid"
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), (timedelta(0), 0.0), (timedelta(minutes=1), 60.0)]
)
def test_a_handler_may_have_a_timeout_of_its_own(value, seconds):
    assert own_timeout("shop:H", type("H", (), {"timeout": value})) == seconds


@pytest.mark.parametrize("value", [30, timedelta(seconds=-1)])
def test_a_timeout_that_is_none_is_refused(value):
    with pytest.raises(RunFailure, match=r"H\.timeout is .*; it is the longest time that handle may take"):
        own_timeout("shop:H", type("H", (), {"timeout": value}))


class Policy:
    def next_delay(self, failure: object) -> None:
        """Never."""


@pytest.mark.parametrize("policy", [None, Retry(limit=1), Policy()], ids=["none", "Retry", "own"])
def test_a_handler_class_may_have_a_policy(policy):
    assert own_retry("m:H", type("H", (), {"retry": policy})) is policy


@pytest.mark.parametrize("policy", [3, Policy, "Retry()"], ids=["number", "class", "text"])
def test_something_else_in_its_place_is_named(policy):
    with pytest.raises(RunFailure, match=r"H\.retry is .*; write a policy such as Retry") as caught:
        own_retry("m:H", type("H", (), {"retry": policy}))
    assert caught.value.type == "HandlerInvalid"
