"""Background, delayed and scheduled tasks on Kubernetes.

The public names are loaded on first use: the runner imports ``evertask.api.protocol`` in every pod,
before any user code, and must not pay there for what only an application needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask.api.protocol import State as State
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
    from evertask.tasks import Handler as Handler
    from evertask.tasks import Task as Task
    from evertask.views import CancelOutcome as CancelOutcome
    from evertask.views import TaskView as TaskView

_HOMES = {
    "State": "evertask.api.protocol",
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
    "Handler": "evertask.tasks",
    "Task": "evertask.tasks",
    "CancelOutcome": "evertask.views",
    "TaskView": "evertask.views",
}

__all__ = [
    "ApiError",
    "ApiUnavailableError",
    "CancelOutcome",
    "CancellationRequested",
    "CancellationToken",
    "ConfigurationError",
    "Context",
    "DispatchRefusedError",
    "Dispatcher",
    "EverTaskError",
    "Handler",
    "PermissionDeniedError",
    "State",
    "Task",
    "TaskCancelledError",
    "TaskFailedError",
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
