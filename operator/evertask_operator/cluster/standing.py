"""A watch that stands, whatever it fails of: it lives in a thread of its own, and is begun anew.

Model: a *life* is a coroutine that runs until it is told to stop, or fails. It has an event loop to itself, because one
that takes care of its loop as kopf does cancels every task in it when it fails, those of others too.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Life = Callable[[asyncio.Event], Awaitable[None]]

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Before a watch is begun anew, on average; it doubles with each life that was short."""

LONGEST_PAUSE_SECONDS = 10.0

LONG_LIFE_SECONDS = 60.0
"""After a life as long as this the next failure is the first one again."""


class _Thread:
    """One life, in a thread."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._end: Future[None] = Future()

    def start(self) -> asyncio.Future[None]:
        """Begin; gives what is done at the end of the life, with what it has failed of."""
        threading.Thread(target=self._run, name="standing watch", daemon=True).start()
        return asyncio.wrap_future(self._end)

    def stop(self) -> None:
        """Tell it to end."""
        if not self._end.done():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._live())
        except BaseException as error:  # noqa: BLE001  (raised where the end is waited for)
            self._end.set_exception(error)
        else:
            self._end.set_result(None)

    async def _live(self) -> None:
        await self._life(self._stop)


async def stand(life: Life, stop: asyncio.Event, begun_anew: Callable[[], None]) -> None:
    """Live one life after the other, until told to stop.

    Args:
        life: is given the event that ends it.
        stop: ends the last one.
        begun_anew: is called after each life that has failed, before the next one: what happened between the two was
            seen by nobody.
    """
    failures = 0
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            begun = time.monotonic()
            thread = _Thread(life)
            end = thread.start()
            waiting: set[asyncio.Future[Any]] = {end, stopping}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                thread.stop()
            if stop.is_set():
                await end
                return
            failures = 1 if time.monotonic() - begun > LONG_LIFE_SECONDS else failures + 1
            seconds = pause_seconds(failures, random.random())  # noqa: S311  (keeps no secret)
            logger.warning("the watch has failed, and is begun anew in %.1f s: %r", seconds, end.exception())
            await asyncio.wait({stopping}, timeout=seconds)
            begun_anew()
    finally:
        stopping.cancel()


def pause_seconds(failures: int, luck: float) -> float:
    """Give the seconds to wait after so many failures in a row, from 1; ``luck`` from 0 to 1 spreads them."""
    doubled: float = PAUSE_SECONDS * 2.0 ** min(failures - 1, 16)
    return min(LONGEST_PAUSE_SECONDS, doubled) * (0.5 + luck)
