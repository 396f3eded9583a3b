"""Background, delayed and scheduled tasks on Kubernetes.

The public names are loaded on first use: the runner imports ``evertask.api.protocol`` in every pod,
before any user code, and must not pay there for what only an application needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask.api.audit import AuditLevel as AuditLevel
    from evertask.api.protocol import State as State
    from evertask.api.recurrence import Recurrence as Recurrence
    from evertask.batches import Dispatch as Dispatch
    from evertask.batches import DispatchResult as DispatchResult
    from evertask.context import CancellationRequested as CancellationRequested
    from evertask.context import CancellationToken as CancellationToken
    from evertask.context import Context as Context
    from evertask.dispatcher import Dispatcher as Dispatcher
    from evertask.errors import ApiError as ApiError
    from evertask.errors import ApiUnavailableError as ApiUnavailableError
    from evertask.errors import ConfigurationError as ConfigurationError
    from evertask.errors import DispatchRefusedError as DispatchRefusedError
    from evertask.errors import EverTaskError as EverTaskError
    from evertask.errors import PermissionDeniedError as PermissionDeniedError
    from evertask.errors import TaskCancelledError as TaskCancelledError
    from evertask.errors import TaskFailedError as TaskFailedError
    from evertask.errors import TaskNotFoundError as TaskNotFoundError
    from evertask.recurrence.builder import FRI as FRI
    from evertask.recurrence.builder import MON as MON
    from evertask.recurrence.builder import SAT as SAT
    from evertask.recurrence.builder import SUN as SUN
    from evertask.recurrence.builder import THU as THU
    from evertask.recurrence.builder import TUE as TUE
    from evertask.recurrence.builder import WED as WED
    from evertask.recurrence.errors import RecurrenceError as RecurrenceError
    from evertask.registration import Registration as Registration
    from evertask.registration import TaskId as TaskId
    from evertask.retries import ExitRetry as ExitRetry
    from evertask.retries import Failure as Failure
    from evertask.retries import NonRetryable as NonRetryable
    from evertask.retries import Retry as Retry
    from evertask.retries import RetryAfter as RetryAfter
    from evertask.retries import RetryPolicy as RetryPolicy
    from evertask.sync_dispatcher import SyncDispatcher as SyncDispatcher
    from evertask.tasks import Handler as Handler
    from evertask.tasks import Task as Task
    from evertask.transient_errors import TRANSIENT_DATABASE_ERRORS as TRANSIENT_DATABASE_ERRORS
    from evertask.transient_errors import TRANSIENT_NETWORK_ERRORS as TRANSIENT_NETWORK_ERRORS
    from evertask.views import CancelOutcome as CancelOutcome
    from evertask.views import Page as Page
    from evertask.views import TaskEvent as TaskEvent
    from evertask.views import TaskView as TaskView

_HOMES = {
    "AuditLevel": "evertask.api.audit",
    "State": "evertask.api.protocol",
    "Recurrence": "evertask.api.recurrence",
    "Dispatch": "evertask.batches",
    "DispatchResult": "evertask.batches",
    "CancellationRequested": "evertask.context",
    "CancellationToken": "evertask.context",
    "Context": "evertask.context",
    "Dispatcher": "evertask.dispatcher",
    "ApiError": "evertask.errors",
    "ApiUnavailableError": "evertask.errors",
    "ConfigurationError": "evertask.errors",
    "DispatchRefusedError": "evertask.errors",
    "EverTaskError": "evertask.errors",
    "PermissionDeniedError": "evertask.errors",
    "TaskCancelledError": "evertask.errors",
    "TaskFailedError": "evertask.errors",
    "TaskNotFoundError": "evertask.errors",
    "FRI": "evertask.recurrence.builder",
    "MON": "evertask.recurrence.builder",
    "SAT": "evertask.recurrence.builder",
    "SUN": "evertask.recurrence.builder",
    "THU": "evertask.recurrence.builder",
    "TUE": "evertask.recurrence.builder",
    "WED": "evertask.recurrence.builder",
    "RecurrenceError": "evertask.recurrence.errors",
    "Registration": "evertask.registration",
    "TaskId": "evertask.registration",
    "ExitRetry": "evertask.retries",
    "Failure": "evertask.retries",
    "NonRetryable": "evertask.retries",
    "Retry": "evertask.retries",
    "RetryAfter": "evertask.retries",
    "RetryPolicy": "evertask.retries",
    "SyncDispatcher": "evertask.sync_dispatcher",
    "Handler": "evertask.tasks",
    "Task": "evertask.tasks",
    "TRANSIENT_DATABASE_ERRORS": "evertask.transient_errors",
    "TRANSIENT_NETWORK_ERRORS": "evertask.transient_errors",
    "CancelOutcome": "evertask.views",
    "Page": "evertask.views",
    "TaskEvent": "evertask.views",
    "TaskView": "evertask.views",
}

__all__ = [
    "FRI",
    "MON",
    "SAT",
    "SUN",
    "THU",
    "TRANSIENT_DATABASE_ERRORS",
    "TRANSIENT_NETWORK_ERRORS",
    "TUE",
    "WED",
    "ApiError",
    "ApiUnavailableError",
    "AuditLevel",
    "CancelOutcome",
    "CancellationRequested",
    "CancellationToken",
    "ConfigurationError",
    "Context",
    "Dispatch",
    "DispatchRefusedError",
    "DispatchResult",
    "Dispatcher",
    "EverTaskError",
    "ExitRetry",
    "Failure",
    "Handler",
    "NonRetryable",
    "Page",
    "PermissionDeniedError",
    "Recurrence",
    "RecurrenceError",
    "Registration",
    "Retry",
    "RetryAfter",
    "RetryPolicy",
    "State",
    "SyncDispatcher",
    "Task",
    "TaskCancelledError",
    "TaskEvent",
    "TaskFailedError",
    "TaskId",
    "TaskNotFoundError",
    "TaskView",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'evertask' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  (a runner never comes here)

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
