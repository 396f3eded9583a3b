"""What is known of our own leadership: written by the candidate's thread, read by whoever wants to act."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_LEADERSHIP_LOST = 75
"""The process led, and may not act any more; it is started again as one that waits. (EX_TEMPFAIL of sysexits.h.)"""


def monotonic() -> float:
    """Our own clock, in seconds: it is never set, and goes on while the process or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def leave(reason: str) -> NoReturn:
    """End the process at once: nothing that is under way may be finished."""
    logger.critical("this operator leads no longer: %s; it ends at once", reason)
    os._exit(EXIT_LEADERSHIP_LOST)


class Standing:
    """Whether this process leads, and until when it may act on it."""

    def __init__(
        self,
        renew_deadline: float,
        *,
        clock: Callable[[], float] = monotonic,
        leave: Callable[[str], NoReturn] = leave,
    ) -> None:
        """Begin without leadership.

        Args:
            renew_deadline: seconds after the last renewal until which one may act.
            clock: gives seconds.
            leave: ends the process for a reason.
        """
        self.clock = clock
        self.leave = leave
        self.renewed_at: float | None = None
        """When the last request that made us the holder was sent; None while we do not lead."""
        self._renew_deadline = renew_deadline

    @property
    def leads(self) -> bool:
        """Whether this process leads."""
        return self.renewed_at is not None

    def insist(self) -> None:
        """Return only if one may act: for whoever is about to write, who may just have woken up from a long sleep."""
        renewed = self.renewed_at
        if renewed is None:
            self.leave("it does not hold the Lease")
        elif (age := self.clock() - renewed) >= self._renew_deadline:
            self.leave(f"the Lease was last renewed {age:.1f} s ago")
