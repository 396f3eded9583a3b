"""``maxRunning``: 200 tasks at once, never more Jobs than the limit, the earliest due first, none failed."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State
from evertask.api.times import format_time, parse_time
from evertask.connection import Connection, load_credentials
from tests.support.api_client import tasks_path
from tests.support.job_counters import JobCounter
from tests.support.live_tasks import checked, run_of
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TASKS, LIMIT, SECONDS = 200, 10, 240.0
WORKERS = 16
"""Tasks that are reconciled at the same time: so far two launches may change places."""


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


def statuses(stage):
    items = checked(stage.admin("GET", tasks_path(stage.namespace)))["items"]
    return [item.get("status") or {} for item in items]


def all_completed(found):
    return all(status.get("state") == State.COMPLETED for status in found)


def waiting_for_the_namespace(stage):
    return sum("maxRunningPerNamespace (3)" in status.get("message", "") for status in statuses(stage))


def create_in_any_order(stage, count):
    """Tasks that were due a second after another, created in any order."""
    base = datetime.now(UTC) - timedelta(hours=1)
    order = list(range(count))
    random.Random(7).shuffle(order)
    for number in order:
        stage.task(f"t-{number:03}", runAt=format_time(base + timedelta(seconds=number)))


@pytest.mark.parametrize("keep", ["0s", "1h"], ids=["jobs-go-at-once", "jobs-kept-for-their-logs"])
async def test_never_more_jobs_than_max_running_and_first_due_first_served(stage, connection, keep):
    await asyncio.to_thread(create_in_any_order, stage, TASKS)
    async with JobCounter(connection, stage.namespace) as counter:
        stage.pods()
        jobs = {"keepSucceeded": keep, "keepFailed": keep}
        await asyncio.to_thread(stage.operator, maxRunning=LIMIT, jobs=jobs)
        found = await asyncio.to_thread(eventually, lambda: statuses(stage), all_completed, SECONDS, pause=1)
        assert counter.most == LIMIT
    assert [status["launches"] for status in found] == [1] * TASKS
    runs = sorted((run_of(status) for status in found), key=lambda run: parse_time(run["launchTime"]))
    due = [parse_time(run["scheduledTime"]) for run in runs]
    shifts = [abs(sorted(due).index(when) - place) for place, when in enumerate(due)]
    assert max(shifts) < WORKERS, shifts


async def test_a_restarted_operator_counts_the_jobs_that_run_already(stage, connection):
    async with JobCounter(connection, stage.namespace) as counter:
        operator = await asyncio.to_thread(stage.operator, maxRunning=LIMIT)
        await asyncio.to_thread(create_in_any_order, stage, 3 * LIMIT)
        await asyncio.to_thread(eventually, stage.jobs, lambda jobs: len(jobs) == LIMIT, 60)
        operator.kill()
        await asyncio.to_thread(operator.start)
        stage.pods()
        await asyncio.to_thread(eventually, lambda: statuses(stage), all_completed, SECONDS, pause=1)
        assert counter.most == LIMIT


async def test_a_namespace_has_its_own_limit(stage, connection):
    async with JobCounter(connection, stage.namespace) as counter:
        await asyncio.to_thread(stage.operator, maxRunning=LIMIT, maxRunningPerNamespace=3)
        await asyncio.to_thread(create_in_any_order, stage, 12)
        await asyncio.to_thread(eventually, stage.jobs, lambda jobs: len(jobs) == 3, 60)
        await asyncio.to_thread(
            eventually, lambda: waiting_for_the_namespace(stage), lambda count: count == 9, 30
        )
        stage.pods()
        await asyncio.to_thread(eventually, lambda: statuses(stage), all_completed, SECONDS, pause=1)
        assert counter.most == 3
