"""The parameters of a handler.

A plain function tells them in its code object, without :mod:`inspect`, whose import costs 5 ms that every run would
pay. Everything else (decorated, partial, callable objects, functions written in C) is left to it.
"""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["positional", "variadic", "keyword-only"]

_CO_VARARGS = 0x04
"""``inspect.CO_VARARGS``: the function has ``*args``."""
_DISGUISES = {"__wrapped__", "__signature__", "__partialmethod__", "_partialmethod"}
"""Attributes by which a function shows other parameters than its own."""


class Parameter(NamedTuple):
    """One parameter that a caller may fill; ``**kwargs`` is left out."""

    name: str
    kind: Kind
    is_optional: bool
    annotation: Any
    """As it was written; None without one."""


def read_parameters(function: Callable[..., Any]) -> list[Parameter]:
    """Give the parameters of a function or bound method, in order.

    Raises:
        TypeError, ValueError: it tells nothing about them.
    """
    target = function.__func__ if type(function) is MethodType else function
    bound = target is not function
    if type(target) is FunctionType and not _DISGUISES & vars(target).keys():
        found = _of_plain_function(target)
        if not bound:
            return found
        if found and found[0].kind == "positional":
            return found[1:]
    return _by_inspection(function)


def _of_plain_function(function: FunctionType) -> list[Parameter]:
    code, annotations = function.__code__, function.__annotations__
    names, count = code.co_varnames, code.co_argcount
    required = count - len(function.__defaults__ or ())
    found = [
        Parameter(name, "positional", index >= required, annotations.get(name))
        for index, name in enumerate(names[:count])
    ]
    end = count + code.co_kwonlyargcount
    if code.co_flags & _CO_VARARGS:
        found.append(
            Parameter(names[end], "variadic", is_optional=True, annotation=annotations.get(names[end]))
        )
    defaults = function.__kwdefaults__ or {}
    found += [
        Parameter(name, "keyword-only", name in defaults, annotations.get(name)) for name in names[count:end]
    ]
    return found


def _by_inspection(function: Callable[..., Any]) -> list[Parameter]:
    import inspect  # noqa: PLC0415  (see the module's docstring)

    kinds: dict[Any, Kind] = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
        inspect.Parameter.VAR_POSITIONAL: "variadic",
        inspect.Parameter.KEYWORD_ONLY: "keyword-only",
    }
    empty = inspect.Parameter.empty
    return [
        Parameter(
            one.name,
            kinds[one.kind],
            one.kind is one.VAR_POSITIONAL or one.default is not empty,
            None if one.annotation is empty else one.annotation,
        )
        for one in inspect.signature(function).parameters.values()
        if one.kind in kinds
    ]
