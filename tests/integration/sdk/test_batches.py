"""Many tasks at once: results in order, errors one by one, nothing piled up, nothing halved."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Dispatch, DispatchRefusedError, Registration, Task
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

Json = dict[str, Any]

HOUR = timedelta(hours=1)


@pytest.fixture
def items(admin, namespace) -> Callable[[], list[Json]]:
    def read() -> list[Json]:
        found: list[Json] = admin("GET", tasks_path(namespace)).body["items"]
        return found

    return read


async def test_results_come_in_the_order_of_the_tasks(dispatcher, report, items):
    regions = [str(number) for number in range(100)]
    results = await dispatcher.dispatch_many([report(region=region) for region in regions])
    assert [result.task.region for result in results] == regions
    stored = {item["metadata"]["name"]: item["spec"]["payload"]["region"] for item in items()}
    assert [stored[result.id.name] for result in results] == regions


async def test_each_task_has_its_own_options(dispatcher, report, items):
    results = await dispatcher.dispatch_many(
        [
            report(region="now"),
            Dispatch(report(region="later"), delay=HOUR, queue="slow"),
            Dispatch(report(region="keyed"), task_key="daily", recurring="@daily"),
        ]
    )
    specs = {item["spec"]["payload"]["region"]: item["spec"] for item in items()}
    assert [result.ok for result in results] == [True] * 3
    assert (specs["later"]["delay"], specs["later"]["queue"]) == ("1h", "slow")
    assert specs["keyed"]["recurrence"] == {"cron": "@daily"}
    assert results[2].id.name == "daily"


async def test_a_task_that_is_refused_does_not_keep_the_others_back(dispatcher, report, items):
    told: list[tuple[int, int]] = []
    tasks = [Dispatch(report(region=str(n)), grace_period=HOUR * (2 if n == 7 else 1)) for n in range(20)]
    results = await dispatcher.dispatch_many(tasks, progress=lambda *counts: told.append(counts))
    assert [n for n, result in enumerate(results) if not result.ok] == [7]
    assert isinstance(results[7].error, DispatchRefusedError)
    assert (results[7].id, len(items())) == (None, 19)
    assert [over for over, _ in told] == list(range(1, 21))
    assert told[-1] == (20, 1)


async def test_equal_keys_in_one_batch_are_one_task(dispatcher, report, items):
    results = await dispatcher.dispatch_many([Dispatch(report(), task_key="daily")] * 30)
    outcomes = [result.id.outcome for result in results]
    assert (outcomes.count(Registration.CREATED), outcomes.count(Registration.UNCHANGED)) == (1, 29)
    assert len(items()) == 1


async def test_an_empty_batch_does_nothing(dispatcher):
    assert await dispatcher.dispatch_many([]) == []


async def test_an_async_source_is_taken_as_it_comes(dispatcher, report, items):
    async def rows() -> AsyncIterator[Task | Dispatch]:
        for number in range(10):
            await asyncio.sleep(0.01)
            yield report(region=str(number))

    results = await dispatcher.dispatch_many(rows(), concurrency=3)
    assert [result.task.region for result in results] == [str(number) for number in range(10)]
    assert len(items()) == 10


async def test_a_stream_takes_no_more_than_it_has_given(dispatcher, report):
    taken = 0

    def rows() -> Iterator[Task]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield report(region=str(number))

    async with aclosing(dispatcher.dispatch_stream(rows(), concurrency=4)) as results:
        given = 0
        async for result in results:
            assert result.ok
            given += 1
            assert taken <= given + 4 + 1
            if given == 50:
                break


@pytest.mark.parametrize("key", [False, True], ids=["without-keys", "keys"])
async def test_a_batch_that_is_cancelled_in_the_middle_leaves_whole_tasks(dispatcher, report, items, key):
    middle, rest = asyncio.Event(), 400
    tasks = [
        Dispatch(report(region=str(n)), delay=HOUR, task_key=f"key-{n}" if key else None) for n in range(rest)
    ]

    def progress(over: int, failed: int) -> None:
        assert failed == 0
        if over == 50:
            middle.set()

    batch = asyncio.create_task(dispatcher.dispatch_many(tasks, progress=progress))
    await middle.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    await asyncio.sleep(0.5)  # what was sent when the batch was given up is carried out, or not
    found = items()
    assert 50 <= len(found) < rest
    regions = [item["spec"]["payload"]["region"] for item in found]
    assert len(set(regions)) == len(regions)
    assert {item["spec"]["delay"] for item in found} == {"1h"}
