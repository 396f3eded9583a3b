"""Carries out deletions: at once where something waits for them, else in their turn.

What cannot wait: a Job whose pod may still run (it was cancelled or withdrawn), one whose room is needed, one of a task
that has another run open already. It goes at once, and is counted. All else is only in the way: the key of its task
waits in the ``DeletionQueue``, and the task is looked at again when its turn has come. Meanwhile its Jobs stand where
those stand that are kept for their logs: they give up their room when another task needs it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from evertask_operator.decisions.expiry import expires_at
from evertask_operator.decisions.keeping import has_ended
from evertask_operator.deletions import DeletionQueue
from evertask_operator.orphans import Orphans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evertask_operator.cluster import Reads, Writes
    from evertask_operator.decisions.plans import DeleteJob, Plan
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.knowledge import Knowledge
    from evertask_operator.metrics import Metrics
    from evertask_operator.records import TaskKey
    from evertask_operator.settings import Settings
    from evertask_operator.slots import Slots
    from evertask_operator.store import Store
    from evertask_operator.workqueue import WorkQueue

DELETERS = 4
"""Deletions under way at the same time: the API server's own pace, where it is slower than the limit."""


class Remover:
    """Deletes Jobs and tasks."""

    def __init__(
        self,
        reads: Reads,
        writes: Writes,
        metrics: Metrics,
        *,
        settings: Settings,
        store: Store,
        knowledge: Knowledge,
        slots: Slots,
    ) -> None:
        self.waiting = DeletionQueue(settings.retention.deletions_per_second, knowledge.clock)
        self._interval = settings.resync_interval
        self._store = store
        self._reads = reads
        self._writes = writes
        self._metrics = metrics
        self._knowledge = knowledge
        self._slots = slots
        self._orphans = Orphans(store, reads, writes, metrics, self.waiting)
        metrics.deletions_waiting.set_function(lambda: len(self.waiting))

    async def work(self, queue: WorkQueue, look: Callable[[TaskKey], Awaitable[None]]) -> None:
        """Look at those whose turn has come, and remove what is orphaned, for ever.

        Args:
            queue: sees to it that only one worker looks at a task.
            look: looks at a task in its turn.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._orphans.remove_for_ever(self._interval))
            for _ in range(DELETERS):
                group.create_task(self._work(queue, look))

    async def _work(self, queue: WorkQueue, look: Callable[[TaskKey], Awaitable[None]]) -> None:
        while True:
            key = await self.waiting.take()
            if queue.claim(key):  # else somebody looks at it, and will once more
                try:
                    await look(key)
                finally:
                    queue.done(key)

    async def remove(self, situation: Situation, plan: Plan, *, in_turn: bool) -> bool:
        """Carry out the deletions of a plan, or let them wait.

        Args:
            situation: what was decided on.
            plan: what was decided.
            in_turn: it is the task's turn: nothing has to wait any more.

        Returns:
            Whether the task must be looked at again at once: something has changed meanwhile, or it is gone.
        """
        if plan.delete_task and in_turn:
            await self._delete_task(situation)
            return True
        urgent = [one for one in plan.deletions if in_turn or self._is_urgent(situation, one)]
        if plan.delete_task or len(urgent) < len(plan.deletions):
            self.waiting.add(situation.task.key)
        else:
            self.waiting.drop(situation.task.key)
        again = False
        for deletion in urgent:
            if not in_turn:
                self.waiting.charge()
            again |= not await self._delete_job(deletion)
        return again

    def may_give_up(self, situation: Situation) -> bool:
        """Tell whether the task has Jobs, and all of them only wait for their turn."""
        jobs = [job for job in situation.jobs if not job.gone]
        waits = situation.task.key in self.waiting and not situation.task.open_runs
        return bool(jobs) and waits and all(has_ended(situation, j) and not j.deleting for j in jobs)

    def _is_urgent(self, situation: Situation, deletion: DeleteJob) -> bool:
        needs_room = self._slots.waiting > 0 or not situation.keep_jobs
        return deletion.foreground or needs_room or bool(situation.task.open_runs)

    async def _delete_task(self, situation: Situation) -> None:
        task = situation.task
        if await self._writes.delete_task(task):
            reason = "Expired" if expires_at(situation) <= situation.now else "TooMany"
            self._metrics.deleted_tasks.labels(reason).inc()
            self._store.drop_task(task)
        else:
            self._metrics.conflicts.inc()
            await self._knowledge.refresh(task)

    async def _delete_job(self, deletion: DeleteJob) -> bool:
        job = deletion.job
        if await self._writes.delete_job(deletion):
            self._store.deletion_asked(job)
            return True
        self._metrics.conflicts.inc()
        found = await self._reads.job(job.namespace, job.name)
        self._store.jobs.drop(job)
        if found is not None:
            self._store.jobs.put(found)
        return False
