"""``spec.fenceAfter``: a runner that cannot reach the API server ends its handler before the run is launched elsewhere.

Each answer of the API server, whatever it says, proves that this pod was seen at the time when it was asked. Where
there is nothing to write, the empty patch is sent, three times within the limit. Without an answer the token fires in
time for the grace period, and at the limit the handler is killed: whoever launches the run again waits for longer.
All times are on the monotonic clock, in seconds.
"""

from __future__ import annotations

HEARTBEATS = 3
"""The API server is asked this often within the limit."""


class Fence:
    """When this pod was last seen, and what follows from it. Read and written by several threads."""

    def __init__(self, limit: float, grace: float, now: float) -> None:
        """Begin with the answer to the claim.

        Args:
            limit: ``spec.fenceAfter``.
            grace: ``spec.gracePeriod``.
            now: when the claim was answered.
        """
        self._limit, self._notice = limit, max(limit - grace, limit / 2)
        self._seen = now

    def answered(self, asked: float) -> None:
        """Take note of an answer, by the time when it was asked for: it tells nothing of what came after."""
        self._seen = max(self._seen, asked)

    @property
    def interval(self) -> float:
        """How long at most nothing is asked."""
        return self._limit / HEARTBEATS

    @property
    def stop_at(self) -> float:
        """When the handler is asked to stop."""
        return self._seen + self._notice

    @property
    def kill_at(self) -> float:
        """When it is killed."""
        return self._seen + self._limit
