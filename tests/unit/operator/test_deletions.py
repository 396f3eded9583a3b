"""The rate of deletions, and who waits for a turn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from evertask_operator.deletions import DeletionQueue, TokenBucket
from evertask_operator.records import TaskKey

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def keys(count):
    return [TaskKey("shop", f"t-{number}") for number in range(count)]


def taken(bucket, seconds, steps_per_second=1000):
    """Count the tokens that someone gets who asks all the time."""
    instants = (START + timedelta(seconds=n / steps_per_second) for n in range(seconds * steps_per_second))
    return sum(not bucket.take(now) for now in instants)


# --- the bucket --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "burst", "tokens"), [(20, 1, 200), (20, 20, 219), (1, 1, 10), (500, 50, 5049), (0.5, 1, 5)]
)
def test_there_are_so_many_tokens_and_no_more(rate, burst, tokens):
    assert taken(TokenBucket(rate, burst), 10) == pytest.approx(tokens, abs=1)


def test_a_rest_saves_up_a_burst_and_no_more():
    bucket = TokenBucket(10, 3)
    later = START + timedelta(hours=5)
    bucket.take(START)
    assert [bool(bucket.take(later)) for _ in range(5)] == [False, False, False, True, True]


def test_who_gets_no_token_is_told_when_there_is_one():
    bucket = TokenBucket(10, 1)
    bucket.take(START)
    wait = bucket.take(START + timedelta(milliseconds=30))
    assert wait == timedelta(milliseconds=70)
    assert not bucket.take(START + timedelta(milliseconds=100))


def test_what_cannot_wait_makes_the_others_wait():
    bucket = TokenBucket(10, 1)
    bucket.charge(START)
    bucket.charge(START)
    assert bucket.take(START) == timedelta(milliseconds=200)


def test_a_flood_of_what_cannot_wait_puts_the_others_off_for_two_intervals_at_most():
    bucket = TokenBucket(10, 1)
    for _ in range(1000):
        bucket.charge(START)
    assert bucket.take(START) == timedelta(milliseconds=200)


def test_a_clock_that_is_set_back_stops_nothing():
    bucket = TokenBucket(10, 1)
    bucket.take(START)
    assert not bucket.take(START - timedelta(days=1))
    assert bucket.take(START - timedelta(days=1))


# --- the queue ---------------------------------------------------------------------------------------------


class Clock:
    """A clock that stands until it is set."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


async def test_keys_come_in_the_order_in_which_they_came_to_wait(clock):
    queue = DeletionQueue(1000, clock)
    for key in keys(3):
        queue.add(key)
    queue.add(keys(1)[0])
    assert [await queue.take() for _ in range(3)] == keys(3)


async def test_a_key_that_is_dropped_has_no_turn(clock):
    queue = DeletionQueue(1000, clock)
    first, second = keys(2)
    queue.add(first)
    queue.add(second)
    queue.drop(first)
    assert (first in queue, second in queue, len(queue)) == (False, True, 1)
    assert await queue.take() == second


async def test_who_waits_for_a_key_is_woken_by_it(clock):
    queue = DeletionQueue(1000, clock)
    waiter = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.add(keys(1)[0])
    assert await waiter == keys(1)[0]


async def test_a_key_that_is_dropped_while_a_token_is_awaited_is_not_handed_out(clock):
    queue = DeletionQueue(1000, clock)
    first, second = keys(2)
    await queue.token()
    for _ in range(200):
        queue.charge()
    queue.add(first)
    waiter = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.drop(first)
    clock.now += SECOND
    queue.add(second)
    assert await waiter == second


async def test_no_key_is_handed_out_without_a_token(clock):
    queue = DeletionQueue(10, clock)
    for key in keys(5):
        queue.add(key)
    await queue.take()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(), 0.001)
    assert len(queue) == 4
    clock.now += SECOND
    assert await queue.take() == keys(2)[1]
