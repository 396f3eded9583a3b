"""What is known of the cluster: trimmed records of tasks, their Jobs and their pods, indexed by task.

Three sources feed it: the watches, the operator's own writes (their answers are newer than any event), and a relist
at the start and now and then, because a watch does not say what vanished while it was interrupted. Whatever comes,
an older version never replaces a newer one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evertask.api.protocol import State
    from evertask_operator.records import JobRecord, PodRecord, TaskKey, TaskRecord, TaskUid


OwnedT = TypeVar("OwnedT", "JobRecord", "PodRecord")


def _due_second(record: TaskRecord) -> str:
    """The second in which a task runs next, as its status says; empty when it says nothing."""
    return str(record.status.get("nextRunTime") or "")[: len("2026-12-25T10:00:00")]


class Owned(Generic[OwnedT]):
    """Jobs or pods, by the task that they work for."""

    def __init__(self) -> None:
        self._by_task: dict[TaskUid, dict[str, OwnedT]] = {}

    def __len__(self) -> int:
        return sum(len(records) for records in self._by_task.values())

    def of(self, task: TaskUid) -> tuple[OwnedT, ...]:
        """Give the records of a task."""
        return tuple(self._by_task.get(task, {}).values())

    def put(self, record: OwnedT) -> bool:
        """Remember a record unless a newer one is known; tells whether anything but its version was new."""
        records = self._by_task.setdefault(record.task_uid, {})
        known = records.get(record.name)
        if known is not None and known.version >= record.version:
            return False
        records[record.name] = record
        return known is None or replace(known, version=record.version) != record

    def drop(self, record: OwnedT) -> None:
        """Forget a record, whatever its version."""
        records = self._by_task.get(record.task_uid, {})
        records.pop(record.name, None)
        if not records:
            self._by_task.pop(record.task_uid, None)

    def drop_task(self, task: TaskUid) -> None:
        """Forget all records of a task."""
        self._by_task.pop(task, None)

    def vanished(self, seen: set[tuple[TaskUid, str]], as_of: int) -> list[OwnedT]:
        """Give the records that a complete list (read at version ``as_of``) does not have."""
        return [
            record
            for task, records in self._by_task.items()
            for record in records.values()
            if (task, record.name) not in seen and record.version <= as_of
        ]


class Store:
    """All that the decisions are made from."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKey, TaskRecord] = {}
        self.jobs: Owned[JobRecord] = Owned()
        self.pods: Owned[PodRecord] = Owned()
        self.states: Counter[State] = Counter()
        self._due: Counter[str] = Counter()
        self._keys: dict[TaskUid, TaskKey] = {}

    def key_of(self, task: TaskUid) -> TaskKey | None:
        """The key of a task, if the task is known."""
        return self._keys.get(task)

    def put_task(self, record: TaskRecord) -> bool:
        """Remember a task unless a newer version is known; tells whether it was new."""
        known = self.tasks.get(record.key)
        if known is not None and known.uid == record.uid and known.version >= record.version:
            return False
        if known is not None and known.uid != record.uid:
            if known.version > record.version:
                return False
            self.drop_task(known)
            known = None
        if known is not None:
            self._count(known, -1)
        self._count(record, 1)
        self.tasks[record.key] = record
        self._keys[record.uid] = record.key
        self._forget_gone_jobs(record)
        return True

    def _count(self, record: TaskRecord, by: int) -> None:
        self.states[record.state] += by
        if second := _due_second(record):
            self._due[second] += by
            if not self._due[second]:
                del self._due[second]

    def due_together(self, record: TaskRecord) -> int:
        """How many tasks are due in the same second as this one, itself included."""
        return max(1, self._due[_due_second(record)])

    def drop_task(self, record: TaskRecord) -> None:
        """Forget a task that is deleted, with what is known of its Jobs and pods."""
        known = self.tasks.get(record.key)
        if known is None or known.uid != record.uid:
            return
        del self.tasks[record.key]
        self._count(known, -1)
        self._keys.pop(record.uid, None)
        self.jobs.drop_task(record.uid)
        self.pods.drop_task(record.uid)

    def job_deleted(self, record: JobRecord) -> None:
        """Note that a Job is gone. While its run is open that means something, and is remembered."""
        key = self.key_of(record.task_uid)
        run = self.tasks[key].open_runs.get(record.run_id) if key else None
        self.jobs.drop(record)
        if run and run["launch"] == record.launch:
            self.jobs.put(replace(record, gone=True))

    def deletion_asked(self, job: JobRecord) -> None:
        """Note that we have deleted a Job, unless a watch has told already that it is gone."""
        if job in self.jobs.of(job.task_uid):
            self.jobs.drop(job)
            self.jobs.put(replace(job, deleting=True))

    def _forget_gone_jobs(self, task: TaskRecord) -> None:
        wanted = {(run_id, run["launch"]) for run_id, run in task.open_runs.items()}
        for job in self.jobs.of(task.uid):
            if job.gone and (job.run_id, job.launch) not in wanted:
                self.jobs.drop(job)

    def vanished_tasks(self, seen: Iterable[TaskUid], as_of: int) -> list[TaskRecord]:
        """Give the tasks that a complete list (read at version ``as_of``) does not have."""
        present = set(seen)
        return [task for task in self.tasks.values() if task.uid not in present and task.version <= as_of]
