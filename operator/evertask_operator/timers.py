"""One heap of (instant, key): the operator's only sense of time. No task of the event loop sleeps per object."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskKey


class Timers:
    """Keys to wake at an instant; the newest instant said for a key replaces the one before."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, TaskKey]] = []
        self._due: dict[TaskKey, datetime] = {}

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: TaskKey, when: datetime | None) -> None:
        """Wake a key at an instant, or (None) not at all."""
        if when is None:
            self._due.pop(key, None)
        elif self._due.get(key) != when:
            self._due[key] = when
            heapq.heappush(self._heap, (when, key))
        if not self._due:
            self._heap.clear()
        elif len(self._heap) > 64 + 2 * len(self._due):
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def pop_due(self, now: datetime) -> list[TaskKey]:
        """Take out the keys whose instant has come, earliest first."""
        due: list[TaskKey] = []
        while self._heap and self._heap[0][0] <= now:
            when, key = heapq.heappop(self._heap)
            if self._due.get(key) == when:
                del self._due[key]
                due.append(key)
        return due

    def next_instant(self) -> datetime | None:
        """The next instant at which a key is due; None when there is none."""
        while self._heap:
            when, key = self._heap[0]
            if self._due.get(key) == when:
                return when
            heapq.heappop(self._heap)
        return None
