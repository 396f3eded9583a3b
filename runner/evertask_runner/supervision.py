"""From the hand-over of the run, or the failed attempt before, to the end of an attempt: one poll over all there is.

That is signals, the child and the clock. The delay before an attempt is part of it, as the wait for the run's time is:
whatever may stop the handler may stop it before it has begun. The child is told to go at the attempt's instant, and not
at all when it has been told to stop before. Nothing here talks to the network, so that a hanging API server delays
neither an instant nor a timeout nor a cancellation. Deadlines are on the monotonic clock. Stopping is always the same:
the token fires, the grace period passes, the process group is killed.
"""

from __future__ import annotations

from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from evertask.context import REASON_TERMINATION, REASON_TIMEOUT
from evertask_runner.handler_process import GO
from evertask_runner.polling import wait_for_news

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_runner.fencing import Fence
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.records import RunRecord
    from evertask_runner.signals import Signals

IMPORT_GRACE_SECONDS = 1.0
"""Grace of a child that is not prepared yet: there is no token yet that anybody could look at."""
REAP_SECONDS = 5.0
"""How long to wait for a killed process to be gone (it may be stuck in the kernel) before reporting all the same."""


class Stop(StrEnum):
    """Why the handler was asked to stop."""

    TIMEOUT = REASON_TIMEOUT
    RUN_TIMEOUT = "RunTimeout"
    TERMINATION = REASON_TERMINATION
    FENCED = "Fenced"
    START_DEADLINE = "StartDeadline"

    @property
    def reason(self) -> str:
        """What the handler's token says: which limit it was changes nothing for the handler."""
        if self is Stop.RUN_TIMEOUT:
            return REASON_TIMEOUT
        return REASON_TERMINATION if self is Stop.FENCED else str(self)


class RunDeadline:
    """``spec.runTimeout``, from the run's first start on."""

    def __init__(self, seconds: float, at: float | None = None) -> None:
        """Begin; ``at`` is the monotonic time of the end where the run has started before, in another pod."""
        self._seconds, self.at = seconds, at
        """Monotonic time of the end; None until the run has started."""

    def is_over(self, now: float) -> bool:
        """Tell whether a time is beyond the end."""
        return self.at is not None and now >= self.at

    def begin(self, now: float) -> None:
        """Take note of a start; the first counts."""
        if self.at is None:
            self.at = now + self._seconds


class Limits(NamedTuple):
    """The clock's part of the spec, in seconds."""

    timeout: float | None
    """Of the handler's call; zero is none, None leaves it to the handler's class."""
    grace: float
    start_deadline: float
    """Monotonic time by which the handler must have started: an import, a ``setup()`` or an ``on_started`` that never
    ends is no run."""
    go: float | None = None
    """Monotonic time at which the child is to be told to go; None when it has been told already."""
    run: RunDeadline | None = None
    """Of all attempts together; None is none."""
    fence: Fence | None = None
    """Of the connection to the API server; None is none."""


class Ended(NamedTuple):
    """What is known when the handler is over."""

    message: Json | None
    """The child's last word: succeeded, stopped or failed; None when it died without one."""
    wait_status: int | None
    """Of ``waitpid``; None while the child still lives."""
    stop: Stop | None
    killed: bool
    """Whether the runner killed it."""
    start: float | None = None
    """Unix time at which the handler was called; None when it was not."""
    timeout: float | None = None
    """The handler class's own, in seconds, where that was the one that counted."""
    prepared: bool = False
    """Whether the handler was ready to be called."""


class Supervision:
    """Watches one child until its handler is over."""

    def __init__(
        self,
        process: HandlerProcess,
        signals: Signals,
        limits: Limits,
        record: RunRecord,
        *,
        on_prepared: Callable[[Json], object] = lambda _: None,
        on_started: Callable[[], object] = lambda: None,
    ) -> None:
        """Begin.

        Args:
            process: the child.
            signals: of this process.
            limits: of the clock.
            record: collects what the child tells.
            on_prepared: is told what the child says when the handler is ready to be called.
            on_started: is told when it is called.
        """
        self._process, self._signals, self._limits = process, signals, limits
        self._record, self._on_prepared, self._on_started = record, on_prepared, on_started
        self._timeout = limits.timeout
        self._own_timeout: float | None = None
        self._prepared = False
        self._message: Json | None = None
        self._stop: Stop | None = None
        self._start: float | None = None
        self._go_at = limits.go
        self._timed_from: float | None = None
        self._kill_at: float | None = None
        self._killed = False
        self._give_up_at: float | None = None

    def run(self) -> Ended:
        """Watch until the child has reported or died."""
        while True:
            self._signals.drain()
            self._process.reap()
            # Read after reaping: what a dead child has said is all in the pipe by now.
            for message in self._process.messages():
                self._receive(message)
            if self._message is not None or self._process.wait_status is not None or self._given_up():
                return self._ended()
            self._watch_clock()
            wait_for_news(self._process, self._signals, self._next_deadline())

    def _ended(self) -> Ended:
        return Ended(
            self._message,
            self._process.wait_status,
            self._stop,
            self._killed,
            self._start,
            self._own_timeout,
            self._prepared,
        )

    def _receive(self, message: Json) -> None:
        kind = message["kind"]
        if kind == "prepared":
            self._prepared = True
            self._on_prepared(message)
            if self._timeout is None:
                self._timeout = self._own_timeout = message["timeout"]
        elif kind == "started":
            # The timeout bounds the handler's call: neither an import nor a callback before it.
            self._start, self._timed_from = message["time"], monotonic()
            if self._limits.run is not None:
                self._limits.run.begin(self._timed_from)
            self._on_started()
        elif not self._record.take(message):
            self._message = message

    def _given_up(self) -> bool:
        return self._give_up_at is not None and monotonic() >= self._give_up_at

    def _watch_clock(self) -> None:
        now = monotonic()
        if self._signals.terminated_at is not None and self._stop is None:
            # While the grace after a timeout runs, SIGTERM changes nothing: it grants no less and no more time.
            self._ask_to_stop(Stop.TERMINATION, now)
        elif self._stop is None and (due := self._due()) is not None and now >= due[0]:
            self._ask_to_stop(due[1], now)
        elif self._go_at is not None and self._stop is None and now >= self._go_at:
            self._process.send(GO)
            self._go_at = None
        if self._kill_at is not None and now >= self._kill_at and not self._killed:
            self._process.kill()
            self._killed = True
            self._give_up_at = now + REAP_SECONDS

    def _due(self) -> tuple[float, Stop] | None:
        """Give the next end by the clock."""
        limits, found = self._limits, []
        if self._timed_from is None:
            found.append((limits.start_deadline, Stop.START_DEADLINE))
        elif self._timeout:
            found.append((self._timed_from + self._timeout, Stop.TIMEOUT))
        if limits.run is not None and limits.run.at is not None:
            found.append((limits.run.at, Stop.RUN_TIMEOUT))
        if limits.fence is not None:
            found.append((limits.fence.stop_at, Stop.FENCED))
        return min(found) if found else None

    def _ask_to_stop(self, why: Stop, now: float) -> None:
        self._stop = why
        grace = self._limits.grace
        if not self._prepared:
            grace = min(grace, IMPORT_GRACE_SECONDS)
        if why is Stop.START_DEADLINE:
            grace = 0.0
        self._kill_at = now + grace
        if why is Stop.FENCED and self._limits.fence is not None:
            self._kill_at = min(self._kill_at, self._limits.fence.kill_at)
        self._process.send({"kind": "stop", "reason": why.reason})

    def _next_deadline(self) -> float | None:
        if self._give_up_at is not None:
            return self._give_up_at
        if self._kill_at is not None:
            return self._kill_at
        due = self._due()
        times = [time for time in (self._go_at, due and due[0]) if time is not None]
        return min(times, default=None)
