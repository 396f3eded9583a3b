"""Signals as bytes in a pipe, so that one poll waits for them and for everything else.

The parent is PID 1 of its container: without a handler the kernel would drop SIGTERM, and orphans of the handler
become its children, to be reaped. While nothing has been claimed there is nothing to end in good order: in that
phase SIGTERM raises in the middle of whatever the parent waits for.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TerminatedError(BaseException):
    """SIGTERM came while the run was not claimed yet."""


class Signals:
    """SIGTERM, SIGINT and SIGCHLD of this process."""

    def __init__(self) -> None:
        self.fd, self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.terminated_at: float | None = None
        """Monotonic time of the first SIGTERM or SIGINT, None before it."""
        self._interrupts = False
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_terminate)
        signal.signal(signal.SIGCHLD, self._on_child)

    def _on_terminate(self, _number: int, _frame: object) -> None:
        if self.terminated_at is None:
            self.terminated_at = monotonic()
        if self._interrupts:
            raise TerminatedError

    def _on_child(self, _number: int, _frame: object) -> None:
        """Nothing to do: the byte in the pipe wakes the loop, which reaps."""

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Within this block SIGTERM raises :class:`TerminatedError`, at once if it came before."""
        self._interrupts = True
        try:
            if self.terminated_at is not None:
                raise TerminatedError
            yield
        finally:
            self._interrupts = False

    def drain(self) -> None:
        """Empty the pipe; what the signals mean stands in ``terminated_at`` and in ``waitpid``."""
        try:
            while os.read(self.fd, 512):
                pass
        except BlockingIOError:
            return

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up when a signal comes."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
        self.drain()

    def release(self) -> None:
        """Give every signal its default again and close the pipe: for the child."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self.fd)
        os.close(self._wakeup)
