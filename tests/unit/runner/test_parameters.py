"""A plain function's parameters, read without inspect, are those that inspect finds."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from evertask_runner.parameters import Parameter, _by_inspection, read_parameters


def nothing(): ...
def several(a, b: int, c=1, d: str = "x"): ...
def positional_only(a, b=1, /, c=2): ...
def variadic(a, *args: int): ...
def keyword_only(a, *, b, c: int = 1): ...
def everything(a, /, b=1, *args, c, d: Any = None, **kwargs): ...
def local_variables(a):
    other, another = a, a
    return other, another


@functools.wraps(several)
def decorated(*args, **kwargs): ...


class Handlers:
    def handle(self, payload, ctx=None): ...
    async def handle_async(self, payload): ...
    def handle_all(*args): ...
    @classmethod
    def of_class(cls, payload): ...
    @staticmethod
    def of_no_class(payload): ...
    def __call__(self, payload): ...


@pytest.mark.parametrize(
    "function",
    [
        nothing,
        several,
        positional_only,
        variadic,
        keyword_only,
        everything,
        local_variables,
        lambda payload, x=1: payload,
        decorated,
        functools.partial(several, 1),
        Handlers().handle,
        Handlers().handle_async,
        Handlers().handle_all,
        Handlers.of_class,
        Handlers.of_no_class,
        Handlers(),
    ],
)
def test_the_parameters_are_those_that_inspect_finds(function):
    assert read_parameters(function) == _by_inspection(function)


def test_a_decorated_function_shows_what_it_wraps():
    assert [one.name for one in read_parameters(decorated)] == ["a", "b", "c", "d"]


def test_each_kind_is_told():
    assert read_parameters(everything) == [
        Parameter("a", "positional", False, None),
        Parameter("b", "positional", True, None),
        Parameter("args", "variadic", True, None),
        Parameter("c", "keyword-only", False, None),
        Parameter("d", "keyword-only", True, "Any"),
    ]


def test_what_tells_nothing_raises():
    with pytest.raises((TypeError, ValueError)):
        read_parameters(dict)
