"""One attempt of an inline run: its token, its limits, and how it was asked to stop.

A handler runs by the computer's clock, so a limit of its own fires by that one. What passes by the cluster's clock are
the delays between attempts, which count for ``runTimeout``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from evertask.context import CancellationToken
from evertask_runner.supervision import Ended, RunDeadline, Stop

if TYPE_CHECKING:
    from evertask.testing.clock import VirtualClock
    from evertask_runner.limits import SpecLimits

Json = dict[str, Any]


class InlineAttempt:
    """An attempt that is about to begin."""

    def __init__(self, clock: VirtualClock, limits: SpecLimits, run: RunDeadline | None) -> None:
        """Make its token.

        Args:
            clock: of the cluster.
            limits: of the spec.
            run: ``runTimeout``, in seconds of the cluster's clock; None for none.
        """
        self._clock, self._limits, self._run = clock, limits, run
        self.token = CancellationToken()
        self.start: float | None = None
        """Unix time of the cluster's clock at which the handler was called; None before."""
        self.stop: Stop | None = None
        """Why it was asked to stop; None where it was not."""
        self._own_timeout: float | None = None
        self._alarm: threading.Timer | None = None

    def ask_to_stop(self, why: Stop) -> None:
        """Fire the token; the first reason counts."""
        if self.stop is None:
            self.stop = why
            self.token.fire(why.reason)

    def note_prepared(self, timeout: float | None) -> None:
        """Take note of the handler class's own timeout, which counts where the spec says nothing."""
        if self._limits.timeout is None:
            self._own_timeout = timeout

    def note_start(self) -> None:
        """Take note that the handler is called: its time runs."""
        self.start = self._clock.now.timestamp()
        if self._run is not None:
            self._run.begin(self.start)
        if (limit := self._first_limit(self.start)) is not None:
            seconds, why = limit
            self._alarm = threading.Timer(seconds, self.ask_to_stop, (why,))
            self._alarm.daemon = True
            self._alarm.start()

    def _first_limit(self, start: float) -> tuple[float, Stop] | None:
        timeout = self._own_timeout if self._limits.timeout is None else self._limits.timeout
        found = [(timeout, Stop.TIMEOUT)] if timeout else []
        if self._run is not None and self._run.at is not None:
            found.append((max(0.0, self._run.at - start), Stop.RUN_TIMEOUT))
        return min(found, default=None)

    def end(self) -> None:
        """Let no limit fire any more."""
        if self._alarm is not None:
            self._alarm.cancel()

    def ended(self, message: Json) -> Ended:
        """Say how it ended, as the runner does of a process.

        Args:
            message: of the handler's side.
        """
        return Ended(
            message=message,
            wait_status=None,
            stop=self.stop,
            killed=False,
            start=self.start,
            timeout=self._own_timeout,
        )
