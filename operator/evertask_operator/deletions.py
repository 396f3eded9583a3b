"""What may wait until it is deleted waits here: in order, at a bounded rate, beside the queue of what is due.

Thousands of tasks may expire in the same second. Each deletion makes the API server write, and the garbage collector
after it; and to look at them all before what is due would delay that. So their keys stand in a queue of their own,
whose few workers take one for each token of a bucket.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from evertask_operator.records import TaskKey

BURST_SHARE = 0.1
"""Deletions that may follow one another without a pause after a rest, as a share of those of a second: in no second are
there many more than the limit."""

LONGEST_NAP = timedelta(seconds=1)
"""The clock is looked at anew at least this often while a token is awaited: it may be set."""


class TokenBucket:
    """At most so many tokens per second on average, and so many at once after a rest."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._interval = timedelta(seconds=1 / per_second)
        self._reserve = self._interval * max(burst - 1, 0)
        self._next: datetime | None = None

    def take(self, now: datetime) -> timedelta:
        """Take a token.

        Returns:
            Zero: it was taken. Otherwise none was, and it is how long until there is one.
        """
        start = now - self._reserve
        if self._next is None or self._next < start:
            self._next = start
        if self._next > now + self._interval * 2 + self._reserve:  # the clock was set back
            self._next = now
        if self._next > now:
            return self._next - now
        self._next += self._interval
        return timedelta(0)

    def charge(self, now: datetime) -> None:
        """Take a token whether there is one or not, for what cannot wait: what can wait waits for it.

        The debt is bounded: when a flood of urgent deletions is over, the others go on at once.
        """
        if not self.take(now) or self._next is None:
            return
        self._next = min(self._next + self._interval, now + self._interval * 2)


class DeletionQueue:
    """Keys whose deletion waits its turn. A key stands in it at most once."""

    def __init__(self, per_second: int, clock: Callable[[], datetime]) -> None:
        """Begin with none.

        Args:
            per_second: how many are handed out at most.
            clock: tells the time.
        """
        self._bucket = TokenBucket(per_second, per_second * BURST_SHARE)
        self._clock = clock
        self._waiting: dict[TaskKey, None] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: TaskKey) -> bool:
        return key in self._waiting

    def add(self, key: TaskKey) -> None:
        """Let a key wait its turn."""
        self._waiting.setdefault(key)
        self._filled.set()

    def drop(self, key: TaskKey) -> None:
        """Nothing of this key is to be deleted any more, or it was done without waiting."""
        self._waiting.pop(key, None)

    def charge(self) -> None:
        """Count a deletion that did not wait."""
        self._bucket.charge(self._clock())

    async def take(self) -> TaskKey:
        """Wait for a key and a token for it."""
        while not self._waiting or not await self._token():
            if not self._waiting:
                self._filled.clear()
                await self._filled.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        return key

    async def token(self) -> None:
        """Wait for a token for a deletion that has no key."""
        while not await self._token():
            continue

    async def _token(self) -> bool:
        """Take a token, or nap where there is none."""
        wait = self._bucket.take(self._clock())
        if wait:
            await asyncio.sleep(min(wait, LONGEST_NAP).total_seconds())
        return not wait
