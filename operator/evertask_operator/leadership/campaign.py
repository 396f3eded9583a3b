"""Runs the candidate beside the operator: in a thread and an event loop of its own, with a connection of its own.

The operator's own loop may be busy for seconds: it takes in lists of ten thousand tasks. Renewals must not wait for
it, nor for a free connection; and the deadline must end the process even where that loop hangs. Where it hangs for so
long that nothing good can come of it, the process ends as well: a leader that renews and does nothing else is worse
than none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from evertask_operator.cluster.leases import Leases
from evertask_operator.leadership.candidate import Candidate
from evertask_operator.leadership.election import Timing
from evertask_operator.leadership.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evertask.connection import Connection
    from evertask_operator.settings import Settings

logger = logging.getLogger(__name__)


def new_identity() -> str:
    """Name this process, for a person (the pod's name) and like no other: a container started anew is another."""
    return f"{os.environ.get('HOSTNAME', 'evertask-operator')}_{uuid.uuid4().hex[:8]}"


class Campaign:
    """One process' stand for election."""

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Awaitable[Connection]],
        *,
        waiting: Callable[[], None],
        hangs: Callable[[], str],
    ) -> None:
        """Describe it; ``start`` begins. Make it in the event loop that is to be told.

        Args:
            settings: where the Lease is, and the durations.
            connect: opens a connection for the loop that calls it.
            waiting: is called, in another thread, each time the Lease was seen in another's hand.
            hangs: is asked, in another thread, why a leader should end itself; empty while it should not.
        """
        self._settings = settings
        self._connect = connect
        self._waiting = waiting
        self._hangs = hangs
        self._timing = Timing.of(settings.leadership)
        self.standing = Standing(self._timing.renew_deadline)
        self.elected = asyncio.Event()
        """Set, in the loop that made this, once we lead."""
        self._loop = asyncio.get_running_loop()
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._told_to_stop = False
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)

    def start(self) -> None:
        """Stand for election from now on."""
        self._thread.start()

    async def stop(self) -> None:
        """Let the Lease go, if it is ours, and end; takes no longer than its requests may."""
        self._told_to_stop = True
        if self._own_loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._own_loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join, self._stop_seconds)

    @property
    def _stop_seconds(self) -> float:
        return 2 * self._timing.request_limit + 1.0

    def _run(self) -> None:
        try:
            asyncio.run(self._stand())
        except Exception as error:
            logger.exception("the election has failed")
            self.standing.leave(f"the election has failed: {error!r}")

    async def _stand(self) -> None:
        self._own_loop = asyncio.get_running_loop()
        if self._told_to_stop:
            return
        leadership = self._settings.leadership
        async with await self._connect() as connection:
            leases = Leases(connection, self._settings.own_namespace, leadership.lease_name)
            candidate = Candidate(leases, new_identity(), self._timing, self.standing, told=self._tell)
            await candidate.stand(self._stop)

    def _tell(self, leads: bool) -> None:  # noqa: FBT001  (a callback)
        if not leads:
            self._waiting()
        elif not self.elected.is_set():
            with suppress(RuntimeError):  # the operator's loop has ended
                self._loop.call_soon_threadsafe(self.elected.set)
        elif reason := self._hangs():
            self.standing.leave(reason)
