"""Write 5: how the run goes, at most once a second, newest first, beside the supervision.

A thread of its own writes the handler's progress and what becomes of its attempts. It is started by the first report:
the API server may hang, and timeouts and signals must not wait for it. Reports that come meanwhile become one write;
progress that the thread did not get written goes along with the outcome. Where the run is fenced, the thread begins at
once, and asks the API server with the empty patch when there has been nothing to write for too long.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from evertask.api.protocol import PROGRESS_INTERVAL_SECONDS
from evertask.api.times import format_time
from evertask_runner import console
from evertask_runner.api_client import ConnectionFailedError
from evertask_runner.patches import run_patch
from evertask_runner.persistence import NOT_FOUND, OK, UNPROCESSABLE

if TYPE_CHECKING:
    from evertask_runner.api_client import ApiClient
    from evertask_runner.fencing import Fence
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder

WRITE_SECONDS = 5.0
"""Longest wait for the answer to one report; a newer one follows anyhow."""

_MESSAGE = "message"
"""What is kept beside the run's fields; no field has this name here."""


class ProgressWriter:
    """Owns the connection while the handler runs."""

    def __init__(self, client: ApiClient, path: str, holder: Holder, fence: Fence | None = None) -> None:
        self._client, self._path, self._holder, self._fence = client, path, holder, fence
        self._changed = threading.Condition()
        self._pending: Json = {}
        self._in_flight: Json = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        if fence is not None:
            self._start()

    def report(self, progress: Json) -> None:
        """Take a report of the handler; returns at once."""
        self._take({"progress": {**progress, "time": format_time(datetime.now(UTC))}})

    def tell(self, fields: Json, message: str) -> None:
        """Take what becomes of the attempts; returns at once.

        Args:
            fields: of the run.
            message: one sentence for a person.
        """
        self._take({**fields, _MESSAGE: message})

    def _take(self, fields: Json) -> None:
        with self._changed:
            self._pending |= fields
            self._changed.notify()
        if self._thread is None and not self._closed:
            self._start()

    def _start(self) -> None:
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
            return not self._busy

    @property
    def has_ended(self) -> bool:
        """Whether there is no thread any more, after :meth:`release`."""
        return self._thread is None or not self._thread.is_alive()

    @property
    def unwritten(self) -> Json | None:
        """The newest progress that is not known to be written; it goes along with the outcome."""
        with self._changed:
            return self._pending.get("progress") or self._in_flight.get("progress")

    @property
    def left(self) -> Json:
        """All that is not known to be written, for the writer that follows this one."""
        with self._changed:
            return self._in_flight | self._pending

    def resume(self, left: Json) -> None:
        """Take what another writer did not get written."""
        if left:
            self._take(left)

    _busy = False
    """Whether a request is under way."""

    def _run(self) -> None:
        longest = self._fence.interval if self._fence is not None else None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed, longest)
                if self._closed:
                    return
                self._in_flight, self._pending, self._busy = self._pending, {}, True
            written = self._write()
            with self._changed:
                if not written:
                    self._pending = self._in_flight | self._pending
                self._in_flight, self._busy = {}, False
                self._changed.wait_for(lambda: self._closed, PROGRESS_INTERVAL_SECONDS)

    def _write(self) -> bool:
        """Write what is in flight, or ask for nothing; the answer is whether it needs no second try."""
        fields = dict(self._in_flight)
        message = fields.pop(_MESSAGE, None)
        operations = run_patch(self._holder, fields, message) if fields else []
        seconds = min(WRITE_SECONDS, self._fence.interval) if self._fence is not None else WRITE_SECONDS
        asked = monotonic()
        try:
            answer = self._client.patch(self._path, operations, seconds)
        except ConnectionFailedError:
            return False
        if self._fence is not None:
            self._fence.answered(asked)
        if fields and answer.status in (NOT_FOUND, UNPROCESSABLE):
            console.say("progress is refused: the run is no longer this pod's, or the task is gone")
        return answer.status in (OK, NOT_FOUND, UNPROCESSABLE)
