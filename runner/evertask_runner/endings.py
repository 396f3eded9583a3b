"""How a handler's exception is read: as an answer to the request to stop, by its name, and for the callbacks."""

from __future__ import annotations

import sys

from evertask.api.protocol import ErrorType
from evertask.context import REASON_TERMINATION, REASON_TIMEOUT, CancellationRequested
from evertask_runner.failures import RunFailure


class FormerError(Exception):
    """What an attempt in another process failed with, where its own class cannot be made again by a message."""


def remembered(type_: str, message: str) -> Exception:
    """Make what ``on_retry`` is told of an attempt that failed in another process.

    Args:
        type_: of the error: an exception's class with its module, or one of EverTask's own types.
        message: of the error.

    Returns:
        An exception of that class where it is loaded and takes a message, otherwise a :class:`FormerError`.
    """
    module, _, name = type_.rpartition(".")
    found = getattr(sys.modules.get(module or "builtins"), name, None)
    if isinstance(found, type) and issubclass(found, Exception):
        try:
            made = found(message)
        except Exception:  # noqa: BLE001  (the user's class; it wants other arguments)
            return FormerError(f"{type_}: {message}")
        if isinstance(made, Exception):
            return made
    return FormerError(f"{type_}: {message}".rstrip(": "))


def named(error: BaseException) -> BaseException:
    """Give the failure that EverTask names itself where an exception has no meaning outside of its process."""
    if isinstance(error, SystemExit):
        return RunFailure(
            ErrorType.EXIT_CODE,
            f"the handler called sys.exit({error.code!r}); return to succeed, raise to fail",
            error,
        )
    return error


def exit_code_of(error: BaseException) -> int | None:
    """Give the exit code that ``sys.exit`` asked for, as Python makes it; None for any other exception."""
    if not isinstance(error, SystemExit):
        return None
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def was_stopped(error: BaseException) -> bool:
    """Tell whether an exception, or one that it was raised from, is an answer to the request to stop."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, (CancellationRequested, SystemExit, KeyboardInterrupt)) or _is_cancelled_error(
            current
        ):
            return True
        current = current.__cause__ or current.__context__
    return False


def _is_cancelled_error(error: BaseException) -> bool:
    # By name: asyncio and concurrent.futures have one each, and importing either is dear.
    return any(
        kind.__name__ == "CancelledError" and kind.__module__.partition(".")[0] in ("asyncio", "concurrent")
        for kind in type(error).__mro__
    )


def exception_of(raised: BaseException, reason: str, message: str) -> BaseException:
    """Give what ``on_error`` is told: one kind for a timeout and one for a cancellation, however the handler obeyed.

    Args:
        raised: what ended the handler.
        reason: of the request to stop, where that decided: ``Timeout`` or ``Termination``; empty otherwise.
        message: of the outcome.

    Returns:
        A ``TimeoutError`` or a ``CancellationRequested`` with what was raised as its cause; otherwise what was raised.
    """
    if reason == REASON_TIMEOUT:
        told: BaseException = TimeoutError(message)
    elif reason == REASON_TERMINATION and not isinstance(raised, CancellationRequested):
        told = CancellationRequested(REASON_TERMINATION)
    else:
        return raised
    told.__cause__ = raised
    return told
