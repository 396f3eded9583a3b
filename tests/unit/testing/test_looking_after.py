"""Looking after tasks in memory: waiting lets time pass, and what is done to a task shows at once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from evertask import CancelOutcome, State, TaskCancelledError, TaskFailedError, TaskNotFoundError
from evertask.errors import ConfigurationError
from tests.unit.testing.bakery import Bake, Burn
from tests.unit.testing.conftest import NOON

if TYPE_CHECKING:
    from evertask.testing import InMemoryDispatcher

HOUR = timedelta(hours=1)


async def test_waiting_lets_time_pass_until_the_end(dispatcher: InMemoryDispatcher) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Bake(), delay=HOUR))
    assert (view.state, dispatcher.now) == (State.COMPLETED, NOON + HOUR)


async def test_waiting_for_several_gives_them_in_their_order(dispatcher: InMemoryDispatcher) -> None:
    later = await dispatcher.dispatch(Bake(loaves=1), delay=HOUR)
    sooner = await dispatcher.dispatch(Bake(loaves=2))
    views = await dispatcher.wait([later, sooner])
    assert [view.result for view in views] == ["1 loaves", "2 loaves"]


async def test_waiting_by_key(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake(), task_key="daily")
    assert (await dispatcher.wait(key="daily")).state is State.COMPLETED


async def test_a_wait_ends_when_its_time_has_passed(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), delay=2 * HOUR)
    with pytest.raises(TimeoutError, match="has not finished within 1:00:00; it goes on"):
        await dispatcher.wait(task_id, HOUR)
    assert dispatcher.now == NOON + HOUR


async def test_a_wait_that_nothing_can_end_says_so(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake())
    await dispatcher.suspend(task_id)
    with pytest.raises(TimeoutError, match=r"is Pending \(suspended: .*nothing is left to run"):
        await dispatcher.wait(task_id)


async def test_waiting_raises_what_a_cluster_raises(dispatcher: InMemoryDispatcher) -> None:
    burnt, gone = await dispatcher.dispatch(Burn()), await dispatcher.dispatch(Bake())
    await dispatcher.cancel(gone)
    with pytest.raises(TaskFailedError, match="too hot"):
        await dispatcher.wait(burnt)
    with pytest.raises(TaskCancelledError):
        await dispatcher.wait(gone)
    with pytest.raises(TaskNotFoundError):
        await dispatcher.wait(uuid4())


async def test_two_may_wait_at_once(dispatcher: InMemoryDispatcher) -> None:
    ids = [await dispatcher.dispatch(Bake(loaves=number)) for number in range(5)]
    views = await asyncio.gather(*(dispatcher.wait(one) for one in ids))
    assert [view.result for view in views] == [f"{number} loaves" for number in range(5)]


async def test_a_task_that_is_cancelled_before_its_time_never_runs(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), delay=HOUR)
    assert await dispatcher.cancel(task_id) is CancelOutcome.REQUESTED
    assert await dispatcher.cancel(task_id) is CancelOutcome.CANCELLED
    assert await dispatcher.run_all() == []
    view = await dispatcher.get(task_id)
    assert view is not None
    assert (view.state, view.message) == (State.CANCELLED, "cancelled before it started")


async def test_a_cancelled_series_has_ended(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring=HOUR)
    await dispatcher.advance(HOUR)
    await dispatcher.cancel(task_id)
    assert await dispatcher.run_all() == []
    view = await dispatcher.get(task_id)
    assert view is not None
    assert (view.state, view.counts.runs) == (State.CANCELLED, 1)


async def test_a_finished_task_is_not_cancelled(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake())
    await dispatcher.run_due()
    assert await dispatcher.cancel(task_id) is CancelOutcome.ALREADY_FINISHED
    assert await dispatcher.cancel(uuid4()) is CancelOutcome.NOT_FOUND


@pytest.mark.parametrize(
    ("filters", "loaves"),
    [
        ({"state": State.PENDING}, {2, 3}),
        ({"state": [State.PENDING, State.QUEUED]}, {1, 2, 3}),
        ({"queue": "night"}, {3}),
        ({"queue": "default"}, {1, 2}),
        ({"key": "a,b=c"}, {2}),
        ({"handler": "elsewhere:handler"}, set()),
    ],
    ids=["state", "states", "queue", "default-queue", "key", "handler"],
)
async def test_a_query_finds_what_is_asked_for(
    dispatcher: InMemoryDispatcher, filters: dict[str, str], loaves: set[int]
) -> None:
    await dispatcher.dispatch(Bake(loaves=1))
    await dispatcher.dispatch(Bake(loaves=2), task_key="a,b=c", delay=HOUR)
    await dispatcher.dispatch(Bake(loaves=3), queue="night", delay=HOUR)
    page = await dispatcher.query(**filters)  # type: ignore[arg-type]
    assert {view.raw["spec"]["payload"]["loaves"] for view in page.items} == loaves


async def test_pages_hold_each_task_once(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch_many(Bake(loaves=number) for number in range(7))
    first = await dispatcher.query(limit=4)
    rest = await dispatcher.query(limit=4, continue_token=first.continue_token)
    assert (len(first.items), len(rest.items), rest.continue_token) == (4, 3, None)
    assert {view.id for view in (*first.items, *rest.items)} == {one.id for one in dispatcher.dispatched}


async def test_a_watch_tells_what_happens(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake())
    seen: list[tuple[str, State]] = []

    async def listen() -> None:
        async with aclosing(dispatcher.watch()) as events:
            async for event in events:
                seen.append((event.kind, event.view.state))
                if event.view.is_finished:
                    return

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await dispatcher.run_due()
    await asyncio.wait_for(listening, 5)
    assert (seen[0], seen[-1]) == (("added", State.QUEUED), ("changed", State.COMPLETED))
    assert ("changed", State.IN_PROGRESS) in seen


async def test_a_closed_dispatcher_says_so(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await dispatcher.dispatch(Bake())
