"""From the handler's end to the end of its callback.

The parent holds the outcome by now, and it is in the termination message: whatever the callback does, it raises, hangs,
or takes the process with it, the outcome stands. It is written when the callback is over, so that a crash cannot lose
what the callback does (the next step of a chain). The callback has the grace period from the handler's end, and after
SIGTERM no more than the pod has left.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from evertask_runner import console
from evertask_runner.polling import wait_for_news
from evertask_runner.verdicts import describe_death

if TYPE_CHECKING:
    from evertask_runner.fencing import Fence
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.records import RunRecord
    from evertask_runner.signals import Signals


class Concluding:
    """Lets the child call its callback, and watches it."""

    def __init__(
        self,
        process: HandlerProcess,
        signals: Signals,
        record: RunRecord,
        grace: float,
        fence: Fence | None = None,
    ) -> None:
        """Begin when the handler has ended; ``grace`` is the grace period in seconds."""
        self._process, self._signals, self._record = process, signals, record
        self._grace, self._fence = grace, fence
        self._ended_at = monotonic()
        self._over = False

    @property
    def deadline(self) -> float:
        """Monotonic time at which the callback is abandoned."""
        terminated = self._signals.terminated_at
        begin = self._ended_at if terminated is None else min(self._ended_at, terminated)
        end = begin + self._grace
        return end if self._fence is None else min(end, self._fence.kill_at)

    def leave(self) -> None:
        """Tell the child to call nothing and to end."""
        self._process.send({"kind": "conclude", "callback": False})

    def call(self, callback: str, **told: str) -> None:
        """Let the child call its callback, and wait until it is over, its process dead, or its time up.

        Args:
            callback: its name.
            told: ``message`` for the callback, and ``reason``: what the exception is to be.
        """
        word: Json = {"kind": "conclude", "callback": True, **told}
        self._process.send(word)
        while not self._is_over():
            if monotonic() >= self.deadline:
                self._abandon(callback)
                return
            wait_for_news(self._process, self._signals, self.deadline)
        if not self._over:
            status = self._process.wait_status
            self._fail(callback, f"the handler's process {describe_death(status)} before {callback} returned")

    def _is_over(self) -> bool:
        self._signals.drain()
        self._process.reap()
        # Read after reaping: what a dead child has said is all in the pipe by now.
        for message in self._process.messages():
            if not self._record.take(message) and message["kind"] == "over":
                self._over = True
        return self._over or self._process.wait_status is not None

    def _abandon(self, callback: str) -> None:
        self._process.kill()
        self._fail(callback, f"{callback} had not ended when spec.gracePeriod was over, and was killed")

    def _fail(self, callback: str, message: str) -> None:
        console.say(f"{message}; the outcome stands")
        self._record.note_callback_error(callback, message)
