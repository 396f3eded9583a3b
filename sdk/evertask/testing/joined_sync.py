"""The same for code that is not asynchronous."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from evertask.loop_threads import LoopThread
from evertask.sync_dispatcher import SyncDispatcher
from evertask.testing.joined import MAX_RUNS, JoinedDispatcher

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from evertask.testing.dispatched import Dispatched
    from evertask.views import TaskView


class JoinedSyncDispatcher(SyncDispatcher):
    """A synchronous dispatcher of an in-memory cluster."""

    def __init__(self, joined: JoinedDispatcher) -> None:
        """Stand before a dispatcher that nobody else uses."""
        super().__init__()
        # The dispatcher and the thread that were made there have done nothing yet.
        self._dispatcher = self._joined = joined
        self._thread = LoopThread(type(self).__name__, joined.aclose)
        weakref.finalize(self, self._thread.close)

    @property
    def dispatched(self) -> list[Dispatched]:
        """What was dispatched, in order: by this dispatcher, and by the handlers that it has run."""
        return self._joined.dispatched

    @property
    def now(self) -> datetime:
        """The present instant of the cluster, in UTC."""
        return self._joined.now

    def run_due(self) -> list[TaskView]:
        """Run what is due now; see ``InMemoryDispatcher.run_due``."""
        return self._thread.run(self._joined.run_due)

    def advance(self, by: timedelta) -> list[TaskView]:
        """Let time pass, and run what becomes due at its time; see ``InMemoryDispatcher.advance``."""
        return self._thread.run(self._joined.advance, by)

    def run_all(self, max_runs: int = MAX_RUNS) -> list[TaskView]:
        """Run what is due now or later, until nothing is left; see ``InMemoryDispatcher.run_all``."""
        return self._thread.run(self._joined.run_all, max_runs)
