"""Room for Jobs: ``maxRunning`` overall and per namespace, handed out in the order in which tasks became due."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskKey

Turn = tuple["datetime", "TaskKey"]


class Slots:
    """Who has room, and who waits for it.

    A task keeps a slot for each of its runs, from before the run is opened until its Job is gone, so that there are
    never more Jobs than slots. Where its Job is only kept for its log, the slot is given up when another task needs
    it, oldest first; kept Jobs never take more than half of the slots.
    """

    def __init__(self, limit: int, limit_per_namespace: int = 0) -> None:
        self.limit = limit
        self.limit_per_namespace = limit_per_namespace
        self._holders: dict[TaskKey, int] = {}
        self._kept: dict[TaskKey, None] = {}
        self._taken = 0
        self._per_namespace: Counter[str] = Counter()
        self._queues: dict[str, list[Turn]] = defaultdict(list)
        self._due: dict[TaskKey, datetime] = {}

    @property
    def taken(self) -> int:
        """How many slots are taken."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many tasks wait for a slot."""
        return len(self._due)

    def holds(self, key: TaskKey) -> bool:
        """Whether a task has a slot."""
        return key in self._holders

    def take(self, key: TaskKey, count: int = 1) -> bool:
        """Give a task as many slots as it has runs and Jobs, whatever the limit: they are there already.

        Returns:
            Whether it has fewer than before: it may be another's turn now.
        """
        before = self._holders.get(key, 1 if key in self._kept else 0)
        if count > before:
            self.leave_queue(key)
        self._kept.pop(key, None)
        self._holders[key] = count
        self._note(key.namespace, count - before)
        return count < before

    def _note(self, namespace: str, more: int) -> None:
        self._taken += more
        self._per_namespace[namespace] += more
        if not self._per_namespace[namespace]:
            del self._per_namespace[namespace]  # namespaces come and go

    def keep(self, key: TaskKey) -> None:
        """Note that a task's Job is only kept for its log."""
        if key not in self._kept:
            self.take(key)
            del self._holders[key]
            self._kept[key] = None

    def give_up_kept(self) -> list[TaskKey]:
        """Name the tasks whose kept Jobs must go now; each is named once, and holds its slot until it is released."""
        surplus = max(
            len(self._kept) - self.limit // 2, self.taken + self.waiting - self.limit if self.waiting else 0
        )
        chosen = list(self._kept)[: max(0, surplus)]
        for namespace in self._queues if self.limit_per_namespace else ():
            if self._per_namespace[namespace] >= self.limit_per_namespace:
                chosen += [key for key in self._kept if key.namespace == namespace and key not in chosen][:1]
        for key in chosen:
            del self._kept[key]
            self._holders[key] = 1
        return chosen

    def ask(self, key: TaskKey, due: datetime, count: int = 1) -> bool:
        """Give a task a slot more if it is its turn; if not it stands in the queue.

        Args:
            key: the task.
            due: when it became due: its place in the queue.
            count: how many slots it has then, with those that it has already.
        """
        if self._holders.get(key, 0) >= count:
            return True
        self.stand_in_line(key, due)
        if not self._has_room_for_all(key.namespace) and self.next_turn() != key:
            return False
        self.take(key, count)
        return True

    def stand_in_line(self, key: TaskKey, due: datetime) -> None:
        """Let a task wait for a slot; the earliest due is served first."""
        if self._due.get(key) != due:
            self._due[key] = due
            queue = self._queues[key.namespace]
            heapq.heappush(queue, (due, key))
            if len(queue) > 64 + 2 * len(self._due):  # most of them have left it
                queue[:] = [turn for turn in queue if self._due.get(turn[1]) == turn[0]]
                heapq.heapify(queue)

    def full_because(self, key: TaskKey) -> str:
        """Say why a task that asked has no slot."""
        if self.taken < self.limit and self.limit_per_namespace:
            return f"maxRunningPerNamespace ({self.limit_per_namespace}) is reached in {key.namespace}"
        return f"maxRunning ({self.limit}) is reached"

    def _has_room_for_all(self, namespace: str) -> bool:
        """Whether everyone who waits fits in, so that nobody has to wait for those before."""
        if (
            self.limit_per_namespace
            and self._per_namespace[namespace] + self.waiting > self.limit_per_namespace
        ):
            return False
        return self.taken + self.waiting <= self.limit

    def release(self, key: TaskKey) -> bool:
        """Take a task's slot away; tells whether it had one. Who waits for one keeps the place in the queue."""
        if key not in self._holders and key not in self._kept:
            return False
        count = self._holders.pop(key, 1)
        self._kept.pop(key, None)
        self._note(key.namespace, -count)
        return True

    def forget(self, key: TaskKey) -> bool:
        """Take away the slot or the place in the queue of a task that is gone; tells whether it had either."""
        waited = self.leave_queue(key)
        return self.release(key) or waited

    def leave_queue(self, key: TaskKey) -> bool:
        """Forget that a task waits; tells whether it did (it may be another's turn now)."""
        waited = self._due.pop(key, None) is not None
        if not self._due:
            self._queues.clear()
        return waited

    def next_turn(self) -> TaskKey | None:
        """The task that may have a slot now; None when there is no room or nobody waits."""
        if self.taken >= self.limit:
            return None
        heads = [head for namespace in list(self._queues) if (head := self._head(namespace))]
        return min(heads)[1] if heads else None

    def _head(self, namespace: str) -> Turn | None:
        queue = self._queues[namespace]
        while queue and self._due.get(queue[0][1]) != queue[0][0]:
            heapq.heappop(queue)
        if not queue:
            del self._queues[namespace]
            return None
        full = self.limit_per_namespace and self._per_namespace[namespace] >= self.limit_per_namespace
        return None if full else queue[0]
