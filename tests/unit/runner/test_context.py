"""What a handler is told, and how it is asked to stop."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from evertask.context import LOGGER_NAME, CancellationRequested, CancellationToken, Context


def test_a_context_can_be_made_in_a_users_unit_test():
    context = Context(task_name="mail")
    context.progress(10)
    assert not context.cancellation.is_cancelled


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"percent": 0}, {"percent": 0}),
        ({"percent": 100, "message": "done"}, {"percent": 100, "message": "done"}),
        ({"message": "x" * 2000}, {"message": "x" * 1024}),
        ({"message": "a\ud800"}, {"message": "a?"}),
    ],
    ids=["zero", "both", "long", "surrogate"],
)
def test_progress_is_reported(arguments, value):
    reported: list[dict[str, Any]] = []
    Context(report=reported.append).progress(**arguments)
    assert reported == [value]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"percent": 101}, ValueError, "percent=101 is out of bounds"),
        ({"percent": -1}, ValueError, "percent=-1"),
        ({"percent": 0.5}, TypeError, "percent=0.5 is not a whole number"),
        ({"percent": True}, TypeError, "percent=True"),
        ({"message": 5}, TypeError, "message=5 is not a text"),
        ({}, ValueError, "needs a percentage"),
    ],
    ids=["high", "negative", "fraction", "bool", "message", "nothing"],
)
def test_senseless_progress_is_refused_by_name(arguments, error, text):
    with pytest.raises(error, match=text):
        Context().progress(**arguments)


def test_a_token_that_has_not_fired_is_silent():
    token = CancellationToken()
    token.raise_if_cancelled()
    assert (token.is_cancelled, token.reason, token.wait(0)) == (False, None, False)


def test_a_fired_token_says_why_and_stays_fired():
    token = CancellationToken()
    token.fire("Timeout")
    token.fire("Termination")
    assert (token.is_cancelled, token.reason, token.wait()) == (True, "Timeout", True)
    with pytest.raises(CancellationRequested, match="Timeout"):
        token.raise_if_cancelled()


@pytest.mark.parametrize("first", ["callback", "fire"])
def test_a_callback_is_called_once_before_or_after(first):
    token, calls = CancellationToken(), []
    steps = [lambda: token.on_fire(lambda: calls.append(1)), lambda: token.fire("Timeout")]
    for step in steps if first == "callback" else reversed(steps):
        step()
    token.fire("Timeout")
    assert calls == [1]


def configure(monkeypatch: pytest.MonkeyPatch, *root_handlers: logging.Handler) -> logging.Logger:
    """Put pytest's own handlers away: logging as in a fresh process, with these handlers at its root."""
    logger = logging.getLogger(LOGGER_NAME)
    monkeypatch.setattr(logging.getLogger(), "handlers", list(root_handlers))
    for name, value in (("handlers", []), ("propagate", True), ("level", 0)):
        monkeypatch.setattr(logger, name, value)
    return logger


def test_where_nothing_is_configured_the_logger_writes_from_info_up(monkeypatch):
    bare = configure(monkeypatch)
    assert Context().logger is Context().logger is bare
    assert (len(bare.handlers), bare.level) == (1, logging.INFO)


def test_logging_that_is_configured_stays_as_it_is(monkeypatch):
    configured = configure(monkeypatch, logging.NullHandler())
    assert Context().logger is configured
    assert configured.handlers == []


def test_a_dispatcher_of_the_tests_is_given_as_it_is():
    sync, plain = object(), object()
    context = Context(dispatcher=plain, sync_dispatcher=sync)  # type: ignore[arg-type]  # only passed on
    assert (context.dispatcher, context.sync_dispatcher) == (plain, sync)


def test_a_dispatcher_is_made_once_for_the_runs_namespace_and_closed():
    context = Context(namespace="shop")
    made = context.dispatcher
    assert context.dispatcher is made
    closed: list[Any] = []
    context.close(lambda closing: closed.append(closing.close()))
    assert closed == [None]
