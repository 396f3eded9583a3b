"""Write 5: the handler's progress, at most once a second, newest first, beside the supervision.

A thread of its own writes it, started by the first report: the API server may hang, and timeouts and signals must
not wait for it. What the thread did not get written goes along with the outcome.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evertask.api.protocol import PROGRESS_INTERVAL_SECONDS
from evertask.api.times import format_time
from evertask_runner import console
from evertask_runner.api_client import ConnectionFailedError
from evertask_runner.patches import progress_patch
from evertask_runner.persistence import NOT_FOUND, OK, UNPROCESSABLE

if TYPE_CHECKING:
    from evertask_runner.api_client import ApiClient
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder

WRITE_SECONDS = 5.0
"""Longest wait for the answer to one report; a newer one follows anyhow."""


class ProgressWriter:
    """Owns the connection while the handler runs."""

    def __init__(self, client: ApiClient, path: str, holder: Holder) -> None:
        self._client, self._path, self._holder = client, path, holder
        self._changed = threading.Condition()
        self._pending: Json | None = None
        self._in_flight: Json | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def report(self, progress: Json) -> None:
        """Take a report; returns at once."""
        with self._changed:
            self._pending = {**progress, "time": format_time(datetime.now(UTC))}
            self._changed.notify()
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="evertask-progress", daemon=True)
            self._thread.start()

    def release(self) -> bool:
        """Stop writing; later reports are only kept.

        Returns:
            Whether the connection is free: a write that hangs still has it.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
            return self._in_flight is None

    @property
    def unwritten(self) -> Json | None:
        """The newest report that is not known to be written; it goes along with the outcome."""
        with self._changed:
            return self._pending or self._in_flight

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending is not None or self._closed)
                if self._closed:
                    return
                self._in_flight, self._pending = self._pending, None
            written = self._write()
            with self._changed:
                if not written and self._pending is None:
                    self._pending = self._in_flight
                self._in_flight = None
                self._changed.wait_for(lambda: self._closed, PROGRESS_INTERVAL_SECONDS)

    def _write(self) -> bool:
        """Write the report in flight; the answer is whether it needs no second try."""
        assert self._in_flight is not None
        operations = progress_patch(self._holder, self._in_flight)
        try:
            answer = self._client.patch(self._path, operations, WRITE_SECONDS)
        except ConnectionFailedError:
            return False
        if answer.status in (NOT_FOUND, UNPROCESSABLE):
            console.say("progress is refused: the run is no longer this pod's, or the task is gone")
        return answer.status in (OK, NOT_FOUND, UNPROCESSABLE)
