"""A batch while the API server is killed and started again: each task once, each id known to the caller."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Dispatch, Dispatcher
from tests.support.api_client import ApiClient, tasks_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]

NAMESPACE = "default"
TASKS = 500
KILLED_AFTER = 150
AWAY_SECONDS = 2.0


@pytest.fixture
async def dispatcher(plane, connect) -> AsyncIterator[Dispatcher]:
    async with (
        connect(plane.ca, plane.server, plane.token, NAMESPACE) as connection,
        Dispatcher(connection=connection) as made,
    ):
        yield made


@pytest.mark.parametrize("prefix", [None, "order"], ids=["without-keys", "keys"])
async def test_a_batch_outlives_the_api_server(plane, owner, dispatcher, report, prefix):
    middle = asyncio.Event()
    batch = f"batch-{prefix}"

    def progress(over: int, _: int) -> None:
        if over == KILLED_AFTER:
            middle.set()

    async def kill_and_start() -> None:
        await middle.wait()
        await asyncio.to_thread(plane.stop_apiserver, abruptly=True)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(plane.start_apiserver)

    outage = asyncio.create_task(kill_and_start())
    results = await dispatcher.dispatch_many(
        (
            Dispatch(
                report(region=f"{batch}/{number}"),
                delay=timedelta(hours=1),
                task_key=prefix and f"{prefix}-{number}",
            )
            for number in range(TASKS)
        ),
        progress=progress,
    )
    await outage
    assert [result.error for result in results] == [None] * TASKS
    stored = _regions(owner, batch)
    assert sorted(stored.values()) == sorted(f"{batch}/{number}" for number in range(TASKS))
    assert stored == {result.id.name: result.task.region for result in results}


def _regions(owner: ApiClient, batch: str) -> dict[str, str]:
    items: list[Json] = owner("GET", tasks_path(NAMESPACE)).body["items"]
    regions = {item["metadata"]["name"]: item["spec"]["payload"]["region"] for item in items}
    return {name: region for name, region in regions.items() if region.startswith(f"{batch}/")}
