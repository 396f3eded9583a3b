"""Jobs and pods of ours whose task is gone, and that nothing else will remove.

The garbage collector of the cluster removes what a deleted task owned. It does not where somebody has orphaned it
(``kubectl delete --cascade=orphan``), and it cannot know of what came back from a backup without its owner. Nothing in
such a Job's pod can report any more: its task is not there.

Such a thing is removed with care. It must bear our labels and the name that we would have given it, no task of its
UID may be known in its namespace, and a read at that moment must find none under the task's name. A pod goes by itself
only where nothing owns it. The garbage collector is given its time. The deletion holds for the very version that was
looked at. What is in a namespace that is not served is not even seen.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import job_name
from evertask.errors import EverTaskError
from evertask_operator.decisions.plans import DeleteJob
from evertask_operator.records import JobRecord, TaskKey

if TYPE_CHECKING:
    from evertask_operator.cluster import Reads, Writes
    from evertask_operator.deletions import DeletionQueue
    from evertask_operator.metrics import Metrics
    from evertask_operator.records import PodRecord
    from evertask_operator.store import Store

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=10)
"""How long the garbage collector is given for what it removes by itself: the ordinary case."""


def bears_our_name(record: JobRecord | PodRecord) -> bool:
    """Tell whether a Job or pod has the name that follows from its labels.

    The Job controller shortens the names of pods where a launch number is long: those begin with the task's uid.
    """
    if isinstance(record, JobRecord):
        return record.name == job_name(record.task_uid, record.run_id, record.launch)
    return record.name.startswith(f"et-{record.task_uid}-")


class Orphans:
    """Finds them, and removes those that are still there the next time."""

    def __init__(
        self, store: Store, reads: Reads, writes: Writes, metrics: Metrics, turns: DeletionQueue
    ) -> None:
        self._store = store
        self._reads = reads
        self._writes = writes
        self._metrics = metrics
        self._turns = turns
        self._suspects: set[str] = set()
        """UIDs of those that were found the time before."""

    async def remove_for_ever(self, interval: timedelta) -> None:
        """Look for orphans now and then.

        Args:
            interval: from the end of one search to the next where nothing was found. The first is at once: everything
                is listed.
        """
        while True:
            await self.remove()
            pause = PATIENCE if self._suspects else interval
            await asyncio.sleep(pause.total_seconds())

    async def remove(self) -> None:
        """Remove what was orphaned the time before and is still, at the rate of deletions.

        What fails is tried the next time.
        """
        found = [record for record in self._store.without_a_task() if not _is_left_alone(record)]
        known, self._suspects = self._suspects, {record.uid for record in found}
        for record in found:
            if record.uid not in known:
                continue
            await self._turns.token()
            try:
                await self._remove_if_orphaned(record)
            except EverTaskError as error:
                logger.warning("cannot remove %s %s/%s: %s", _kind(record), *_place(record), error)

    async def _remove_if_orphaned(self, record: JobRecord | PodRecord) -> None:
        task = await self._reads.task(TaskKey(record.namespace, record.task_name))
        if task is not None and task.uid == record.task_uid:
            return  # the watch has yet to tell of it
        if isinstance(record, JobRecord):
            deleted = await self._writes.delete_job(DeleteJob(record, foreground=True))
        else:
            deleted = await self._writes.delete_pod(record)
        if deleted:
            self._metrics.deleted_orphans.inc()
            logger.warning(
                "%s %s/%s is deleted: EverTask %s, whose UID was %s, is gone",
                *(_kind(record), *_place(record), record.task_name, record.task_uid),
            )


def _is_left_alone(record: JobRecord | PodRecord) -> bool:
    """It is on its way already, or does not look like something that we have made."""
    going = record.deleting or record.gone if isinstance(record, JobRecord) else record.delete_by is not None
    return going or not record.task_name or not bears_our_name(record)


def _kind(record: JobRecord | PodRecord) -> str:
    return "Job" if isinstance(record, JobRecord) else "pod"


def _place(record: JobRecord | PodRecord) -> tuple[str, str]:
    return record.namespace, record.name
