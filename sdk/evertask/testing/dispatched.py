"""What an in-memory dispatcher has recorded of one dispatch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.registration import TaskId
    from evertask.tasks import Task


@dataclass(frozen=True)
class Dispatched:
    """One dispatch that has succeeded."""

    task: Task
    """What was dispatched: the very object."""
    options: Mapping[str, Any]
    """The arguments of ``dispatch`` that were given, by their names: ``delay``, ``task_key``, ``queue``."""
    id: TaskId
    """What the dispatch answered."""
    manifest: Mapping[str, Any] = field(repr=False)
    """The object that it asks the cluster for. Under a key there may be another one already: see ``id.outcome``."""
