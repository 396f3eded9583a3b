"""How a batch keeps a bounded number of calls under way, whatever its source and its calls do."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from evertask import ConfigurationError, Dispatch, Dispatcher, DispatchResult, Task
from evertask.batches import DispatchOptions, _InFlight, _items
from evertask.dispatching import Dispatching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Report(Task):
    handler = "shop.reports:MonthlyReport"
    number: int = 0


class Calls:
    """Calls that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.given_up: list[int] = []
        self.most = 0
        self.gate = asyncio.Event()
        self._now = 0

    async def __call__(self, number: int, item: Any) -> tuple[int, DispatchResult]:
        self.begun.append(number)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self.gate.wait()
            await settle()
        except asyncio.CancelledError:
            self.given_up.append(number)
            raise
        finally:
            self._now -= 1
        return number, DispatchResult(item, None, None)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(100):
        await asyncio.sleep(0)


def reports(count: int) -> Iterator[Report]:
    return (Report(number=number) for number in range(count))


async def test_no_more_calls_are_under_way_than_there_is_room_for():
    calls = Calls()
    calls.gate.set()
    flight = _InFlight(_items(reports(100)), calls, 7)
    numbers = [number async for number, _ in flight.results()]
    assert sorted(numbers) == list(range(100))
    assert calls.most == 7


async def test_an_endless_source_is_not_run_ahead_of():
    calls, taken = Calls(), itertools.count()
    flight = _InFlight(_items(Report(number=number) for number in taken), calls, 4)
    async with aclosing(flight.results()) as results:
        waiting = asyncio.ensure_future(anext(results))
        await settle()
        assert calls.begun == [0, 1, 2, 3]
        assert next(taken) == 4
        calls.gate.set()
        await waiting


async def test_a_source_that_waits_does_not_keep_results_back():
    more = asyncio.Event()

    async def source() -> AsyncIterator[Task | Dispatch]:
        yield Report(number=1)
        await more.wait()
        yield Report(number=2)

    calls = Calls()
    calls.gate.set()
    async with aclosing(_InFlight(_items(source()), calls, 4).results()) as results:
        assert (await anext(results))[0] == 0
        more.set()
        assert (await anext(results))[0] == 1


async def test_a_batch_that_is_left_gives_up_what_is_under_way():
    calls = Calls()
    flight = _InFlight(_items(reports(100)), calls, 3)

    async def run() -> None:
        async with aclosing(flight.results()) as results:
            await anext(results)

    batch = asyncio.create_task(run())
    await settle()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert sorted(calls.given_up) == calls.begun == [0, 1, 2]


async def test_a_source_that_fails_fails_the_batch_after_the_results_before_it():
    def source() -> Iterator[Report]:
        yield from reports(3)
        raise LookupError("row 4 is unreadable")

    calls, seen = Calls(), []
    calls.gate.set()

    async def run() -> None:
        async for number, _ in _InFlight(_items(source()), calls, 2).results():
            seen.append(number)

    with pytest.raises(LookupError, match="row 4"):
        await run()
    assert sorted(seen) == [0, 1, 2]


async def test_a_call_that_fails_unexpectedly_ends_the_batch_and_the_other_calls():
    calls = Calls()

    async def call(number: int, item: Any) -> tuple[int, DispatchResult]:
        if number == 2:
            raise TypeError("delay must be a timedelta")
        return await calls(number, item)

    with pytest.raises(TypeError, match="timedelta"):
        async for _ in _InFlight(_items(reports(100)), call, 3).results():
            pass
    assert sorted(calls.given_up) == [0, 1]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: Dispatcher().dispatch_many([], concurrency=0), id="many"),
        pytest.param(lambda: anext(Dispatcher().dispatch_stream([], concurrency=0)), id="stream"),
    ],
)
async def test_no_room_at_all_is_refused(call):
    with pytest.raises(ValueError, match="concurrency is 0; give the number"):
        await call()


async def test_what_is_wrong_with_each_task_stands_in_its_result(tmp_path):
    class Lost(Task):
        pass

    told: list[tuple[int, int]] = []
    dispatcher = Dispatcher(kubeconfig=str(tmp_path / "none"))
    results = await dispatcher.dispatch_many(
        [Lost(), Dispatch(Report(), task_key="")], progress=lambda *counts: told.append(counts)
    )
    assert [type(result.error) for result in results] == [ConfigurationError, type(results[1].error)]
    assert ["names no handler" in str(results[0].error), "task_key=''" in str(results[1].error)] == [
        True,
        True,
    ]
    assert [result.ok for result in results] == [False, False]
    assert told == [(1, 1), (2, 2)]


async def test_one_task_in_the_place_of_many_is_told():
    with pytest.raises(TypeError, match="instance of a Task subclass, not tuple"):
        await Dispatcher().dispatch_many(Report(number=1))  # type: ignore[arg-type]


def test_a_batchs_options_are_those_of_a_dispatch():
    own = {"self", "task", "deadline", "return"}
    assert DispatchOptions.__annotations__.keys() == Dispatching.dispatch.__annotations__.keys() - own


def test_an_item_shows_what_it_says():
    assert repr(Dispatch(Report(number=1), task_key="a")) == "Dispatch(Report(number=1), task_key='a')"
