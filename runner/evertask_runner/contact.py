"""This pod's contact with the API server while it works for a run.

One connection, and one user of it at a time: while an attempt runs or is waited for it is the progress writer's, and
between two attempts and at the end the main thread's. Before another process is forked there is neither a thread nor an
open connection.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask_runner.api_client import ApiClient
from evertask_runner.persistence import Patience, Persistence
from evertask_runner.progress import WRITE_SECONDS, ProgressWriter

if TYPE_CHECKING:
    from evertask_runner.environment import Environment
    from evertask_runner.fencing import Fence
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.signals import Signals

_PAUSE_SECONDS = 0.01


class Contact:
    """The connection, its writer, and what is still to be written."""

    def __init__(
        self,
        environment: Environment,
        signals: Signals,
        client: ApiClient,
        holder: Holder,
        *,
        grace: float,
        fence: Fence | None,
    ) -> None:
        """Take over the connection of the claim.

        Args:
            environment: what the pod said.
            signals: of this process.
            client: has the connection.
            holder: this pod and its run.
            grace: the grace period in seconds; after SIGTERM the pod has no more time than that and a reserve.
            fence: is told of each answer.
        """
        self._environment, self._signals, self._client, self._holder = environment, signals, client, holder
        self._grace, self._fence = grace, fence
        self._writer = self._make()

    def report(self, progress: Json) -> None:
        """Take a report of the handler; returns at once."""
        self._writer.report(progress)

    def tell(self, fields: Json, message: str) -> None:
        """Take what becomes of the attempts; returns at once."""
        self._writer.tell(fields, message)

    @property
    def unwritten(self) -> Json | None:
        """The newest progress that is not known to be written."""
        return self._writer.unwritten

    def release(self) -> None:
        """End the writer: from now on the main thread may write."""
        if not self._writer.release():
            # A write that hangs still has the connection.
            self._client = ApiClient(self._environment.api_server, self._environment.credentials_folder)

    def resume(self) -> None:
        """Let a writer have the connection again, with what the one before did not get written."""
        left, self._writer = self._writer.left, self._make()
        self._writer.resume(left)

    def prepare_fork(self) -> None:
        """End the writer and close the connection: a process that is forked must inherit neither."""
        self.release()
        deadline = monotonic() + WRITE_SECONDS + 1
        while not self._writer.has_ended and monotonic() < deadline:
            self._signals.sleep(_PAUSE_SECONDS)
        self._client.close()

    def persistence(self) -> Persistence:
        """Give what writes for the main thread, after :meth:`release`."""
        patience = Patience(self._signals.sleep, self._deadline)
        return Persistence(self._client, self._environment.status_path, patience)

    def _make(self) -> ProgressWriter:
        return ProgressWriter(self._client, self._environment.status_path, self._holder, self._fence)

    def _deadline(self) -> float | None:
        """Without SIGTERM there is no hurry; after it the kubelet kills the pod, a second after this."""
        if self._signals.terminated_at is None:
            return None
        return self._signals.terminated_at + self._grace + protocol.REPORT_RESERVE_SECONDS - 1
