"""The errors that an application meets: a small tree, each with what to do about it.

    EverTaskError
    ├── ConfigurationError          credentials, cluster or code are not set up as they must be
    ├── ApiUnavailableError         the API server gave no usable answer
    ├── ApiError                    the API server answered, and said no
    │   ├── PermissionDeniedError   401, or 403 by the cluster's access rules
    │   ├── ConflictError           409
    │   └── ExpiredError            410: a watch has to begin again
    ├── DispatchRefusedError        this task cannot be dispatched as it is
    ├── TaskNotFoundError           there is no such task (any more)
    ├── TaskFailedError             the task ended as Failed
    └── TaskCancelledError          the task ended as Cancelled

Standard library only: importing an error costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evertask.views import TaskView

HOWTO = "docs/howto/dispatch-from-python.md"
"""The page whose Role the messages point to."""


class EverTaskError(Exception):
    """Base of all errors that EverTask raises on purpose."""


class ConfigurationError(EverTaskError):
    """Something has to be set up differently: credentials, the cluster, or the code that calls."""


class ApiUnavailableError(EverTaskError):
    """The API server could not be reached, or did not answer in time. ``__cause__`` has the reason.

    What was asked for may have been carried out all the same.
    """


class Cause(NamedTuple):
    """One reason of a refusal."""

    field: str
    """Path of the field, such as ``spec.delay``; empty where the server names none."""
    message: str


class ApiError(EverTaskError):
    """The API server answered with an error."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        causes: Sequence[Cause] = (),
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """The API server's own sentence."""
        self.status = status
        """HTTP status."""
        self.reason = reason
        """One CamelCase word of the API server, such as ``AlreadyExists``; empty where it gave none."""
        self.causes = tuple(causes)
        """The fields to blame."""
        self.details = dict(details or {})
        """``details`` of the answer as they came."""
        self.retry_after = retry_after
        """Seconds that the API server asks to wait for before the next try."""


class PermissionDeniedError(ApiError):
    """The credentials do not allow the call, or are not accepted at all."""


class ConflictError(ApiError):
    """The object exists already (reason ``AlreadyExists``) or has changed meanwhile (reason ``Conflict``)."""


class ExpiredError(ApiError):
    """The resourceVersion is too old: list again, then watch from there."""


class DispatchRefusedError(EverTaskError):
    """The task cannot be dispatched as it is; nothing was created or changed."""

    def __init__(self, message: str, *, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)
        """The fields to blame."""


class TaskNotFoundError(EverTaskError):
    """The task never existed, was deleted, or has expired after it finished (``ttlAfterFinished``)."""


class TaskFailedError(EverTaskError):
    """The task ended as Failed."""

    def __init__(self, view: TaskView) -> None:
        self.view = view
        """The task as it ended."""
        error = view.error
        self.error_type = error.type if error else ""
        """Class of the handler's exception, or one of EverTask's own error types."""
        self.error_message = error.message if error else ""
        """Message of the handler's exception."""
        self.error_traceback = error.traceback if error else None
        """Traceback in the runner, its innermost frames; None where there is none."""
        said = ": ".join(part for part in (self.error_type, self.error_message) if part)
        super().__init__(f"task {view.name} failed: {said or view.message or 'no reason was recorded'}")


class TaskCancelledError(EverTaskError):
    """The task ended as Cancelled."""

    def __init__(self, view: TaskView) -> None:
        self.view = view
        """The task as it ended."""
        super().__init__(f"task {view.name} was cancelled: {view.message or 'no reason was recorded'}")
