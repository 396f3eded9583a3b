"""``python3 -m benchmarks.lateness``: how late do handlers start that were due at an instant?

Lateness is the first line of the handler minus the nominal time. One run measures tasks that are due one at a time
(run-at, delay, recurring), tasks that are due together, and, beside them on the same cluster, CronJobs, Jobs that a
client creates at the instant, and tasks without prelaunch. Needs a cluster with EverTask installed (``make install``);
installs it anew without prelaunch for a part of the run, and as before at the end. Nothing here passes or fails by the
clock.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks import measures
from benchmarks.bench_cluster import open_bench, task, tasks_path
from benchmarks.figures import keep, machine, say, table
from benchmarks.lateness import slots
from benchmarks.lateness.jobs import JobStart, create_at, cron_starts, start_cron_jobs, until
from benchmarks.lateness.measured import CRON_JOBS, HEAD, TOGETHER, Measured
from benchmarks.lateness.starts import follow, settled
from evertask.api.times import parse_time
from evertask.connection import Connection, load_credentials
from hack.cluster import pick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.bench_cluster import Bench
    from benchmarks.lateness.slots import Due
    from benchmarks.lateness.starts import Starts

NOTICE_SECONDS = 25.0
"""From the plan of the first part to its first instant: all tasks are created, and the operator is at rest again."""
SHORT_NOTICE_SECONDS = 10.0
RESTART_FROM, RESTART_UNTIL = 5, 30
"""Seconds of the minute in which the operator may be restarted, so that no CronJob starts meanwhile."""
PATIENCE_SECONDS = 60.0
EARLY_IN_A_SECOND = 0.8
"""A delay counts from the second after the creation; an object created later in a second may fall into the next."""


@dataclass(frozen=True)
class Length:
    """How much is measured."""

    alone: int
    """Minutes with one task due at a time."""
    together: int
    """Minutes of rounds of tasks that are due together."""
    others: int
    """Starts of bare Jobs, and of tasks without prelaunch."""


FULL = Length(alone=6, together=4, others=20)
QUICK = Length(alone=1, together=1, others=6)


async def create(bench: Bench, due: Due) -> Due:
    """Create a task; gives when it is really due: a delay counts from the second after the creation."""
    if due.kind != "delay":
        await bench.create(tasks_path(bench), task(due.name, **due.spec))
        return due
    if time.time() % 1 > EARLY_IN_A_SECOND:
        await until(time.time() // 1 + 1)
    delay = due.instants[0] - (time.time() // 1 + 1)
    body = task(due.name, delay=f"{delay * 1000:.0f}ms")
    made = await bench.connection.call("POST", tasks_path(bench), body=body)
    counts_from = parse_time(made["metadata"]["creationTimestamp"]).timestamp() + 1
    return due._replace(instants=(counts_from + delay,))


async def create_all(bench: Bench, starts: Starts, dues: Iterable[Due]) -> set[str]:
    """Create tasks that are due later; gives their names."""
    created = [await create(bench, due) for due in dues]
    starts.plan(created)
    return {due.name for due in created}


async def install(*options: str) -> None:
    """Install EverTask with options of Helm.

    Raises:
        CalledProcessError: it failed; its output says why.
    """
    say(f"installing {' '.join(options) or 'with the defaults'}")
    command = [sys.executable, "-m", "hack.install", *options]
    await asyncio.to_thread(subprocess.run, command, stdout=sys.stderr, check=True)


async def clear_of_cron_jobs() -> None:
    """Wait for seconds of the minute in which the operator may be installed anew."""
    if not RESTART_FROM <= time.time() % slots.MINUTE <= RESTART_UNTIL:
        await until(slots.next_minute(time.time() - RESTART_FROM, 0) + RESTART_FROM)


async def warm_up(bench: Bench) -> None:
    """Run a few tasks: images are on the node, and the operator knows how long a launch takes."""
    for _ in range(3):
        await measures.task_alone(bench)


async def measure_others(bench: Bench, measured: Measured, count: int) -> None:
    """Alternate tasks without prelaunch and bare Jobs."""
    instants = list(islice(slots.free_slots(time.time() + SHORT_NOTICE_SECONDS), 2 * count))
    dues = [slots.run_at(f"without-{number}", instant) for number, instant in enumerate(instants[::2])]
    measured.without |= await create_all(bench, measured.starts, dues)
    say(f"{count} tasks without prelaunch and {count} bare Jobs, {until_when(instants[-1])}")
    jobs = [await create_at(bench, f"job-{number}", instant) for number, instant in enumerate(instants[1::2])]
    await settled(measured.starts, measured.without, PATIENCE_SECONDS)
    measured.jobs += [JobStart(name, sent, await bench.first_line(name)) for name, sent in jobs]


async def measure_tasks(bench: Bench, measured: Measured, length: Length) -> None:
    """Tasks due one at a time, then together."""
    begin = slots.next_minute(time.time(), NOTICE_SECONDS)
    alone = slots.one_at_a_time(begin, length.alone)
    five = slots.together(begin + slots.MINUTE * length.alone, length.together, TOGETHER)
    measured.alone |= await create_all(bench, measured.starts, alone)
    measured.together |= await create_all(bench, measured.starts, five)
    say(f"one due at a time, {until_when(five[0].instants[0])}")
    await settled(measured.starts, measured.alone, PATIENCE_SECONDS)
    say(f"{TOGETHER} due together, {until_when(five[0].instants[-1])}")
    await settled(measured.starts, measured.together, PATIENCE_SECONDS)


def until_when(instant: float) -> str:
    """Say when a part ends."""
    return f"until {datetime.fromtimestamp(instant, UTC):%H:%M:%S} UTC"


async def measure(bench: Bench, length: Length, measured: Measured) -> None:
    """Measure everything. The shortest part comes first: what is not as it should be shows there."""
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow(bench, tasks_path(bench), measured.starts))
        try:
            await install("--set-string", "prelaunch.maxLead=0s")
            await warm_up(bench)
            begin = time.time()
            await start_cron_jobs(bench, CRON_JOBS)
            await measure_others(bench, measured, length.others)
            await clear_of_cron_jobs()
        finally:
            await install()
        await warm_up(bench)
        await measure_tasks(bench, measured, length)
        following.cancel()
    measured.cron_jobs = await cron_starts(bench, begin)


async def run(length: Length) -> str:
    """Measure on the chosen cluster, in a namespace that is removed at the end."""
    kubeconfig = (await asyncio.to_thread(pick.chosen)).kubeconfig
    credentials = await load_credentials(kubeconfig=kubeconfig)
    async with Connection(credentials, user_agent="evertask-bench/1") as connection:
        bench, measured = await open_bench(connection), Measured()
        try:
            await measure(bench, length, measured)
        finally:
            keep("lateness", measured.raw())
            await measures.remove(bench)
    for line in measured.remarks():
        say(line)
    return f"{machine()}\n\n{table(HEAD, measured.rows())}"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.lateness", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument(
        "--quick", action="store_true", help="a trial of a few minutes; too few starts for a p99"
    )
    options = parser.parse_args()
    print(asyncio.run(run(QUICK if options.quick else FULL)))


if __name__ == "__main__":
    main()
