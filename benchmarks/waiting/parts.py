"""The parts of the measurement of waiting, in the order in which they are measured."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.bench_cluster import changes_since, newest_version
from benchmarks.figures import say
from benchmarks.lateness.slots import MINUTE, next_minute
from benchmarks.waiting.measured import DUE
from benchmarks.waiting.stage import (
    CRON_JOBS,
    PATIENCE_SECONDS,
    TASKS,
    come_to_rest,
    eventually,
    take_sample,
)
from benchmarks.waiting.tasks import (
    DUE_LABEL,
    cron_job,
    due_series,
    immediate,
    minute_of,
    waiting_series,
)
from evertask.connection.paths import evertask_path
from tests.support.job_counters import JobCounter

if TYPE_CHECKING:
    from benchmarks.waiting.measured import Measured
    from benchmarks.waiting.stage import Stage
    from tests.support.operator_processes import OperatorProcess

NOTICE_SECONDS = 15
"""From the creation of what is due to the instant."""
AFTERWARDS_SECONDS = 60.0
"""How long the Jobs of what was due are waited for."""
SAMPLE_SECONDS = 10.0
LAST_OF_THE_LIST = "zz-due"
CRON_JOBS_PATH = f"/apis/batch/v1/namespaces/{CRON_JOBS}/cronjobs"


async def create(stage: Stage, measured: Measured) -> None:
    """Create all that waits, with no operator there."""
    say(f"creating {measured.tasks} series")
    begun = time.monotonic()
    await stage.create_all(evertask_path(TASKS), waiting_series(measured.tasks, datetime.now(UTC)))
    measured.create = time.monotonic() - begun


async def take_up(stage: Stage, operator: OperatorProcess, measured: Measured) -> None:
    """Start an operator beside tasks that nobody has looked at; until each of them knows its next run."""
    say("an operator takes them up")
    version = await newest_version(stage.connection, evertask_path(TASKS))
    known: set[str] = set()
    begun = time.monotonic()
    await asyncio.to_thread(operator.start, until_ready=False)
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aclosing(changes_since(stage.connection, evertask_path(TASKS), version)) as changes,
    ):
        async for event in changes:
            if (event.object.get("status") or {}).get("nextRunTime"):
                known.add(event.object["metadata"]["name"])
                if len(known) == measured.tasks:
                    break
    measured.take_up = time.monotonic() - begun
    measured.taken_up = await take_sample(operator)
    await come_to_rest(operator)


async def start_anew(stage: Stage, operator: OperatorProcess, measured: Measured) -> None:
    """Stop the operator, let a task become due, start it: how long until that task's Job is created?"""
    say("the operator is started anew")
    await asyncio.to_thread(operator.stop)
    await stage.connection.call("POST", evertask_path(TASKS), body=immediate(LAST_OF_THE_LIST))
    async with JobCounter(stage.connection, TASKS) as jobs:
        begun = time.monotonic()
        await asyncio.to_thread(operator.start)
        measured.ready = time.monotonic() - begun
        await eventually(lambda: LAST_OF_THE_LIST in jobs.made)
        measured.first_job = jobs.made[LAST_OF_THE_LIST] - begun
    await stage.connection.call("DELETE", evertask_path(TASKS, LAST_OF_THE_LIST))


async def rest(operator: OperatorProcess, measured: Measured, seconds: int) -> None:
    """Look at the operator while nothing is due."""
    await come_to_rest(operator)
    say(f"the operator at rest, {seconds} s")
    end = time.monotonic() + seconds
    measured.rest.append(await take_sample(operator))
    while time.monotonic() < end:
        await asyncio.sleep(SAMPLE_SECONDS)
        measured.rest.append(await take_sample(operator))


async def due_together(stage: Stage, measured: Measured, rounds: int) -> None:
    """Let tasks be due in the same second, a few times."""
    async with JobCounter(stage.connection, TASKS) as jobs:
        for number in range(rounds):
            say(f"{DUE} due in the same second, round {number + 1} of {rounds}")
            measured.due += await _round(stage, jobs, f"due-{number}")


async def _round(stage: Stage, jobs: JobCounter, prefix: str) -> list[float]:
    """Give the seconds from the instant until each task of a round has its Job, and remove the tasks."""
    instant = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=NOTICE_SECONDS)
    bodies = due_series(prefix, DUE, instant)
    await stage.create_all(evertask_path(TASKS), bodies)
    names = {body["metadata"]["name"] for body in bodies}
    with suppress(TimeoutError):
        await eventually(lambda: jobs.made.keys() >= names, NOTICE_SECONDS + AFTERWARDS_SECONDS)
    found = [_wall(jobs.made[name]) - instant.timestamp() for name in names & jobs.made.keys()]
    if len(found) < DUE:
        say(f"{DUE - len(found)} of {DUE} have no Job after {AFTERWARDS_SECONDS:.0f} s: not in the figure")
    selector = {"labelSelector": f"{DUE_LABEL}={prefix}"}
    await stage.connection.call("DELETE", evertask_path(TASKS), params=selector)
    await eventually(lambda: not jobs.there)
    return found


async def cron_jobs_together(stage: Stage, measured: Measured, minutes: int) -> None:
    """Let as many CronJobs be due at whole minutes, a few times."""
    begin = next_minute(time.time(), NOTICE_SECONDS)
    await asyncio.sleep(max(0.0, begin - NOTICE_SECONDS - time.time()))
    say(f"{DUE} CronJobs, for {minutes} minutes")
    async with JobCounter(stage.connection, CRON_JOBS) as jobs:
        await stage.create_all(CRON_JOBS_PATH, (cron_job(f"cron-{number}") for number in range(DUE)))
        left = begin + MINUTE * (minutes - 1) + AFTERWARDS_SECONDS / 2 - time.time()
        with suppress(TimeoutError):
            await eventually(lambda: len(jobs.made) >= DUE * minutes, left)
        query = {"propagationPolicy": "Background"}
        await stage.connection.call("DELETE", CRON_JOBS_PATH, params=query)
        measured.cron_jobs += [_wall(made) - minute_of(name) for name, made in jobs.made.items()]


def _wall(moment: float) -> float:
    """Give the wall clock's time of a moment by the monotonic clock."""
    return moment - time.monotonic() + time.time()
