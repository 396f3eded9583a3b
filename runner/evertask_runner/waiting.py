"""A pod that is made before its run's time, and how it waits: first for the claim, then for the instant.

Model: an :class:`Appointment` has a nominal time and a clock. The claim is due ``CLAIM_LEAD_SECONDS`` before the
nominal time; until then nothing is written, so that a cancellation or an edit of the task wins. Far from its goal the
pod sleeps in steps of a second and asks the wall clock at each, so that a machine that was suspended and a clock that
was set, in either direction, are noticed; the rest is one sleep, on the monotonic clock.

After the claim only the monotonic clock counts (:attr:`Appointment.instant`): what is left is a quarter of a second,
and a clock that is set back in it must not hold up a run that has been claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import CLAIM_LEAD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_runner.clocks import Clock

RECHECK_SECONDS = 1.0
"""Longest sleep between two looks at the wall clock."""

CONNECT_LEAD_SECONDS = 1.0
"""The connection is made this long before the claim. Made at once it would be closed by the API server, which waits
half a minute for a first request; made for the claim it would delay it."""

CONNECT_SPREAD_SECONDS = 0.5
"""Pods that are due together connect spread over this much time more: a handshake is the dearest thing they do."""

HELD_PAUSE_SECONDS = 0.05
"""Pause between two looks at a run that may not be claimed yet, until its time has come."""

LONGEST_HELD_PAUSE_SECONDS = 0.25
"""The same when it is late by a second and more: what it waits for takes long."""


def sleep_until(instant: float, clock: Clock) -> None:
    """Sleep until the wall clock shows a Unix time, whatever happens to that clock meanwhile."""
    while (left := instant - clock.wall()) > 0:
        clock.sleep(min(left, RECHECK_SECONDS))


def held_pause(late: float) -> float:
    """Say how long to pause before a held run is looked at again.

    Args:
        late: seconds since the run's time, negative before it.
    """
    return min(max(HELD_PAUSE_SECONDS, late / 4), LONGEST_HELD_PAUSE_SECONDS)


class Appointment:
    """When a run is due, and this pod's way to it."""

    def __init__(self, nominal: float | None, clock: Clock) -> None:
        """Note the time.

        Args:
            nominal: Unix time at which the handler should start; None for at once.
            clock: tells the time.
        """
        self._clock = clock
        self.nominal = clock.wall() if nominal is None else nominal
        """Unix time at which the handler should start."""
        self.claim_time = self.nominal - CLAIM_LEAD_SECONDS
        """Unix time before which the run must not be claimed."""

    @property
    def is_early(self) -> bool:
        """Whether there is time before the claim."""
        return self._clock.wall() < self.claim_time

    def wait_for_claim(self, connect: Callable[[], object], spread: float) -> None:
        """Wait until the run may be claimed.

        Args:
            connect: makes the connection; called shortly before the end.
            spread: 0 to 1, tells pods apart that are due together.
        """
        sleep_until(self.claim_time - CONNECT_LEAD_SECONDS - spread * CONNECT_SPREAD_SECONDS, self._clock)
        connect()
        sleep_until(self.claim_time, self._clock)

    def pause_while_held(self) -> None:
        """Pause before a held run is looked at again."""
        self._clock.sleep(held_pause(self._clock.wall() - self.nominal))

    @property
    def start_time(self) -> float:
        """Unix time at which the handler starts if it may: now at the earliest, and never before its time."""
        return max(self._clock.wall(), self.nominal)

    @property
    def instant(self) -> float:
        """Monotonic time at which the handler starts, as the clocks stand now."""
        return self._clock.monotonic() + max(0.0, self.nominal - self._clock.wall())
