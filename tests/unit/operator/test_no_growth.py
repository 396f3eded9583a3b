"""What a structure of the operator held for a task is given back when the task is gone, whatever happened to it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from evertask_operator.records import Parent, TaskKey, TaskRecord, TaskUid
from evertask_operator.slots import Slots
from evertask_operator.store import Store
from evertask_operator.timers import Timers
from evertask_operator.workqueue import WorkQueue
from tests.support.situations import CREATED, RUN, make_job, make_pod, make_task
from tests.support.sizes import sizes

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = [TaskKey(f"ns-{number % 40}", f"t-{number}") for number in range(400)]


def later(luck):
    return CREATED + timedelta(seconds=luck.randrange(50))


@pytest.mark.parametrize("per_namespace", [0, 3])
@pytest.mark.parametrize("seed", range(5))
def test_slots_hold_nothing_of_tasks_that_are_gone(seed, per_namespace):
    luck, slots = random.Random(seed), Slots(20, per_namespace)
    before = sizes(slots)
    for _ in range(3000):
        key = luck.choice(KEYS)
        happens: list[Callable[[], object]] = [
            partial(slots.ask, key, later(luck)),
            partial(slots.take, key, luck.randrange(1, 4)),
            partial(slots.keep, key),
            partial(slots.release, key),
            partial(slots.leave_queue, key),
            slots.give_up_kept,
            slots.next_turn,
        ]
        luck.choice(happens)()
    for key in KEYS:
        slots.forget(key)
    assert (slots.taken, slots.waiting) == (0, 0)
    assert sizes(slots) == before


def test_a_queue_in_which_somebody_waits_for_long_does_not_grow_by_those_who_have_left_it():
    slots = Slots(1)
    slots.take(KEYS[0])
    slots.ask(KEYS[1], CREATED)
    for number in range(5000):
        slots.ask(KEYS[2], CREATED + timedelta(seconds=number + 1))
        slots.leave_queue(KEYS[2])
    assert sizes(slots).total() < 1000


def test_timers_hold_nothing_of_keys_that_wait_for_nothing():
    luck, timers = random.Random(3), Timers()
    for _ in range(3000):
        timers.set(luck.choice(KEYS), later(luck) if luck.random() < 0.7 else None)
    for key in KEYS:
        timers.set(key, None)
    assert sizes(timers) == sizes(Timers())


async def test_the_work_queue_holds_nothing_of_keys_that_were_looked_at():
    luck, queue = random.Random(4), WorkQueue()
    for _ in range(2000):
        queue.add(luck.choice(KEYS))
        queue.drop(luck.choice(KEYS))
        if luck.random() < 0.5 and len(queue):
            key = await queue.take()
            assert key is not None
            if luck.random() < 0.3:
                queue.add(key)
            queue.done(key)
        if queue.claim(key := luck.choice(KEYS)):
            queue.done(key)
    while len(queue):
        key = await queue.take()
        assert key is not None
        queue.done(key)
    queue.close()
    assert await queue.take() is None
    assert len(queue) == 0
    assert sizes(queue).total() <= len(KEYS), "what was dropped is cleared when somebody waits for a key"


def some_task(luck: random.Random, key: TaskKey, version: int) -> TaskRecord:
    builder = luck.choice(
        [make_task(), make_task().launched(), make_task().claimed(), make_task().finished()]
    )
    if (number := int(key.name.removeprefix("t-"))) % 2:
        builder = builder.with_spec(taskKey=f"key-{number % 9}")
    if luck.random() < 0.4:
        builder = builder.with_status(nextRunTime="2026-11-24T12:00:05Z")
    parent = Parent(TaskUid(f"uid-{luck.randrange(30)}"), RUN) if luck.random() < 0.4 else None
    uid = TaskUid(f"uid-{key.name}-{luck.randrange(2)}")
    return replace(builder.record(), key=key, uid=uid, version=version, parent=parent)


@pytest.mark.parametrize("seed", range(5))
def test_the_store_holds_nothing_of_tasks_that_are_gone(seed):
    luck, store = random.Random(seed), Store()
    store.limit_finished(5)
    for version in range(2000):
        store.put_task(some_task(luck, luck.choice(KEYS), version))
        uid = luck.choice(list(store.tasks.values())).uid
        job = make_job(task_uid=uid, version=version)
        pod = make_pod(task_uid=uid, version=version)
        store.jobs.put(job)
        store.pods.put(pod)
        luck.choice([store.job_deleted, store.deletion_asked])(job)
        if luck.random() < 0.2:
            store.drop_task(luck.choice(list(store.tasks.values())))
    for task in list(store.tasks.values()):
        store.drop_task(task)
    left = sizes(store)
    assert left.pop("Store.states") <= 6, "one for each state there is"
    assert left == sizes(Store())
