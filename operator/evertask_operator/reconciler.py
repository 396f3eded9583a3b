"""Brings the cluster to what the decisions say, one task at a time.

A pass looks at a task from the top: situation → decision → write. After a write the task is looked at again, now as
the answer shows it, until there is nothing left to do. Keys come from the watches (``observer``), from the clock
(``timers``) and from tasks that made room (``slots``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.errors import ApiUnavailableError, EverTaskError
from evertask_operator.cluster import Verdict
from evertask_operator.decisions import decide
from evertask_operator.decisions.occupancy import kept_jobs, slots_needed
from evertask_operator.decisions.plans import Plan
from evertask_operator.decisions.relaunching import give_up_the_launch
from evertask_operator.knowledge import Knowledge
from evertask_operator.memory import LONGEST_PAUSE
from evertask_operator.removals import Remover
from evertask_operator.resources.jobs import AT_ONCE, Begin, build_job
from evertask_operator.slots import Slots
from evertask_operator.timekeeping import Timekeeper, wall_clock
from evertask_operator.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from evertask_operator.cluster import Reads, Writes
    from evertask_operator.decisions.plans import LaunchJob, Note
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.metrics import Metrics
    from evertask_operator.records import TaskKey, TaskRecord
    from evertask_operator.settings import Settings
    from evertask_operator.store import Store

logger = logging.getLogger(__name__)

MAX_ROUNDS = 8
"""Looks at one task in a row; more (conflicts) go to the end of the queue, so that others have their turn."""

AWAY_PAUSE = timedelta(seconds=5)
"""The longest pause while the API server is away: when it is back, what is due should not wait for a minute."""


class Reconciler:
    """The one writer: decides about tasks and carries it out."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        reads: Reads,
        writes: Writes,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        self.settings = settings
        self.store = store
        self.queue = WorkQueue()
        self.slots = Slots(settings.max_running, settings.max_running_per_namespace)
        self._writes = writes
        self._metrics = metrics
        self._clock = clock
        self._timekeeper = Timekeeper(self._bring_up, clock)
        self.knowledge = Knowledge(settings, store, reads, clock)
        self._remover = Remover(
            reads, writes, metrics, settings=settings, store=store, knowledge=self.knowledge, slots=self.slots
        )
        store.look_again = self.queue.add
        store.limit_finished(settings.retention.max_finished_per_namespace)
        metrics.lead.set_function(self._lead_seconds)

    # --- the loops ---------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Look at tasks as they come up, until the queue is closed."""
        while (key := await self.queue.take()) is not None:
            try:
                await self._look_at(key)
            finally:
                self.queue.done(key)

    async def clear_away(self) -> None:
        """Delete what waits for its turn, and what is orphaned, for ever."""
        await self._remover.work(self.queue, self._look_in_turn)

    async def _look_in_turn(self, key: TaskKey) -> None:
        await self._look_at(key, in_turn=True)

    def _bring_up(self, key: TaskKey) -> None:
        """The instant of a task has come: one that is over, and that nobody waits for, need not be looked at soon."""
        task = self.store.tasks.get(key)
        over = task is not None and task.finished and not self.slots.holds(key)
        (self._remover.waiting if over else self.queue).add(key)

    async def keep_time(self, beat: Callable[[], None]) -> None:
        """Bring tasks up when their instant has come, for ever.

        Args:
            beat: called each time round, as a sign of life.
        """
        await self._timekeeper.keep_time(beat, self._after_break)

    def _after_break(self, now: datetime) -> None:
        """Nothing was watched for a while: what was due meanwhile was missed."""
        self.knowledge.awake_since = now
        for key in list(self.store.tasks):
            self.queue.add(key)

    def take_stock(self) -> None:
        """Before the first decision: who holds a slot keeps it, who is due stands in line by due time.

        Who has nothing to do but to wait is not looked at again: those who are due come first.
        """
        self.knowledge.awake_since = self._clock()
        for task in self.store.tasks.values():
            situation = self.knowledge.situation(task)
            if needed := slots_needed(situation):
                self.slots.take(task.key, needed)
            elif kept_jobs(situation):
                self.slots.keep(task.key)
            else:
                self._take_stock_of(task.key, decide(situation))

    def _take_stock_of(self, key: TaskKey, plan: Plan) -> None:
        if plan.opens_run is not None:
            self.slots.stand_in_line(key, plan.opens_run)
        elif plan.delete_task:
            self.queue.drop(key)
            self._remover.waiting.add(key)
        elif plan == Plan(wake=plan.wake):
            self.queue.drop(key)
            self._timekeeper.wake_at(key, plan.wake)

    def _lead_seconds(self) -> float:
        """The lead at the moment of the scrape."""
        return self.knowledge.lead.total_seconds()

    # --- one task ----------------------------------------------------------------------------------------------

    async def _look_at(self, key: TaskKey, *, in_turn: bool = False) -> None:
        task = self.store.tasks.get(key)
        if task is None:
            self._forget(key)
            return
        memory = self.knowledge.memory(task)
        try:
            while memory.notes:
                await self._writes.note(task, memory.notes.pop(0))
            for _ in range(MAX_ROUNDS):
                if not await self._round(key, in_turn=in_turn):
                    memory.failures = memory.failures if memory.postponement else 0
                    return
            self.queue.add(key)
        except EverTaskError as error:
            self._metrics.reconcile_errors.labels(type(error).__name__).inc()
            longest = AWAY_PAUSE if isinstance(error, ApiUnavailableError) else LONGEST_PAUSE
            pause = min(memory.pause(), longest)
            memory.failures += 1
            logger.warning("task %s: %s; trying again in %.2f s", key, error, pause.total_seconds())
            self._timekeeper.wake_at(key, self._clock() + pause)
        except Exception:
            # A fault of ours must not end the operator, nor be lost: it is counted, told, and tried again.
            self._metrics.reconcile_errors.labels("bug").inc()
            logger.exception("task %s: cannot be decided on; trying again in a minute", key)
            self._timekeeper.wake_at(key, self._clock() + LONGEST_PAUSE)

    async def _round(self, key: TaskKey, *, in_turn: bool) -> bool:
        """Decide once and carry it out; tells whether the task must be looked at again at once."""
        task = self.store.tasks.get(key)
        if task is None:
            self._forget(key)
            return False
        self.knowledge.note_launch(task)
        plan = self._decide(situation := self.knowledge.situation(task))
        if plan.verify:
            situation = await self.knowledge.verify(situation)
            if situation.task.version != task.version:
                return True
            plan = self._decide(situation)
        if plan.diagnose and await self.knowledge.diagnose(situation, plan.diagnose):
            return True
        return await self._carry_out(situation, plan, in_turn=in_turn)

    def _decide(self, situation: Situation) -> Plan:
        """Decide, with a slot where one is needed and there is one."""
        key = situation.task.key
        needed = slots_needed(situation)
        if needed and self.slots.take(key, needed):
            self._wake_next()
        plan = decide(situation)
        if plan.opens_run is None:
            if self.slots.leave_queue(key):
                self._wake_next()  # it may have been this task's turn
            return plan
        if self.slots.ask(key, plan.opens_run, needed + kept_jobs(situation) + 1):
            self._wake_next()
            return plan
        self._make_room()
        return decide(replace(situation, room=self.slots.full_because(key)))

    async def _carry_out(self, situation: Situation, plan: Plan, *, in_turn: bool) -> bool:
        task = situation.task
        memory = self.knowledge.memory(task)
        if plan.status is not None:
            return await self._write_status(task, plan.status, *plan.notes)
        if plan.job is not None:
            return await self._launch(situation, plan.job)
        if await self._remover.remove(situation, plan, in_turn=in_turn):
            return True
        wakes = [plan.wake, memory.retry_at, memory.ask_again_at if plan.diagnose else None]
        self._timekeeper.wake_at(task.key, min((w for w in wakes if w is not None), default=None))
        self._settle_slot(self.knowledge.situation(task))
        return False

    # --- writes ------------------------------------------------------------------------------------------------

    async def _write_status(self, task: TaskRecord, status: dict[str, Any], *notes: Note) -> bool:
        if status.get("finishTime"):  # the watch may tell of it before the answer is here
            self.knowledge.memory(task).ended_by_us = status["finishTime"]
        written = await self._writes.patch_status(task, status)
        if written is None:
            self._metrics.conflicts.inc()
            await self.knowledge.refresh(task)
            return True
        if self.store.put_task(written):  # else the watch has told of it already
            self._metrics.count_attempts(task.status, written.status)
        self._metrics.count_occurrences(task.status, written.status)
        for note in notes:
            await self._writes.note(written, note)
        return True

    async def _launch(self, situation: Situation, launch: LaunchJob) -> bool:
        task = situation.task
        memory = self.knowledge.memory(task)
        run = replace(situation, focus=launch.run_id).run
        manifest = build_job(
            task,
            launch.run_id,
            launch.launch,
            self.settings.runner,
            defaults=self.settings.defaults,
            begin=Begin.of(run.failed_attempts + 1, run.begins_at, situation.now) if run else AT_ONCE,
        )
        answer = await self._writes.create_job(task, manifest)
        if answer.verdict is Verdict.CREATED and answer.job:
            self.store.jobs.put(answer.job)
            memory.launched()
        elif answer.verdict is Verdict.NAME_TAKEN:
            status = give_up_the_launch(replace(situation, focus=launch.run_id)).status
            return status is not None and await self._write_status(task, status)
        elif answer.verdict is Verdict.WRONG:
            memory.refuse(answer.message, task.generation)
        else:
            memory.postpone(answer.message, self._clock())
        return True

    # --- bookkeeping -------------------------------------------------------------------------------------------

    def _forget(self, key: TaskKey) -> None:
        self.knowledge.forget(key)
        self._timekeeper.wake_at(key, None)
        self._remover.waiting.drop(key)
        if self.slots.forget(key):
            self._wake_next()

    def _settle_slot(self, situation: Situation) -> None:
        """Give the slot back when nothing needs it; a Job that is only kept holds it until another task needs it."""
        key = situation.task.key
        may_give_up = self._remover.may_give_up(situation) or kept_jobs(situation)
        if (needed := slots_needed(situation)) and not may_give_up:
            if self.slots.take(key, needed):
                self._wake_next()
        elif may_give_up:
            self.slots.keep(key)
            self._make_room()
        elif self.slots.release(key):
            self._wake_next()

    def _make_room(self) -> None:
        for key in self.slots.give_up_kept():
            if task := self.store.tasks.get(key):
                self.knowledge.memory(task).keep_jobs = False
            self.queue.add(key)

    def _wake_next(self) -> None:
        following = self.slots.next_turn()
        if following is not None:
            self.queue.add(following)
