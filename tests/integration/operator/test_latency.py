"""From the creation of a task to its Job, at five tasks a second: printed (``-s``), not judged; see benchmarks/."""

from __future__ import annotations

import asyncio
import statistics
import time

from evertask.connection import Connection, load_credentials
from tests.support.job_counters import JobCounter

RATE, TASKS = 5, 40


async def test_the_way_from_a_task_to_its_job_is_measured(stage, control_plane):
    operator = await asyncio.to_thread(stage.operator)
    created: dict[str, float] = {}
    async with (
        Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as connection,
        JobCounter(connection, stage.namespace) as counter,
    ):
        begun = time.monotonic()
        for number in range(TASKS):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            name = f"t-{number}"
            created[name] = time.monotonic()
            await asyncio.to_thread(stage.task, name)
        async with asyncio.timeout(60):
            await counter.until_made(TASKS)
    seconds = sorted(counter.made[name] - created[name] for name in created)
    p50, p99 = statistics.median(seconds), seconds[int(0.99 * len(seconds))]
    memory = operator.metric("process_resident_memory_bytes") / 2**20
    print(f"\ntask → Job at {RATE}/s: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; RSS {memory:.0f} MiB")
    assert len(seconds) == TASKS
