"""The handler's process as the parent sees it: fork, talk, kill, reap.

The child leads its own session and process group, so that killing the group takes along what the handler started.
Its death is learnt from ``waitpid`` and never from the end of a pipe: a grandchild may hold the pipe open.
Imported before the fork, so it stays cheap.
"""

from __future__ import annotations

import os
import signal
from time import monotonic
from typing import TYPE_CHECKING, Any

from evertask_runner.json_lines import LineBuffer, encode_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask_runner.signals import Signals

_CHUNK = 65536

GO = {"kind": "go"}
"""What the child is told when the handler may start."""


class HandlerProcess:
    """A forked child: its pid, the pipe to it, the pipe from it."""

    def __init__(self, pid: int, handler: str, control: int, report: int) -> None:
        self.pid = pid
        self.handler = handler
        """The handler that the child was forked to import."""
        self.control, self.report = control, report
        os.set_blocking(control, False)
        os.set_blocking(report, False)
        self.wait_status: int | None = None
        """What ``waitpid`` said, None while the child lives."""
        self.imported_at: float | None = None
        """Unix time at which the child's import was over; None until it has said so."""
        self.may_report = True
        """False once every writing end of the report pipe is closed; the child may live on."""
        self._outgoing = bytearray()
        self._lines = LineBuffer()

    @property
    def wants_to_send(self) -> bool:
        """Whether something for the child still waits for room in the pipe."""
        return bool(self._outgoing)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; what does not fit into the pipe waits for :meth:`flush`."""
        self._outgoing += encode_line(message)
        self.flush()

    def flush(self) -> None:
        """Write as much as the pipe takes."""
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self.control, self._outgoing[:_CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # The child is gone; reap() says how.
            self._outgoing.clear()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Give the messages that have arrived, but for the first: that only sets :attr:`imported_at`."""
        while True:
            try:
                data = os.read(self.report, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self.may_report = False
                return
            for message in self._lines.feed(data):
                if message["kind"] == "imported":
                    self.imported_at = message["time"]
                else:
                    yield message

    def note_import(self) -> float | None:
        """Give :attr:`imported_at` as it is now; only before the run is sent, while there is no other message."""
        list(self.messages())
        return self.imported_at

    def reap(self) -> None:
        """Collect every dead child, the handler's orphans too; keep the status of ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.wait_status = status

    def kill(self) -> None:
        """Kill the child and all of its process group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            # All dead; or the child has not made its session yet, and then its pid serves.
            if self.wait_status is None:
                os.kill(self.pid, signal.SIGKILL)

    def finish(self, seconds: float, signals: Signals) -> None:
        """Let the child end by itself (its exit hooks, its threads), kill what is left, and reap it."""
        deadline = monotonic() + seconds
        self.reap()
        while self.wait_status is None and (rest := deadline - monotonic()) > 0:
            signals.sleep(rest)
            self.reap()
        self.kill()
        deadline = monotonic() + 1.0
        while self.wait_status is None and (rest := deadline - monotonic()) > 0:
            signals.sleep(rest)
            self.reap()


def fork_handler_process(handler: str, signals: Signals) -> HandlerProcess:
    """Fork a child that begins to import the handler at once.

    In the child this never returns: it raises SystemExit when the run is over, so that the interpreter ends as
    usual (exit hooks, threads, buffers). Call it only while the process has no thread and no open connection.
    """
    control_read, control_write = os.pipe2(os.O_CLOEXEC)
    report_read, report_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        signals.release()
        os.close(control_write)
        os.close(report_read)
        from evertask_runner.child import run_child  # noqa: PLC0415  (the parent never needs it)

        raise SystemExit(run_child(handler, control_read, report_write))
    os.close(control_read)
    os.close(report_write)
    return HandlerProcess(pid, handler, control_write, report_read)
