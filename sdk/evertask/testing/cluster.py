"""An in-memory cluster: the objects, the clock, and the runs.

Handlers run when somebody lets them: ``run_until`` runs what is due, each at its time. One handler runs at a time; one
that waits for its child runs it within, and one that lets time pass takes so long.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evertask.api.audit import level_of
from evertask.api.outcomes import fold_outcome
from evertask.api.protocol import Phase, State, job_name
from evertask.api.times import format_time
from evertask.recurrence import describe
from evertask.testing import lives, series
from evertask.testing.agenda import Agenda
from evertask.testing.clock import VirtualClock
from evertask.testing.lending import lend
from evertask.testing.patches import PatchError, apply_json_patch
from evertask.testing.runs import Environment, InlineRun, Left
from evertask.testing.statuses import with_change_of_state
from evertask.testing.storage import RefusedError, Storage
from evertask_runner.patches import Holder, claim_patch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

Json = dict[str, Any]

_inside: ContextVar[bool] = ContextVar("_inside", default=False)
"""Whether this is called by a handler that runs inline, or by what it has called."""


class InMemoryCluster:
    """What the dispatchers of one test share."""

    def __init__(
        self, *, now: datetime | None, handlers: Mapping[str, Any], provided: Mapping[Any, Any] | None
    ) -> None:
        """Make an empty cluster.

        Args:
            now: where the clock begins.
            handlers: stand-ins by path.
            provided: stands in for what ``setup()`` gives.
        """
        self.clock = VirtualClock(now)
        self.storage = Storage(self.clock)
        self._running: dict[str, InlineRun] = {}
        self._agenda = Agenda(self.storage, self.clock, self._running)
        self._environment = Environment(
            self.clock, self.storage.find, self._patch, handlers, provided, self._take_time
        )
        self._one_at_a_time = threading.Lock()
        self.dispatchers: Mapping[str, type[Any]] = {}
        """The classes that stand in for those of ``evertask`` while a handler runs."""

    def settle(self) -> None:
        """Look at every task that has changed, or whose time has come."""
        self._agenda.settle()

    async def run_until(self, end: datetime) -> list[Json]:
        """Run what is due up to an instant, each run at its time, and set the clock to it.

        Returns:
            The task of each run, as it was after it.
        """
        if _inside.get():
            self._take_time(end)
            return []
        ran = []
        async with self._turn():
            while (due := self._agenda.next_due()) is not None and due.at <= end:
                self.clock.move_to(due.at)
                ran += await self._run(due.uid)
            self.clock.move_to(end)
            self.settle()
        return ran

    async def run_next(self, limit: datetime | None = None, *, first: str | None = None) -> list[Json]:
        """Run what is due next, as soon as it is.

        Args:
            limit: the latest instant to go to; None: any.
            first: uid of the task that goes before others of the same instant.

        Returns:
            The task that ran, as it was after its run; none where there is nothing to run.
        """
        async with self._turn():
            due = self._agenda.next_due(first)
            if due is None or (limit is not None and due.at > limit):
                return []
            self.clock.move_to(due.at)
            return await self._run(due.uid)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Let one caller at a time run handlers, but for what such a handler runs itself."""
        if _inside.get():
            yield
            return
        await asyncio.to_thread(self._one_at_a_time.acquire)
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def _take_time(self, end: datetime) -> None:
        """A handler lets time pass: it takes so long. Under Replace it makes way for what has become due meanwhile."""
        self.clock.move_to(end)
        self.settle()
        for uid, run in list(self._running.items()):
            task = self.storage.find(uid)
            if task is None or "recurrence" not in task["spec"]:
                continue
            if series.is_replaced(task, lives.armed_at(task), self.clock.now):
                stops = {run_id: {"stop": "Replaced"} for run_id in task["status"]["runs"]}
                self._agenda.write(task, {"runs": stops})
                run.stop()

    async def _run(self, uid: str) -> list[Json]:
        start, task = self._agenda.start_of(uid), self.storage.find(uid)
        if start is None or task is None:
            return []
        claimed, holder = self._claim(task, start)
        run = self._running[uid] = InlineRun(self._environment, claimed, holder)
        try:
            left = await asyncio.to_thread(self._run_in_thread, run)
        finally:
            del self._running[uid]
        with suppress(RefusedError):  # the task was deleted meanwhile
            self._commit(holder, left)
        self.settle()
        found = self.storage.find(uid)
        return [found] if found is not None else []

    def _run_in_thread(self, run: InlineRun) -> Left:
        # The thread has a copy of the caller's context variables, of its own.
        _inside.set(True)
        with lend(self.dispatchers):
            return run.run()

    def _claim(self, task: Json, start: lives.Start) -> tuple[Json, Holder]:
        """Open the run and let it in: the writes 2 and 4."""
        uid, now = task["metadata"]["uid"], format_time(self.clock.now)
        launch = task["status"].get("launches", 0) + 1
        job = job_name(uid, start.run_id, launch)
        entry = _relaunched(start, launch, now) if start.attempt > 1 else _opened(task, start, launch, now)
        opened = self._agenda.write(task, entry | {"job": job})
        holder = Holder(uid, start.run_id, launch, f"{job}-in-memory")
        claimed = self._patch(uid, claim_patch(holder, now, attempt=start.attempt))
        in_progress = {"state": str(State.IN_PROGRESS)}
        noted = with_change_of_state(opened, in_progress, self.clock.now, run=start.run_id)
        return self._agenda.write(claimed, noted), holder

    def _patch(self, uid: str, operations: list[Json]) -> Json:
        """Patch the status of a task.

        Raises:
            RefusedError: a test fails, or there is no such task any more.
        """
        task = self.storage.find(uid)
        if task is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"the task {uid} was deleted", name=uid)
        metadata = task["metadata"]

        def patched(before: Json) -> Json:
            try:
                changed: Json = apply_json_patch(before, operations)
            except PatchError as error:
                raise RefusedError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, str(error), name=metadata["name"]
                ) from error
            return changed

        return self.storage.change(metadata["namespace"], metadata["name"], patched, of_status=True)

    def _commit(self, holder: Holder, left: Left) -> None:
        """Write the outcome (6), and fold the run of a series (7); or give the run back (9)."""
        task = self._patch(holder.uid, left.patch)
        if "recurrence" not in task["spec"] or not left.is_over:
            return
        now, status = self.clock.now, task["status"]
        folded = fold_outcome(
            status, status.get("history") or (), holder.run, now, level=level_of(task["spec"])
        )
        task = self._agenda.write(task, folded | {"state": str(State.PENDING), "message": None})
        if not task["spec"]["cancel"] and (overlap := series.overlapped(task, lives.armed_at(task), now)):
            self._agenda.write(task, overlap)


def _opened(task: Json, start: lives.Start, launch: int, now: str) -> Json:
    run: Json = {
        "scheduledTime": format_time(start.scheduled),
        "launch": launch,
        "phase": str(Phase.LAUNCHING),
        "launchTime": now,
    }
    if start.due != start.scheduled:
        run["dueTime"] = format_time(start.due)
    opened: Json = {"launches": launch, "runs": {start.run_id: run}, "nextRunTime": None}
    if "recurrence" not in task["spec"]:
        return opened | {"lastScheduledTime": run["scheduledTime"]}
    waiting = task["status"]["waiting"][1:] or None
    return opened | {"waiting": waiting, "schedule": describe(task["spec"]["recurrence"])}


def _relaunched(start: lives.Start, launch: int, now: str) -> Json:
    run = {"launch": launch, "phase": str(Phase.LAUNCHING), "launchTime": now}
    return {"launches": launch, "runs": {start.run_id: run}}
