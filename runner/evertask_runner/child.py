"""The child's side: import, receive the run, prepare the handler, wait for the word to go, run it, report.

The import begins before anything else is known. All that can be done before the run's time is done before the word to
go: what follows it is the call of the handler.
"""

from __future__ import annotations

import gc
import os
import sys

# Taken before the user's import, which may replace both (gevent does): the parent must be heard on a thread of its own.
from _thread import allocate_lock, start_new_thread
from time import time
from typing import TYPE_CHECKING, Any

from evertask_runner.json_lines import LineBuffer, encode_line
from evertask_runner.loading import LoadFailure, import_handler

if TYPE_CHECKING:
    from evertask.context import CancellationToken
    from evertask_runner.json_lines import Json

_CHUNK = 65536


class ReportPipe:
    """The pipe to the parent. Only the child itself may report: a process forked by the handler stays silent."""

    def __init__(self, fd: int) -> None:
        self._fd, self._pid = fd, os.getpid()

    def send(self, message: Json) -> None:
        """Write one message; waits while the pipe is full."""
        if os.getpid() != self._pid:
            return
        line = memoryview(encode_line(message))
        while line:
            line = line[os.write(self._fd, line) :]


class ControlPipe:
    """The pipe from the parent: first the run, then the word to go, then at most one request to stop.

    The request to stop may come before the word to go, which then never comes.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._messages: list[Json] = []
        self._lines = LineBuffer()
        self._not_yet = allocate_lock()
        self._not_yet.acquire()

    def receive(self) -> Json:
        """Wait for the next message; when the parent is gone this process ends, for nobody reads its report."""
        from evertask.api.protocol import EXIT_INTERRUPTED  # noqa: PLC0415  (loaded already)

        while not self._messages:
            data = os.read(self._fd, _CHUNK)
            if not data:
                os._exit(EXIT_INTERRUPTED)
            self._messages += self._lines.feed(data)
        return self._messages.pop(0)

    def serve(self, token: CancellationToken) -> None:
        """Let the handler start, and fire the token, when the parent says so; the body of a thread."""
        while True:
            message = self.receive()
            if message["kind"] == "stop":
                token.fire(message["reason"])
            if self._not_yet.locked():
                self._not_yet.release()

    def wait_for_go(self) -> None:
        """Wait until the handler may start, or is to stop before it has; call it once."""
        self._not_yet.acquire()


def run_child(handler: str, control_fd: int, report_fd: int) -> int:
    """Import the handler, wait for the run, run it and report; the answer is the exit code of the child."""
    gc.enable()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    control, report = ControlPipe(control_fd), ReportPipe(report_fd)
    loaded = import_handler(handler)
    report.send({"kind": "imported", "time": time()})
    run = control.receive()
    if isinstance(loaded, LoadFailure):
        from evertask_runner.failures import describe_load_failure  # noqa: PLC0415  (only for a failure)

        report.send({"kind": "failed", "error": describe_load_failure(loaded, run)})
        return 0
    report.send(_execute(loaded.attribute, run, control, report))
    return 0


def _execute(attribute: Any, run: Json, control: ControlPipe, report: ReportPipe) -> Json:
    from evertask.context import CancellationToken  # noqa: PLC0415  (after the user's import)
    from evertask_runner.execution import execute  # noqa: PLC0415

    token = CancellationToken()
    start_new_thread(control.serve, (token,))
    return execute(attribute, run, token, report.send, control.wait_for_go)
