"""The operator's clock: brings tasks up when their instant has come, and notices when it was not watching.

The loop comes round at least once a second. When it did not, the machine slept, the process was stopped, or the clock
was set: what was due meanwhile was missed, and everything is looked at anew.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from evertask_operator.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_operator.records import TaskKey

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""The clock is looked at least this often, so that a clock that was set is noticed."""

SHORT_BREAK = timedelta(seconds=5)
"""A longer break between two looks at the clock is one in which runs were missed."""


def wall_clock() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class Timekeeper:
    """Brings keys up when their instant has come."""

    def __init__(self, bring_up: Callable[[TaskKey], None], clock: Callable[[], datetime]) -> None:
        self._bring_up = bring_up
        self._clock = clock
        self._timers = Timers()
        self._timer_set = asyncio.Event()

    def wake_at(self, key: TaskKey, when: datetime | None) -> None:
        """Look at a task at an instant, or (None) not at all."""
        self._timers.set(key, when)
        if when is not None:
            self._timer_set.set()

    async def keep_time(self, beat: Callable[[], None], after_break: Callable[[datetime], None]) -> None:
        """Keep time, for ever.

        Args:
            beat: called each time round, as a sign of life.
            after_break: called with the time after a break in which runs may have been missed.
        """
        last = self._clock()
        while True:
            beat()
            now = self._clock()
            if not -SHORT_BREAK < now - last < SHORT_BREAK:
                logger.warning("the clock has jumped from %s to %s", last.isoformat(), now.isoformat())
                after_break(now)
            last = now
            for key in self._timers.pop_due(now):
                self._bring_up(key)
            following = self._timers.next_instant()
            seconds = (following - now).total_seconds() if following else IDLE_SECONDS
            self._timer_set.clear()
            try:
                async with asyncio.timeout(min(max(seconds, 0), IDLE_SECONDS)):
                    await self._timer_set.wait()
            except TimeoutError:
                continue
