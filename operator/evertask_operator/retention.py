"""How many finished tasks a namespace keeps: which of them are beyond that number.

Those go first that finished first, and failed ones after all others: somebody may still want to know why. The finished
tasks of each namespace stand in that order in a list, so that the answer is a comparison with one place of the list. A
change costs a binary search and a shift of pointers (microseconds for ten thousand), never a look at all tasks.

A task that is held for its parent's open run is not counted here: it may not go, and nothing else should go instead.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.protocol import State
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskKey, TaskRecord


class Place(NamedTuple):
    """The place of a finished task in its namespace: the lowest goes first."""

    failed: bool
    finished: datetime
    name: str


def finish_time(task: TaskRecord) -> datetime:
    """When a finished task reached its final state; where nothing says it legibly, when it was created.

    A runner writes that time itself: one that cannot be read must not stop the operator.
    """
    try:
        return parse_time(task.status["finishTime"])
    except (KeyError, TypeError, ValueError):
        return task.created


def _place(task: TaskRecord) -> Place:
    return Place(task.state is State.FAILED, finish_time(task), task.key.name)


class FinishedTasks:
    """The finished tasks of each namespace, in the order in which they go."""

    def __init__(self, limit: int = 0) -> None:
        """Begin with none.

        Args:
            limit: how many finished tasks a namespace keeps; 0: all.
        """
        self._limit = limit
        self._places: dict[TaskKey, Place] = {}
        self._orders: dict[str, list[Place]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, task: TaskRecord) -> str | None:
        """Note a finished task.

        Returns:
            The name of a task in its namespace that is beyond the limit now, and was not before; None when there is
            none. (Where the task itself is beyond it, the name may be that of another one that was already.)
        """
        key, place = task.key, _place(task)
        if not self._limit or self._places.get(key) == place:
            return None
        self.drop(key)
        self._places[key] = place
        order = self._orders.setdefault(key.namespace, [])
        insort(order, place)
        beyond = len(order) - self._limit
        return order[beyond - 1].name if beyond > 0 else None

    def drop(self, key: TaskKey) -> None:
        """Forget a task: it is gone, or is not finished, or must stay."""
        place = self._places.pop(key, None)
        if place is None:
            return
        order = self._orders[key.namespace]
        del order[bisect_left(order, place)]
        if not order:
            del self._orders[key.namespace]

    def is_beyond_limit(self, key: TaskKey) -> bool:
        """Tell whether a task is among those that its namespace has too many of."""
        place = self._places.get(key)
        if place is None:
            return False
        order = self._orders[key.namespace]
        beyond = len(order) - self._limit
        return beyond > 0 and place <= order[beyond - 1]
