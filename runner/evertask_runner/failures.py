"""Exceptions as ``status.error``: type, message, and the traceback without the runner's own frames."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evertask.api.outcomes import make_error
from evertask.api.protocol import ErrorType
from evertask.api.times import format_time

if TYPE_CHECKING:
    from types import TracebackType

    from evertask_runner.json_lines import Json
    from evertask_runner.loading import LoadFailure

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120  (pathlib is not loaded)
_EXAMPLES = _OWN_FOLDER + "examples.py"
_PYTHON_FOLDER = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_ENTRANCES = (
    "<frozen importlib",
    os.path.join(_PYTHON_FOLDER, "importlib", ""),  # noqa: PTH118
    os.path.join(_PYTHON_FOLDER, "asyncio", ""),  # noqa: PTH118
)
"""What stands between the runner and the user's first frame: Python's import and asyncio.run."""


class RunFailure(Exception):  # noqa: N818  (it is how a run fails, not a fault of the runner)
    """A failure that EverTask names itself, with one of its own error types."""

    def __init__(self, type_: ErrorType, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.type = type_
        self.cause = cause
        """The exception whose traceback belongs to the failure."""


def type_name(error: BaseException) -> str:
    """Name an exception's class: with its module, unless it is built in."""
    kind = type(error)
    return clean(
        kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    )


def message_of(error: BaseException) -> str:
    """Give an exception's text; an exception that cannot be printed says so."""
    try:
        return clean(str(error))
    except BaseException as broken:  # noqa: BLE001  (user code, which may raise SystemExit too; it is the message)
        return f"(its message cannot be shown: __str__ raised {type(broken).__name__})"


def clean(text: str) -> str:
    """Replace what UTF-8 cannot carry (lone surrogates)."""
    return text.encode("utf-8", "replace").decode()


def format_traceback(error: BaseException) -> str:
    """Write the traceback with all causes, beginning at the user's first frame."""
    import traceback  # noqa: PLC0415  (4 ms that a run without a failure need not pay)

    try:
        shown = traceback.TracebackException(
            type(error), error, _users_part(error.__traceback__), compact=True
        )
        return clean("".join(shown.format()))
    except BaseException as broken:  # noqa: BLE001  (user code: __str__ or __notes__ of an exception)
        return f"(the traceback cannot be shown: {type(broken).__name__})"


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _is_own(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_own(file: str) -> bool:
    if file.startswith(_OWN_FOLDER):
        return file != _EXAMPLES
    return file.startswith(_ENTRANCES)


def describe(error: BaseException, attempt: int) -> Json:
    """Make ``status.error`` from what a handler raised, or from a failure that EverTask names."""
    now = format_time(datetime.now(UTC))
    if isinstance(error, RunFailure):
        trace = format_traceback(error.cause) if error.cause is not None else None
        return make_error(error.type, clean(str(error)), time=now, traceback=trace, attempt=attempt)
    return make_error(
        type_name(error), message_of(error), time=now, traceback=format_traceback(error), attempt=attempt
    )


def describe_load_failure(failure: LoadFailure, attempt: int) -> Json:
    """Make ``status.error`` from a handler that could not be loaded."""
    if failure.refused:
        return describe(RunFailure(ErrorType.HANDLER_INVALID, failure.message), attempt)
    type_ = ErrorType.HANDLER_IMPORT_FAILED if failure.found else ErrorType.HANDLER_NOT_FOUND
    return describe(RunFailure(type_, failure.message, failure.exception), attempt)
