"""Exceptions by their names: a policy that is text decides about classes that only the handler's image has.

A name is a class with its module, unless it is built in. It means the class that it leads to where its module is loaded
(an exception of a module that is not cannot have been raised), and subclasses with it. Standard library only.
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

ExceptionName: TypeAlias = "str | type[BaseException]"
"""A class, or its name: ``ConnectionError``, ``"httpx.TransportError"``."""

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
EXCEPTION_PATTERN = f"^{_NAME}([.]{_NAME})*$"
"""``package.module.Class``, or a built-in class; in the dialect that RE2 and Python share."""
LONGEST_NAME = 253
"""Characters."""

_PATTERN = re.compile(EXCEPTION_PATTERN[1:-1])
_TIMEOUT_ERRORS = frozenset(
    {
        "TimeoutError",
        "builtins.TimeoutError",
        "asyncio.TimeoutError",
        "asyncio.exceptions.TimeoutError",
        "concurrent.futures.TimeoutError",
        "socket.timeout",
    }
)
"""Names of one class. They are listed because whoever asks may not have loaded the modules."""


def name_of(exception: ExceptionName) -> str:
    """Give the name of an exception's class, with its module unless it is built in."""
    if isinstance(exception, str):
        return exception
    if exception.__module__ == "builtins":
        return exception.__qualname__
    return f"{exception.__module__}.{exception.__qualname__}"


def is_one_of(type_: str, error: BaseException | None, names: Sequence[ExceptionName]) -> bool:
    """Tell whether a failure is one of these exceptions, or derived from one.

    Args:
        type_: name of what was raised.
        error: what was raised; where only its name is known, subclasses are known of built-in classes alone.
        names: classes, or their names.
    """
    wanted = {name_of(name) for name in names}
    if type_ in wanted:
        return True
    raised = type(error) if error is not None else getattr(builtins, type_, None)
    if not isinstance(raised, type):
        return False
    if any(name_of(ancestor) in wanted for ancestor in raised.__mro__ if issubclass(ancestor, BaseException)):
        return True
    return any(found is not None and issubclass(raised, found) for found in map(_resolved, names))


def has_timeout_error(names: Sequence[ExceptionName]) -> bool:
    """Tell whether ``TimeoutError`` itself is among these exceptions, by any of its names."""
    return any(name_of(name) in _TIMEOUT_ERRORS for name in names)


def _resolved(name: ExceptionName) -> type[BaseException] | None:
    """Find the class of a name among the modules that are loaded: libraries show classes under several names."""
    if not isinstance(name, str):
        return name
    module_name, _, attribute = name.rpartition(".")
    module = sys.modules.get(module_name or "builtins")
    found = getattr(module, attribute, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def name_fault(exception: object) -> str | None:
    """Say why something is no name of an exception; None where it is one."""
    if isinstance(exception, str):
        if len(exception) <= LONGEST_NAME and _PATTERN.fullmatch(exception):
            return None
        return (
            f"{exception!r} is no name of an exception; write its class, with its module unless it is built in, for "
            "example 'ConnectionError' or 'httpx.TransportError'"
        )
    if isinstance(exception, type) and issubclass(exception, BaseException):
        return None
    if isinstance(exception, BaseException):
        return f"{exception!r} is one exception; name its class, {name_of(type(exception))}"
    return f"{exception!r} is no exception; give a class, or its name"


def path_fault(exception: ExceptionName) -> str | None:
    """Say why the name of a class means nothing in another process; None where it does."""
    name = name_of(exception)
    if "<locals>" in name:
        return f"{name} is defined inside a function; move it to the top level of its module, or name a base class"
    if name.startswith("__main__."):
        return f"{name} is defined in the script that runs; move it into a module of the runner's image"
    return name_fault(name)


def unknown_names(names: Sequence[ExceptionName]) -> list[str]:
    """Give the names whose module is loaded and has no such exception: they are misspelt."""
    return [
        name
        for name in names
        if isinstance(name, str)
        and (name.rpartition(".")[0] or "builtins") in sys.modules
        and _resolved(name) is None
    ]
