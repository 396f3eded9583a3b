"""The clock's loop: instants that have come, and breaks in which nobody watched."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from evertask_operator.records import TaskKey
from evertask_operator.timekeeping import Timekeeper
from evertask_operator.workqueue import WorkQueue

KEY = TaskKey("shop", "report")
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Watch:
    """A loop that keeps time by a clock in the test's hand."""

    def __init__(self) -> None:
        self.now = START
        self.queue = WorkQueue()
        self.keeper = Timekeeper(self.queue.add, lambda: self.now)
        self.breaks: list[datetime] = []
        self.beaten = asyncio.Event()

    def beat(self) -> None:
        self.beaten.set()

    async def set_clock(self, **later: float) -> None:
        """Set the clock, and let the loop come round."""
        self.now = START + timedelta(**later)
        self.beaten.clear()
        self.keeper.wake_at(KEY, self.now + timedelta(hours=1))
        await self.beaten.wait()


@pytest.fixture
async def watch():
    made = Watch()
    loop = asyncio.create_task(made.keeper.keep_time(made.beat, made.breaks.append))
    await asyncio.sleep(0)
    yield made
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop


async def test_a_key_comes_up_when_its_instant_has_come(watch):
    await watch.set_clock(seconds=1)
    assert len(watch.queue) == 0
    watch.keeper.wake_at(KEY, watch.now)
    assert await watch.queue.take() == KEY


@pytest.mark.parametrize(
    "later", [{"seconds": 30}, {"hours": 9}, {"hours": -1}], ids=["slept", "ahead", "back"]
)
async def test_a_clock_that_jumps_is_a_break(watch, later):
    await watch.set_clock(**later)
    assert watch.breaks == [START + timedelta(**later)]


async def test_a_round_that_takes_a_moment_longer_is_no_break(watch):
    await watch.set_clock(seconds=4)
    assert watch.breaks == []
