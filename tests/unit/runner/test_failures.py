"""Exceptions as they stand in the status."""

from __future__ import annotations

import pytest

from evertask.api import protocol
from evertask_runner.failures import RunFailure, describe


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Nested:
    class Error(Exception):
        pass


def caught(function) -> BaseException:
    with pytest.raises(BaseException) as error:  # noqa: PT011  (any)
        function()
    return error.value


def chain() -> None:
    try:
        ["outer"].index("inner")
    except ValueError as error:
        raise OSError("outer") from error


def recurse() -> None:
    recurse()


def raise_(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "type_"),
    [
        (ValueError("x"), "ValueError"),
        (Nested.Error("x"), f"{__name__}.Nested.Error"),
        (RunFailure(protocol.ErrorType.RESULT_TOO_LARGE, "x"), "ResultTooLarge"),
    ],
    ids=["builtin", "own", "named-by-evertask"],
)
def test_the_type_names_the_class_with_its_module_unless_it_is_built_in(error, type_):
    assert describe(error, 1)["type"] == type_


def test_the_traceback_has_all_causes():
    trace = describe(caught(chain), 1)["traceback"]
    assert "ValueError: 'inner' is not in list" in trace
    assert "direct cause" in trace
    assert trace.rstrip().endswith("OSError: outer")


def test_a_long_traceback_keeps_its_end():
    trace = describe(caught(lambda: raise_(ValueError("x" * 20_000 + "end"))), 1)["traceback"]
    assert len(trace) == protocol.TRACEBACK_LIMIT
    assert trace.rstrip().endswith("end")


def test_endless_recursion_fits():
    described = describe(caught(recurse), 1)
    assert described["type"] == "RecursionError"
    assert "repeated" in described["traceback"]


def test_an_exception_that_cannot_be_printed_is_reported_all_the_same():
    described = describe(caught(lambda: raise_(UnprintableError())), 1)
    assert "__str__ raised RuntimeError" in described["message"]


def test_text_that_utf_8_cannot_carry_is_replaced():
    described = describe(caught(lambda: raise_(ValueError("a\ud800b"))), 1)
    assert described["message"] == "a?b"
    described["traceback"].encode()


def test_the_attempt_and_the_time_are_told():
    described = describe(ValueError(), 3)
    assert described["attempt"] == 3
    assert described["time"].endswith("Z")
