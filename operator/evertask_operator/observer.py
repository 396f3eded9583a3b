"""What the watches and the relists tell goes into the store, and what changed goes into the queue."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from evertask.errors import EverTaskError
from evertask_operator.records import read_job, read_pod, read_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_operator.cluster import Reads
    from evertask_operator.health import Health
    from evertask_operator.metrics import Metrics
    from evertask_operator.reconciler import Reconciler
    from evertask_operator.records import JobRecord, PodRecord, TaskRecord, TaskUid

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""How long after a relist that failed the next is tried; it doubles with each that fails after it."""

LONGEST_RETRY_SECONDS = 15.0

NEW_LIST_SECONDS = 5.0
"""What kopf lists comes in one stream; after a break as long as this it lists once more."""


def retry_seconds(failures: int) -> float:
    """Give the seconds to wait after so many relists in a row that failed, from 1."""
    return min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0 ** min(failures - 1, 16))


class Observer:
    """Feeds the store."""

    def __init__(self, reconciler: Reconciler, reads: Reads, metrics: Metrics, health: Health) -> None:
        self._reconciler = reconciler
        self._store = reconciler.store
        self._reads = reads
        self._metrics = metrics
        self._health = health
        self.listed_at = {"jobs": 0, "pods": 0}
        """The version of the newest complete list of a kind."""
        self._wanted = asyncio.Event()
        self._told_of_list_at: float | None = None

    # --- watches -----------------------------------------------------------------------------------------------

    def task_event(self, type_: str | None, raw: Mapping[str, Any]) -> None:
        """Take in what the watch says of a task (type None: it was listed)."""
        record = read_task(raw)
        self._health.heard("evertasks", record.version)
        if type_ is None:
            self._notice_list(time.monotonic())
        if type_ == "DELETED":
            self._store.drop_task(record)
            self._reconciler.queue.add(record.key)
        else:
            self._task(record)

    def job_event(self, type_: str | None, raw: Mapping[str, Any]) -> None:
        """Take in what the watch says of a Job."""
        record = read_job(raw)
        if record is None:
            return
        self._health.heard("jobs", record.version)
        if type_ == "DELETED":
            self._store.job_deleted(record)
            self._look(record.task_uid)
        elif self._store.jobs.put(record):
            self._look(record.task_uid)

    def pod_event(self, type_: str | None, raw: Mapping[str, Any]) -> None:
        """Take in what the watch says of a pod."""
        record = read_pod(raw)
        if record is None:
            return
        self._health.heard("pods", record.version)
        if type_ == "DELETED":
            self._pod_gone(record)
        elif self._store.pods.put(record):
            self._look(record.task_uid)

    def _notice_list(self, now: float) -> None:
        """The watch of tasks has expired (410) where it lists once more: what vanished meanwhile it does not tell."""
        before, self._told_of_list_at = self._told_of_list_at, now
        if before is not None and now - before > NEW_LIST_SECONDS:
            self.relist_soon()

    def _task(self, record: TaskRecord) -> None:
        before = self._store.tasks.get(record.key)
        if self._reconciler.knowledge.take_in(record):
            self._measure(before, record)
            self._reconciler.queue.add(record.key)

    def _pod_gone(self, record: PodRecord) -> None:
        self._store.pods.drop(record)
        self._look(record.task_uid)

    def _look(self, task: TaskUid) -> None:
        key = self._store.key_of(task)
        if key is not None:
            self._reconciler.queue.add(key)

    def _measure(self, before: TaskRecord | None, after: TaskRecord) -> None:
        """Observe launches that were just claimed."""
        if before is None or before.uid != after.uid:
            return
        self._metrics.count_attempts(before.status, after.status)
        earlier = before.status.get("runs") or {}
        for run_id, run in (after.status.get("runs") or {}).items():
            self._metrics.observe_run(earlier.get(run_id), run, after.created)

    # --- relists -----------------------------------------------------------------------------------------------

    async def list_once(self) -> None:
        """List everything before the first decision: who holds a slot must be known."""
        failures = 0
        while True:
            try:
                await self.relist()
            except EverTaskError as error:
                pause = retry_seconds(failures := failures + 1)
                logger.warning("cannot list tasks, Jobs and pods: %s; trying again in %.0f s", error, pause)
                await asyncio.sleep(pause)
            else:
                self._reconciler.take_stock()
                self._health.listed = True
                return

    def relist_soon(self) -> None:
        """Ask for a relist out of turn: something may have vanished unseen."""
        self._wanted.set()

    async def relist_for_ever(self) -> None:
        """List everything now and then, to drop what vanished unseen and to catch a watch that went silent."""
        interval = self._reconciler.settings.resync_interval.total_seconds()
        pause, failures = interval, 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.relist()
            except EverTaskError as error:
                pause = min(interval, retry_seconds(failures := failures + 1))
                self._wanted.clear()
                logger.warning("cannot relist: %s; trying again in %.0f s", error, pause)
            else:
                pause, failures = interval, 0

    async def relist(self) -> None:
        """Compare the store with complete lists.

        Raises:
            EverTaskError: the API server could not be asked.
        """
        jobs, pods, tasks = await self._reads.jobs(), await self._reads.pods(), await self._reads.tasks()
        for kind, listing in (("jobs", jobs), ("pods", pods), ("evertasks", tasks)):
            self._health.listed_up_to(kind, max((item.version for item in listing.items), default=0))
        self.listed_at = {"jobs": jobs.version, "pods": pods.version}
        job_records: list[JobRecord] = jobs.items
        pod_records: list[PodRecord] = pods.items
        for job in job_records:
            if self._store.jobs.put(job):
                self._look(job.task_uid)
        for pod in pod_records:
            if self._store.pods.put(pod):
                self._look(pod.task_uid)
        for task in tasks.items:
            self._task(task)
        self._drop_what_vanished(job_records, jobs.version, pod_records, pods.version)
        for task in self._store.vanished_tasks((t.uid for t in tasks.items), tasks.version):
            self._store.drop_task(task)
            self._reconciler.queue.add(task.key)

    def _drop_what_vanished(
        self, jobs: list[JobRecord], jobs_version: int, pods: list[PodRecord], pods_version: int
    ) -> None:
        for job in self._store.jobs.vanished({(j.task_uid, j.name) for j in jobs}, jobs_version):
            if not job.gone:
                self._store.job_deleted(job)
                self._look(job.task_uid)
        for pod in self._store.pods.vanished({(p.task_uid, p.name) for p in pods}, pods_version):
            self._pod_gone(pod)
