"""How the command ends: its exit codes, and the failures that lead to them.

This table is what scripts rely on; docs/reference/cli.md has it in the user's words. ``evertask next`` is older and
keeps its own: 1 where a cluster gives no answer.
"""

from __future__ import annotations

from http import HTTPStatus

from evertask.errors import (
    ApiError,
    DispatchRefusedError,
    PermissionDeniedError,
    TaskCancelledError,
    TaskFailedError,
    TaskNotFoundError,
)

FAILED = 1
"""The task that was waited for failed, was cancelled, or did not run."""
CLUSTER = 1
"""Of ``evertask next``, and where the command itself is not complete: the answer is not to be had."""
INVALID = 2
"""What was asked is wrong: an option, a file, a document, or the task itself."""
NOT_FOUND = 3
"""There is no such task, run, pod or namespace (any more)."""
DENIED = 4
"""The cluster's access rules or policies forbid it, or the credentials are not accepted."""
UNAVAILABLE = 5
"""There is no cluster to ask: no API server, no usable kubeconfig, no EverTask in it."""
TIMEOUT = 124
"""The time for waiting is over; the task goes on. As timeout(1) has it."""
INTERRUPTED = 130
"""Ctrl-C. As shells have it."""

_BY_STATUS: dict[int, int] = {
    HTTPStatus.BAD_REQUEST: INVALID,
    HTTPStatus.CONFLICT: INVALID,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: INVALID,
    HTTPStatus.UNPROCESSABLE_ENTITY: INVALID,
    HTTPStatus.NOT_FOUND: NOT_FOUND,
    HTTPStatus.FORBIDDEN: DENIED,
}


class CommandFailedError(Exception):
    """The command cannot go on. Its message is the whole of what the person is told."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code."""


def code_of(error: BaseException) -> int:
    """Give the exit code for an error of the SDK."""
    match error:
        case CommandFailedError():
            return error.code
        case TaskFailedError() | TaskCancelledError():
            return FAILED
        case TaskNotFoundError():
            return NOT_FOUND
        case TimeoutError():
            return TIMEOUT
        case PermissionDeniedError():
            return DENIED
        case ApiError():
            return _BY_STATUS.get(error.status, UNAVAILABLE)
        case DispatchRefusedError():
            # What the API server refused keeps its own code: a policy, a namespace that is not there.
            return code_of(error.__cause__) if isinstance(error.__cause__, ApiError) else INVALID
        case _:
            return UNAVAILABLE
