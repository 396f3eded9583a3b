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
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask_runner.json_lines import LineBuffer, encode_line
from evertask_runner.loading import LoadFailure, import_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask.context import CancellationToken
    from evertask_runner.json_lines import Json
    from evertask_runner.loops import Loop

_CHUNK = 65536


class ReportPipe:
    """The pipe to the parent. Only the child itself may report: a process forked by the handler stays silent."""

    def __init__(self, fd: int) -> None:
        self._fd, self._pid = fd, os.getpid()
        self._one_at_a_time = allocate_lock()

    @property
    def is_own(self) -> bool:
        """Whether this process is the child, and none that it has forked."""
        return os.getpid() == self._pid

    def send(self, message: Json) -> None:
        """Write one message; waits while the pipe is full."""
        if not self.is_own:
            return
        line = memoryview(encode_line(message))
        # Threads of the handler's report too, and a line may take several writes.
        with self._one_at_a_time:
            while line:
                line = line[os.write(self._fd, line) :]


class ControlPipe:
    """The pipe from the parent: first the run, then for each attempt the word to go and at most one request to stop.

    The request to stop may come before the word to go, which then never comes. Where an attempt has failed, or the
    handler has a callback for its end, the parent's word on what follows comes next.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._messages: list[Json] = []
        self._lines = LineBuffer()
        self._not_yet = allocate_lock()
        self._not_yet.acquire()
        self._no_word = allocate_lock()
        self._no_word.acquire()
        self._word: Json = {}
        self._token: CancellationToken | None = None

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
        self._token = token
        while True:
            message = self.receive()
            if message["kind"] == "again":
                # What stopped the attempt before must not stop this one, nor let it start.
                self._not_yet.acquire(blocking=False)
                self._token = type(token)()
                self._say(message | {"token": self._token})
                continue
            if message["kind"] == "conclude":
                self._say(message)
            if message["kind"] == "stop":
                self._token.fire(message["reason"])
            if self._not_yet.locked():
                self._not_yet.release()

    def _say(self, word: Json) -> None:
        self._word = word
        self._no_word.release()

    def wait_for_go(self) -> None:
        """Wait until the attempt may start, or is to stop before it has; call it once for each."""
        self._not_yet.acquire()

    def wait_for_word(self) -> Json:
        """Wait for the parent's word on what follows; call it once for each outcome that the parent was given."""
        self._no_word.acquire()
        return self._word


def run_child(handler: str, control_fd: int, report_fd: int) -> int:
    """Import the handler, wait for the run, run it and report; the answer is the exit code of the child."""
    gc.enable()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    control, report = ControlPipe(control_fd), ReportPipe(report_fd)
    prepared = _prepare(handler)
    report.send({"kind": "imported", "time": time()})
    run = control.receive()
    if isinstance(prepared, _Prepared):
        _execute(prepared, run, control, report)
    else:
        report.send({"kind": "failed", "error": prepared(run["attempt"])})
    return 0


class _Prepared(NamedTuple):
    """The handler as it was imported, and what its module's ``setup()`` gave."""

    attribute: Any
    provided: Mapping[Any, Any]
    loop: Loop | None
    """That an async ``setup()`` ran in."""


def _prepare(handler: str) -> _Prepared | Callable[[int], Json]:
    """Import the handler and set its module up; where that fails, give what describes the failure."""
    loaded = import_handler(handler)
    if isinstance(loaded, LoadFailure):
        from evertask_runner.failures import describe_load_failure  # noqa: PLC0415  (only for a failure)

        return partial(describe_load_failure, loaded)
    if loaded.setup is None:
        return _Prepared(loaded.attribute, {}, None)
    from evertask_runner.dependencies import set_up  # noqa: PLC0415  (only where there is something to set up)
    from evertask_runner.failures import RunFailure, describe  # noqa: PLC0415
    from evertask_runner.loops import Loop  # noqa: PLC0415

    loop = Loop()
    try:
        return _Prepared(loaded.attribute, set_up(handler, loaded.setup, loop), loop)
    except RunFailure as error:
        return partial(describe, error)


def _execute(prepared: _Prepared, run: Json, control: ControlPipe, report: ReportPipe) -> None:
    from evertask.context import CancellationToken  # noqa: PLC0415  (after the user's import)
    from evertask_runner.execution import execute  # noqa: PLC0415
    from evertask_runner.parentage import become_parent  # noqa: PLC0415

    def conclude(outcome: Json) -> Json:
        report.send(outcome)
        return control.wait_for_word() if report.is_own else {"callback": False}

    token = CancellationToken()
    become_parent(run, report.send)
    start_new_thread(control.serve, (token,))
    outcome = execute(
        prepared.attribute,
        run,
        token,
        report.send,
        control.wait_for_go,
        conclude=conclude,
        provided=prepared.provided,
        loop=prepared.loop,
    )
    if "callback" not in outcome and "retry" not in outcome:
        report.send(outcome)
