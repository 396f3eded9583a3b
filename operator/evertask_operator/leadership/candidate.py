"""Stands for election, for as long as the process runs: looks, decides, asks the API server, and begins again.

Whatever a request comes to, the Lease is looked at anew before the next one: an answer may have been lost. Of the
errors none ends the candidate; what ends it is the deadline, which only a renewal moves.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from evertask.errors import EverTaskError
from evertask_operator.leadership.election import Sight, Step, decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_operator.cluster.leases import LeaseRecord, Leases
    from evertask_operator.leadership.election import Timing
    from evertask_operator.leadership.standing import Standing

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.2
"""Between a request that failed and the next one."""

SHORTEST_LIMIT = 0.05
"""Seconds for a request of a leader whose deadline is about to pass."""


class Candidate:
    """One process that would lead."""

    def __init__(
        self, leases: Leases, me: str, timing: Timing, standing: Standing, *, told: Callable[[bool], None]
    ) -> None:
        """Describe it; ``stand`` begins.

        Args:
            leases: asks the API server.
            me: the identity of this process; no other process ever has the same.
            timing: the durations.
            standing: is kept up to date.
            told: is called after each look that was answered, with whether we lead.
        """
        self._leases = leases
        self._me = me
        self._timing = timing
        self._standing = standing
        self._told = told
        self._record: LeaseRecord | None = None
        self._sight: Sight | None = None
        self._complaint = ""

    async def stand(self, stop: asyncio.Event) -> None:
        """Stand for election until told to stop; then let the Lease go, if it is ours."""
        while not stop.is_set():
            await self._round(stop)
        if self._standing.leads:
            await self._release()

    async def _round(self, stop: asyncio.Event) -> None:
        now = self._standing.clock()
        decision = decide(self._sight, self._me, now, self._timing, renewed_at=self._standing.renewed_at)
        if decision.step is Step.GIVE_UP:
            self._standing.leave(decision.reason)
        try:
            if decision.step in {Step.ACQUIRE, Step.RENEW}:
                await self._hold()
            elif decision.step is Step.LOOK:
                await self._look()
            else:
                await _pause(stop, decision.until - now)
                if not self._standing.leads and not stop.is_set():
                    await self._look()
        except EverTaskError as error:
            self._doubt()
            self._complain(str(error))
            await _pause(stop, PAUSE_SECONDS)
        else:
            self._complain("")

    async def _look(self) -> None:
        self._see(await self._leases.read(seconds=self._limit()))
        self._told(self._standing.leads)

    async def _hold(self) -> None:
        """Take the Lease or renew it. The clock counts from before the request: when it arrives nobody knows."""
        sent, known, duration = self._standing.clock(), self._record, self._timing.lease_duration
        if known is None:
            held = await self._leases.create(self._me, duration, seconds=self._limit())
        else:
            held = await self._leases.hold(known, self._me, duration, seconds=self._limit())
        if held is None:  # somebody was faster
            self._doubt()
            return
        self._see(held)
        if not self._standing.leads:
            logger.info("%s leads now", self._me)
        self._standing.renewed_at = sent
        self._told(True)

    async def _release(self) -> None:
        try:
            if self._sight is None or not self._sight.certain:
                await self._look()
            if self._record is not None and self._record.holder == self._me:
                await self._leases.release(self._record, seconds=self._limit())
                logger.info("%s has released the Lease", self._me)
        except EverTaskError as error:
            logger.warning("the Lease was not released: %s; the others wait until it expires", error)

    def _limit(self) -> float:
        """Give the time limit of a request, which a leader's deadline may cut short."""
        renewed, limit = self._standing.renewed_at, self._timing.request_limit
        if renewed is None:
            return limit
        return min(limit, max(renewed + self._timing.renew_deadline - self._standing.clock(), SHORTEST_LIMIT))

    def _see(self, record: LeaseRecord | None) -> None:
        """Note what the Lease is. Where it has changed, its time counts from now."""
        if self._sight is None or record != self._record:
            holder, duration = (record.holder, record.duration) if record else ("", 0.0)
            self._sight = Sight(holder, duration, self._standing.clock())
        else:
            self._sight = self._sight._replace(certain=True)
        self._record = record

    def _doubt(self) -> None:
        if self._sight is not None:
            self._sight = self._sight._replace(certain=False)

    def _complain(self, complaint: str) -> None:
        """Log what fails once, and that it fails no longer."""
        if complaint and complaint != self._complaint:
            logger.warning("cannot ask for the Lease: %s; trying again", complaint)
        elif self._complaint and not complaint:
            logger.info("the API server answers about the Lease again")
        self._complaint = complaint


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await stop.wait()
