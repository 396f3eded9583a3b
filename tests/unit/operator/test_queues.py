"""Timers and the work queue: which key comes up, when, and how often."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from evertask_operator.records import TaskKey
from evertask_operator.timers import Timers
from evertask_operator.workqueue import WorkQueue
from tests.support.situations import CREATED

A, B, C = (TaskKey("shop", name) for name in "abc")


def at(seconds):
    return CREATED + timedelta(seconds=seconds)


# --- timers ------------------------------------------------------------------------------------------------


def test_keys_come_up_at_their_instant_earliest_first():
    timers = Timers()
    for key, seconds in ((A, 3), (B, 1), (C, 2)):
        timers.set(key, at(seconds))
    assert timers.pop_due(at(0.999)) == []
    assert timers.pop_due(at(2)) == [B, C]
    assert len(timers) == 1


def test_a_later_word_replaces_the_one_before():
    timers = Timers()
    timers.set(A, at(1))
    timers.set(A, at(5))
    assert timers.pop_due(at(2)) == []
    assert timers.next_instant() == at(5)
    assert timers.pop_due(at(5)) == [A]


def test_a_key_can_be_told_not_to_wake():
    timers = Timers()
    timers.set(A, at(1))
    timers.set(A, None)
    assert timers.next_instant() is None
    assert timers.pop_due(at(9)) == []


def test_the_same_word_twice_wakes_once():
    timers = Timers()
    timers.set(A, at(1))
    timers.set(A, at(1))
    assert timers.pop_due(at(1)) == [A]


def test_edits_without_end_cost_bounded_memory():
    timers = Timers()
    for seconds in range(10_000):
        timers.set(A, at(seconds))
    assert len(timers._heap) <= 66
    assert timers.pop_due(at(9_999)) == [A]


# --- the work queue ----------------------------------------------------------------------------------------


async def test_a_key_stands_in_the_queue_once():
    queue = WorkQueue()
    for key in (A, B, A):
        queue.add(key)
    assert len(queue) == 2
    assert [await queue.take(), await queue.take()] == [A, B]


async def test_a_key_that_is_worked_on_comes_up_once_more_afterwards():
    queue = WorkQueue()
    queue.add(A)
    assert await queue.take() == A
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0
    queue.done(A)
    assert len(queue) == 1


async def test_a_key_that_nobody_added_again_is_done():
    queue = WorkQueue()
    queue.add(A)
    queue.done(await queue.take() or B)
    assert len(queue) == 0


async def test_workers_wait_until_there_is_something():
    queue = WorkQueue()
    waiting = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add(A)
    assert await waiting == A


async def test_a_closed_queue_hands_out_nothing():
    queue = WorkQueue()
    waiting = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.close()
    assert await waiting is None
    queue.add(A)
    assert await queue.take() is None


async def test_a_key_that_was_dropped_is_not_handed_out():
    queue = WorkQueue()
    queue.add(A)
    queue.add(B)
    queue.drop(A)
    assert len(queue) == 1
    assert await queue.take() == B
    queue.add(A)
    assert await queue.take() == A
