"""What a decision is made from: the store, what was learned besides, and the API server where one must be sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.outcomes import is_one_shot
from evertask.api.protocol import DEFAULT_QUEUE, job_name
from evertask.api.times import parse_time
from evertask_operator.decisions.announcing import announce_finished_task
from evertask_operator.decisions.situation import Diagnosis, Situation
from evertask_operator.launch_times import LaunchTimes
from evertask_operator.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from evertask_operator.cluster import Reads
    from evertask_operator.records import TaskKey, TaskRecord
    from evertask_operator.settings import Settings
    from evertask_operator.store import Store


QUESTION_INTERVAL = timedelta(seconds=0.5)
"""Least time between two lists of events, over all tasks: the API server reads each from etcd, and where many pods wait
for a busy node none of them has anything to tell."""

QUESTION_PAUSE = timedelta(seconds=1)
"""When a task that had to let another one ask first tries again."""


class Knowledge:
    """Puts together situations."""

    def __init__(self, settings: Settings, store: Store, reads: Reads, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._store = store
        self._reads = reads
        self.clock = clock
        self._memories: dict[TaskKey, Memory] = {}
        self._next_question: datetime | None = None
        self._launch_times = LaunchTimes(settings.prelaunch)
        self.awake_since = clock()
        """Since when tasks have been watched without a break."""

    def memory(self, task: TaskRecord) -> Memory:
        """What was learned about a task (and not about an earlier one of its name)."""
        memory = self._memories.get(task.key)
        if memory is None or memory.uid != task.uid:
            memory = self._memories[task.key] = Memory(uid=task.uid)
        return memory

    @property
    def lead(self) -> timedelta:
        """How long before its time a pod of the default queue is made where no other is due with it."""
        return self._launch_times.lead(DEFAULT_QUEUE)

    def note_launch(self, task: TaskRecord) -> None:
        """Learn from a run whose pod has been let in how long a pod takes to be ready."""
        memory = self.memory(task)
        for run in (task.status.get("runs") or {}).values():
            if run.get("readyTime") and run.get("launchTime") and run["launch"] > memory.observed_launch:
                memory.observed_launch = run["launch"]
                try:
                    took = parse_time(run["readyTime"]) - parse_time(run["launchTime"])
                except ValueError:  # the runner writes its own times
                    continue
                self._launch_times.observe(_queue_of(task), took.total_seconds())

    def take_in(self, record: TaskRecord) -> bool:
        """Remember a task as others may have changed it; tells whether it was new."""
        before = self._store.tasks.get(record.key)
        if not self._store.put_task(record):
            return False
        if before is not None and before.uid == record.uid:
            self._notice_the_end(before, record)
        return True

    def _notice_the_end(self, before: TaskRecord, after: TaskRecord) -> None:
        """A runner writes the end of a one-shot itself: what the operator would tell with a write of its own."""
        finish = after.status.get("finishTime")
        if not after.finished or not is_one_shot(after.spec) or finish == before.status.get("finishTime"):
            return
        memory = self.memory(after)
        if memory.ended_by_us != finish:
            memory.notes += announce_finished_task(after)

    def forget(self, key: TaskKey) -> None:
        """The task is gone."""
        self._memories.pop(key, None)

    def situation(self, task: TaskRecord) -> Situation:
        """Put together what is known of a task now."""
        now, memory = self.clock(), self.memory(task)
        if memory.retry_at and memory.retry_at <= now:
            memory.postponement, memory.retry_at = "", None
        return Situation(
            task=task,
            now=now,
            settings=self._settings,
            jobs=self._store.jobs.in_its_namespace(task),
            pods=self._store.pods.in_its_namespace(task),
            parent=self._store.parent_of(task),
            key_holder=self._store.key_holder_of(task),
            refusal=memory.refusal if memory.refused_generation == task.generation else "",
            postponement=memory.postponement,
            diagnosis=memory.diagnosis,
            keep_jobs=memory.keep_jobs,
            beyond_limit=self._store.is_beyond_limit(task.key),
            lead=self._launch_times.lead(_queue_of(task), self._store.due_together(task)),
            awake_since=self.awake_since,
        )

    async def verify(self, situation: Situation) -> Situation:
        """Read Job and pods anew: what the watches have not told may be there all the same.

        Raises:
            EverTaskError: the API server could not be asked.
        """
        task = situation.task
        for pod in await self._reads.pods_of(task.key.namespace, task.uid):
            self._store.pods.put(pod)
        for run in situation.runs:
            known = situation.job_of(run)
            if known is not None and known.gone:
                continue
            found = await self._reads.job(task.key.namespace, job_name(task.uid, run.id, run.launch))
            if found:
                self._store.jobs.put(found)
            elif known:
                self._store.job_deleted(known)
        return replace(self.situation(self._store.tasks.get(task.key, task)), verified=True)

    async def refresh(self, task: TaskRecord) -> None:
        """See a task as it is, after a conflict.

        Raises:
            EverTaskError: the API server could not be asked.
        """
        current = await self._reads.task(task.key)
        if current is None or current.uid != task.uid:
            self._store.drop_task(task)
        if current is not None:
            self.take_in(current)

    async def diagnose(self, situation: Situation, uid: str) -> bool:
        """Read the Warning events about a Job or pod, unless that was done a moment ago.

        Returns:
            Whether they were read.

        Raises:
            EverTaskError: the API server could not be asked.
        """
        memory = self.memory(situation.task)
        if not memory.may_ask(uid, situation.now):
            return False
        wait = self._next_question - situation.now if self._next_question else timedelta(0)
        if timedelta(0) < wait <= QUESTION_INTERVAL:  # a longer one: the clock was set back
            memory.put_off(uid, situation.now + QUESTION_PAUSE)
            return False
        self._next_question = situation.now + QUESTION_INTERVAL
        found = await self._reads.warning(situation.task.key.namespace, uid)
        memory.asked(uid, Diagnosis(*found) if found else None, situation.now)
        return True


def _queue_of(task: TaskRecord) -> str:
    return str(task.spec.get("queue") or DEFAULT_QUEUE)
