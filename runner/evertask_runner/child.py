"""The child's side: import, receive the run, run the handler, report.

The import begins before anything else is known or loaded. What the child needs from the runner itself (JSON,
tracebacks, threads) is imported after the user's module, which has mostly loaded it by then.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from evertask_runner.loading import LoadFailure, import_handler

if TYPE_CHECKING:
    from evertask.context import CancellationToken
    from evertask_runner.json_lines import Json, LineBuffer

_CHUNK = 65536


class ReportPipe:
    """The pipe to the parent. Only the child itself may report: a process forked by the handler stays silent."""

    def __init__(self, fd: int) -> None:
        self._fd, self._pid = fd, os.getpid()

    def send(self, message: Json) -> None:
        """Write one message; waits while the pipe is full."""
        from evertask_runner.json_lines import encode_line  # noqa: PLC0415  (after the user's import)

        if os.getpid() != self._pid:
            return
        line = memoryview(encode_line(message))
        while line:
            line = line[os.write(self._fd, line) :]


class ControlPipe:
    """The pipe from the parent: first the run, then at most one request to stop."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._messages: list[Json] = []
        self._lines: LineBuffer | None = None

    def receive(self) -> Json:
        """Wait for the next message; when the parent is gone this process ends, for nobody reads its report."""
        from evertask.api.protocol import EXIT_INTERRUPTED  # noqa: PLC0415  (after the user's import)
        from evertask_runner.json_lines import LineBuffer  # noqa: PLC0415

        self._lines = self._lines or LineBuffer()
        while not self._messages:
            data = os.read(self._fd, _CHUNK)
            if not data:
                os._exit(EXIT_INTERRUPTED)
            self._messages += self._lines.feed(data)
        return self._messages.pop(0)

    def serve(self, token: CancellationToken) -> None:
        """Fire the token when the parent says so; the body of a daemon thread."""
        while True:
            message = self.receive()
            if message["kind"] == "stop":
                token.fire(message["reason"])


def run_child(handler: str, control_fd: int, report_fd: int) -> int:
    """Import the handler, wait for the run, run it and report; the answer is the exit code of the child."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    loaded = import_handler(handler)
    control, report = ControlPipe(control_fd), ReportPipe(report_fd)
    run = control.receive()

    from evertask.context import CancellationToken  # noqa: PLC0415  (after the user's import)
    from evertask_runner.failures import describe_load_failure  # noqa: PLC0415

    token = CancellationToken()
    if isinstance(loaded, LoadFailure):
        report.send({"kind": "failed", "error": describe_load_failure(loaded, run)})
        return 0
    _start_thread(control, token)
    report.send(_execute(loaded.attribute, run, token, report))
    return 0


def _start_thread(control: ControlPipe, token: CancellationToken) -> None:
    import threading  # noqa: PLC0415  (after the user's import)

    threading.Thread(target=control.serve, args=(token,), name="evertask-control", daemon=True).start()


def _execute(attribute: Any, run: Json, token: CancellationToken, report: ReportPipe) -> Json:
    from evertask_runner.execution import execute  # noqa: PLC0415  (after the user's import)

    return execute(attribute, run, token, report.send)
