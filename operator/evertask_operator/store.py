"""What is known of the cluster: trimmed records of tasks, their Jobs and their pods, indexed by task.

Three sources feed it: the watches, the operator's own writes (their answers are newer than any event), and a relist
at the start and now and then, because a watch does not say what vanished while it was interrupted. Whatever comes,
an older version never replaces a newer one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from evertask_operator.decisions.duplicates import rank_of
from evertask_operator.decisions.parents import holds_its_child
from evertask_operator.retention import FinishedTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evertask.api.protocol import State
    from evertask_operator.decisions.duplicates import Rank
    from evertask_operator.records import JobRecord, PodRecord, TaskKey, TaskRecord, TaskUid


OwnedT = TypeVar("OwnedT", "JobRecord", "PodRecord")


def _due_second(record: TaskRecord) -> str:
    """The second in which a task runs next, as its status says; empty when it says nothing."""
    return str(record.status.get("nextRunTime") or "")[: len("2026-12-25T10:00:00")]


def _concerns_children(before: TaskRecord, after: TaskRecord) -> bool:
    """Tell whether a run has ended, for which children are kept, or the template that they may have is another."""
    if before.open_runs.keys() - after.open_runs.keys():
        return True
    return bool(before.spec.get("podTemplate") != after.spec.get("podTemplate"))


class Owned(Generic[OwnedT]):
    """Jobs or pods, by the task that they say they work for.

    Whoever may create pods in another namespace can give one the labels of a task of ours: it must not take the place
    of one in the task's own namespace, and is no part of what is decided from (``in_its_namespace``).
    """

    def __init__(self) -> None:
        self._by_task: dict[TaskUid, dict[tuple[str, str], OwnedT]] = {}

    def __len__(self) -> int:
        return sum(len(records) for records in self._by_task.values())

    def of(self, task: TaskUid) -> tuple[OwnedT, ...]:
        """Give the records of a task."""
        return tuple(self._by_task.get(task, {}).values())

    def in_its_namespace(self, task: TaskRecord) -> tuple[OwnedT, ...]:
        """Give the records of a task that are where it is."""
        return tuple(record for record in self.of(task.uid) if record.namespace == task.key.namespace)

    def where(self, holds: Callable[[OwnedT], bool]) -> list[OwnedT]:
        """Give the records of which something holds."""
        return [record for records in self._by_task.values() for record in records.values() if holds(record)]

    def put(self, record: OwnedT) -> bool:
        """Remember a record unless a newer one is known; tells whether anything but its version was new."""
        records = self._by_task.setdefault(record.task_uid, {})
        known = records.get((record.namespace, record.name))
        if known is not None and known.version >= record.version:
            return False
        records[record.namespace, record.name] = record
        return known is None or replace(known, version=record.version) != record

    def drop(self, record: OwnedT) -> None:
        """Forget a record, whatever its version."""
        records = self._by_task.get(record.task_uid, {})
        records.pop((record.namespace, record.name), None)
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


class KeyHolders:
    """Tasks by their key, and which of those that have the same one holds it."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], dict[TaskKey, Rank]] = {}
        self._holders: dict[tuple[str, str], TaskKey] = {}

    def holder(self, record: TaskRecord) -> TaskKey | None:
        """Give the task that holds the key of a task; None where it has none."""
        key = record.spec.get("taskKey")
        return self._holders.get((record.key.namespace, key)) if key else None

    def put(self, record: TaskRecord) -> Iterable[TaskKey]:
        """Note a task; gives the tasks whose key has got another holder by it."""
        if not (key := record.spec.get("taskKey")):
            return ()
        which, rank = (record.key.namespace, key), rank_of(record)
        group = self._groups.setdefault(which, {})
        before, known = self._holders.get(which), group.get(record.key)
        group[record.key] = rank
        if before is None or rank < group[before]:
            self._holders[which] = record.key
        elif before == record.key and rank != known:
            self._holders[which] = min(group, key=group.__getitem__)
        return tuple(group) if before not in {None, self._holders[which]} else ()

    def drop(self, record: TaskRecord) -> Iterable[TaskKey]:
        """Forget a task; gives the tasks whose key has got another holder by it."""
        which = (record.key.namespace, record.spec.get("taskKey", ""))
        group = self._groups.get(which, {})
        if group.pop(record.key, None) is None:
            return ()
        if not group:
            del self._groups[which], self._holders[which]
        elif self._holders[which] == record.key:
            self._holders[which] = min(group, key=group.__getitem__)
            return tuple(group)
        return ()


class Store:
    """All that the decisions are made from."""

    def __init__(self) -> None:
        self.look_again: Callable[[TaskKey], None] = lambda _key: None
        """Is called with each task that the change of another one concerns: they share a key, are parent and child,
        or are too many in their namespace."""
        self.tasks: dict[TaskKey, TaskRecord] = {}
        self.jobs: Owned[JobRecord] = Owned()
        self.pods: Owned[PodRecord] = Owned()
        self.states: Counter[State] = Counter()
        self._due: Counter[str] = Counter()
        self._keys: dict[TaskUid, TaskKey] = {}
        self._holders = KeyHolders()
        self._children: dict[TaskUid, set[TaskKey]] = {}
        self._finished = FinishedTasks()

    def limit_finished(self, per_namespace: int) -> None:
        """Say how many finished tasks a namespace keeps, before there is any; 0: all."""
        self._finished = FinishedTasks(per_namespace)

    def key_of(self, task: TaskUid) -> TaskKey | None:
        """The key of a task, if the task is known."""
        return self._keys.get(task)

    def parent_of(self, record: TaskRecord) -> TaskRecord | None:
        """The task whose run dispatched a task; None where it is unknown, or in another namespace."""
        key = self._keys.get(record.parent.uid) if record.parent else None
        return self.tasks[key] if key and key.namespace == record.key.namespace else None

    def key_holder_of(self, record: TaskRecord) -> TaskRecord | None:
        """The other task that holds a task's key; None where it holds it itself, or has none."""
        holder = self._holders.holder(record)
        return self.tasks[holder] if holder and holder != record.key else None

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
        self._index(known, record)
        return True

    def _index(self, known: TaskRecord | None, record: TaskRecord) -> None:
        if record.parent:
            self._children.setdefault(record.parent.uid, set()).add(record.key)
        if known and known.parent and (not record.parent or known.parent.uid != record.parent.uid):
            self._drop_child(known.parent.uid, record.key)
        for key in self._holders.put(record):
            self.look_again(key)
        self._count_finished(record)
        if record.uid in self._children and (known is None or _concerns_children(known, record)):
            self._look_at_children(record.uid)

    def _count_finished(self, record: TaskRecord) -> None:
        """Let a finished task that may go take its place among those of its namespace."""
        if not record.finished or record.deleting or holds_its_child(self.parent_of(record), record):
            self._finished.drop(record.key)
        elif name := self._finished.put(record):
            self.look_again(record.key._replace(name=name))

    def is_beyond_limit(self, key: TaskKey) -> bool:
        """Tell whether a task is finished, and its namespace has too many that finished after it."""
        return self._finished.is_beyond_limit(key)

    def _look_at_children(self, parent: TaskUid) -> None:
        for key in self._children.get(parent, ()):
            self._count_finished(self.tasks[key])
            self.look_again(key)

    def _drop_child(self, parent: TaskUid, key: TaskKey) -> None:
        siblings = self._children.get(parent, set())
        siblings.discard(key)
        if not siblings:
            self._children.pop(parent, None)

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
        if known.parent:
            self._drop_child(known.parent.uid, known.key)
        for key in self._holders.drop(known):
            self.look_again(key)
        self._finished.drop(known.key)
        self._look_at_children(record.uid)
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

    def without_a_task(self) -> list[JobRecord | PodRecord]:
        """Give the Jobs, and the pods that nothing owns, of which no task is known in their namespace."""
        pods = self.pods.where(lambda pod: not pod.owned and self._has_no_task(pod))
        return [*self.jobs.where(self._has_no_task), *pods]

    def _has_no_task(self, record: JobRecord | PodRecord) -> bool:
        key = self._keys.get(record.task_uid)
        return key is None or key.namespace != record.namespace

    def vanished_tasks(self, seen: Iterable[TaskUid], as_of: int) -> list[TaskRecord]:
        """Give the tasks that a complete list (read at version ``as_of``) does not have."""
        present = set(seen)
        return [task for task in self.tasks.values() if task.uid not in present and task.version <= as_of]
