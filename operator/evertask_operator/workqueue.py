"""A queue of keys in which a key stands at most once, and is worked on by one worker at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evertask_operator.records import TaskKey


class WorkQueue:
    """Keys that need a look. A key added while it is worked on comes up once more afterwards."""

    def __init__(self) -> None:
        self._order: deque[TaskKey] = deque()
        self._waiting: set[TaskKey] = set()
        self._working: set[TaskKey] = set()
        self._again: set[TaskKey] = set()
        self._filled = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: TaskKey) -> None:
        """Ask for a look at a key."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._order.append(key)
            self._filled.set()

    def drop(self, key: TaskKey) -> None:
        """No longer ask for a look at a key."""
        self._waiting.discard(key)

    def close(self) -> None:
        """Hand out no more keys: the workers end after what they have."""
        self._closed = True
        self._filled.set()

    async def take(self) -> TaskKey | None:
        """Wait for a key; it belongs to the caller until ``done``. None once the queue is closed."""
        while not self._waiting and not self._closed:
            self._order.clear()
            self._filled.clear()
            await self._filled.wait()
        if self._closed:
            return None
        key = self._order.popleft()
        while key not in self._waiting:  # dropped
            key = self._order.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def claim(self, key: TaskKey) -> bool:
        """Take a certain key, out of turn, unless it is worked on: then it comes up once more afterwards.

        Returns:
            Whether it belongs to the caller now, until ``done``.
        """
        if key in self._working:
            self._again.add(key)
            return False
        self._waiting.discard(key)
        self._working.add(key)
        return True

    def done(self, key: TaskKey) -> None:
        """Give a key back."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
