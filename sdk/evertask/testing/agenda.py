"""What is to be done next: each task is looked at when it has changed, and when its time has come.

After each write the tasks that are not running are looked at, as the operator does: they wait, are Queued, are
cancelled, expire. What is left are starts, which somebody has to let happen.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import State
from evertask.testing import lives
from evertask.testing.patches import apply_merge_patch
from evertask.testing.statuses import with_change_of_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask.testing.clock import VirtualClock
    from evertask.testing.runs import InlineRun
    from evertask.testing.storage import Storage

Json = dict[str, Any]


class Due(NamedTuple):
    """A run whose time comes."""

    at: datetime
    uid: str


class Agenda:
    """The next step of each task of an in-memory cluster; safe to use from any thread."""

    def __init__(self, storage: Storage, clock: VirtualClock, running: Mapping[str, InlineRun]) -> None:
        """Begin with an empty storage.

        Args:
            storage: of the tasks.
            clock: of the cluster.
            running: the runs that go on, by the uid of their task.
        """
        self._storage, self._clock, self._running = storage, clock, running
        self._steps: dict[str, lives.Step] = {}
        self._seen = 0
        self._lock = threading.RLock()

    def settle(self) -> None:
        """Do for every task what is to be done, but start it."""
        with self._lock:
            while to_do := self._news() | self._woken():
                for uid in to_do:
                    self._settle_one(uid)

    def _news(self) -> set[str]:
        changes = self._storage.changes[self._seen :]
        self._seen += len(changes)
        return {(change.after or change.before or {})["metadata"]["uid"] for change in changes}

    def _woken(self) -> set[str]:
        now = self._clock.now
        return {
            uid
            for uid, step in self._steps.items()
            if isinstance(step, lives.Rest) and step.until is not None and step.until <= now
        }

    def _settle_one(self, uid: str) -> None:
        task = self._storage.find(uid)
        if task is None:
            self._steps.pop(uid, None)
            return
        if (run := self._running.get(uid)) is not None:
            if task["spec"]["cancel"]:
                run.stop()
            self._steps[uid] = lives.Rest()
            return
        step = lives.next_step(task, self._clock.now)
        # A write and a deletion make the task new: it is looked at again.
        self._steps[uid] = step if isinstance(step, lives.Start | lives.Rest) else lives.Rest()
        if isinstance(step, lives.Write):
            self.write(task, step.status)
        elif isinstance(step, lives.Delete):
            self._storage.delete(task["metadata"]["namespace"], task["metadata"]["name"])

    def write(self, task: Json, change: Json) -> Json:
        """Change the status of a task, and note a change of its state.

        Args:
            task: as it was read.
            change: a merge patch for the status.
        """
        noted = with_change_of_state(task, change, self._clock.now)

        def changed(before: Json) -> Json:
            return {**before, "status": apply_merge_patch(before.get("status") or {}, noted)}

        metadata = task["metadata"]
        return self._storage.change(metadata["namespace"], metadata["name"], changed, of_status=True)

    def start_of(self, uid: str) -> lives.Start | None:
        """Give the start of a task that is due; None where it is not (any more)."""
        self.settle()
        step = self._steps.get(uid)
        return step if isinstance(step, lives.Start) else None

    def next_due(self, first: str | None = None) -> Due | None:
        """Find the run that comes next; of those that come together that of ``first``, then of the oldest task."""
        with self._lock:
            self.settle()
            found = [Due(at, uid) for uid, step in self._steps.items() if (at := self._starts(uid, step))]
        return min(found, key=lambda due: (due.at, due.uid != first), default=None)

    def _starts(self, uid: str, step: lives.Step) -> datetime | None:
        if isinstance(step, lives.Start):
            return max(step.due, self._clock.now)
        task = self._storage.find(uid)
        status = (task or {}).get("status") or {}
        will_start = status.get("state") == State.PENDING or lives.backoff_of(status) is not None
        return step.until if will_start and isinstance(step, lives.Rest) else None
