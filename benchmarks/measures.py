"""What is measured. Each measure gives one figure per contestant, from alternating runs on the same cluster."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.bench_cluster import (
    Bench,
    bare_job,
    job_succeeded,
    jobs_path,
    task,
    task_completed,
    tasks_path,
)
from evertask.connection.paths import evertask_path, job_path, pod_path
from evertask.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]

PRINT_TIME = "import time; print(time.time(), flush=True)"
CREATE_CONCURRENCY = 16
LATENCY_RATE = 5.0
"""Tasks a second in the measure of task created → Job created."""


class Single(NamedTuple):
    """One run alone on the cluster; seconds since its creation."""

    start: float
    """First line of the handler (of the Job's Python)."""
    success: float
    """Success visible in the object."""
    overhead: float = 0.0
    """From the start of the runner's interpreter to the import of the handler's module; EverTask only."""


def _name(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


async def job_alone(bench: Bench) -> Single:
    """Time a bare Job: its start with a Job that prints the time, its success with one that does nothing."""
    name = _name("start")
    created = await bench.create(jobs_path(bench), bare_job(bench, name, PRINT_TIME))
    await bench.follow(jobs_path(bench), name, job_succeeded)
    first_line = await bench.first_line(name)
    name = _name("pass")
    created_pass = await bench.create(jobs_path(bench), bare_job(bench, name, "pass"))
    seen, _ = await bench.follow(jobs_path(bench), name, job_succeeded)
    return Single(start=first_line - created, success=seen - created_pass)


async def task_alone(bench: Bench) -> Single:
    """Time one task."""
    name = _name("task")
    created = await bench.create(tasks_path(bench), task(name))
    seen, found = await bench.follow(tasks_path(bench), name, task_completed)
    result = found["status"]["result"]
    return Single(
        start=result["started"] - created,
        success=seen - created,
        overhead=result["imported"] - result["processStarted"],
    )


async def burst(bench: Bench, path: str, bodies: list[Json], done: Callable[[Json], bool]) -> float:
    """Create many at once; gives the rate until all are done, per second."""
    gate = asyncio.Semaphore(CREATE_CONCURRENCY)
    names = {body["metadata"]["name"] for body in bodies}
    started = time.monotonic()

    async def create(body: Json) -> None:
        async with gate:
            await bench.create(path, body)

    await asyncio.gather(*(create(body) for body in bodies))
    async with aclosing(bench.changes(path)) as changes:
        async for found in changes:
            if found["metadata"]["name"] in names and done(found):
                names.discard(found["metadata"]["name"])
                if not names:
                    break
    return len(bodies) / (time.monotonic() - started)


async def burst_of_jobs(bench: Bench, count: int) -> float:
    """Rate of bare Jobs, per second."""
    bodies = [bare_job(bench, _name("burst"), "pass") for _ in range(count)]
    return await burst(bench, jobs_path(bench), bodies, job_succeeded)


async def burst_of_tasks(bench: Bench, count: int) -> float:
    """Rate of tasks, per second."""
    bodies = [task(_name("burst")) for _ in range(count)]
    return await burst(bench, tasks_path(bench), bodies, task_completed)


async def launch_latencies(bench: Bench, count: int) -> list[float]:
    """Seconds from a task's creation to its Job's, at five a second.

    The pods find no node: starting five containers a second is more than two cores can do, and would measure them.
    """
    seen: dict[str, float] = {}
    created: dict[str, float] = {}
    listed = await bench.connection.call("GET", jobs_path(bench), params={"limit": "1"})
    since = listed["metadata"]["resourceVersion"]

    async def watch() -> None:
        params = {"resourceVersion": since}
        async with aclosing(bench.connection.watch(jobs_path(bench), params=params, seconds=300)) as events:
            async for event in events:
                if event.type == "ADDED":
                    owner = event.object["metadata"]["annotations"]["evertask.io/task-name"]
                    seen[owner] = time.time()
                    if len(seen) == count:
                        return

    watching = asyncio.create_task(watch())
    nowhere = {"spec": {"nodeSelector": {"evertask.io/no-such-node": "true"}}}
    for _ in range(count):
        name = _name("latency")
        await bench.create(tasks_path(bench), task(name, podTemplate=nowhere))
        created[name] = time.time()
        await asyncio.sleep(1 / LATENCY_RATE)
    async with asyncio.timeout(60):
        await watching
    await clear(bench)
    return [max(0.0, seen[name] - created[name]) for name in created]


async def clear(bench: Bench) -> None:
    """Delete all that a measure made, and wait until it is gone."""
    query = {"propagationPolicy": "Background"}
    await bench.connection.call("DELETE", evertask_path(bench.namespace), params=query)
    await bench.connection.call("DELETE", job_path(bench.namespace), params=query)
    for path in (evertask_path(bench.namespace), job_path(bench.namespace), pod_path(bench.namespace)):
        # The other side is a cluster, not a task of ours: there is no event to wait for.
        while (await bench.connection.call("GET", path, params={"limit": "1"}))["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def remove(bench: Bench) -> None:
    """Delete the namespace; it ends by itself."""
    try:
        await bench.connection.call("DELETE", f"/api/v1/namespaces/{bench.namespace}")
    except ApiError as error:
        print(f"[bench] namespace {bench.namespace} is left behind: {error}")
