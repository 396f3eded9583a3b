"""The standard handlers of every runner image."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.context import CancellationRequested, CancellationToken, Context
from evertask_runner import examples


def test_hello_greets(capsys):
    assert examples.hello({"name": "Ada"}) == {"greeting": "Hello, Ada!"}
    assert capsys.readouterr().out == "Hello, Ada!\n"


def test_echo_returns_the_payload():
    assert examples.echo({"a": [1]}) == {"a": [1]}


def test_fail_raises_what_it_is_told():
    with pytest.raises(ValueError, match="as told"):
        examples.fail({"message": "as told"})


def test_sleep_obeys_its_token():
    token = CancellationToken()
    token.fire("Termination")
    reported: list[dict[str, Any]] = []
    with pytest.raises(CancellationRequested):
        examples.sleep({"seconds": 60}, Context(cancellation=token, report=reported.append))
    assert reported == [{"percent": 0, "message": "slept 0 of 60 seconds"}]


def test_no_sleep_is_over_at_once():
    assert examples.sleep({"seconds": 0}, Context()) == {"slept": 0.0}
