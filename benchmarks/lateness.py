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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks import measures, slots
from benchmarks.bench_cluster import open_bench, task, tasks_path
from benchmarks.figures import keep, machine, milliseconds, say, spread, table
from benchmarks.job_starts import JobStart, create_at, cron_starts, start_cron_jobs, until
from benchmarks.starts import Starts, follow, settled
from evertask.api.times import parse_time
from evertask.connection import Connection, load_credentials
from hack.cluster import pick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.bench_cluster import Bench
    from benchmarks.slots import Due

CRON_JOBS = 2
"""Due together each minute: one alone would give too few starts in ten minutes."""
TOGETHER = 5
NOTICE_SECONDS = 25.0
"""From the plan of the first part to its first instant: all tasks are created, and the operator is at rest again."""
SHORT_NOTICE_SECONDS = 10.0
RESTART_FROM, RESTART_UNTIL = 5, 30
"""Seconds of the minute in which the operator may be restarted, so that no CronJob starts meanwhile."""
PATIENCE_SECONDS = 60.0
EARLY_IN_A_SECOND = 0.8
"""A delay counts from the second after the creation; an object created later in a second may fall into the next."""

HEAD = ("start lateness, ms", "starts", "min", "p50", "p95", "p99", "max", "p50 ÷ CronJob's", "to reach")


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


@dataclass
class Measured:
    """All that one run has seen."""

    starts: Starts = field(default_factory=Starts)
    without: set[str] = field(default_factory=set)
    """Names of the tasks without prelaunch."""
    alone: set[str] = field(default_factory=set)
    together: set[str] = field(default_factory=set)
    jobs: list[JobStart] = field(default_factory=list)
    cron_jobs: list[JobStart] = field(default_factory=list)

    def rows(self) -> list[tuple[str, ...]]:
        """Give the table's rows."""
        cron = [start.lateness for start in self.cron_jobs]
        jobs = [start.lateness for start in self.jobs]
        one, pick_of = "EverTask, 1 due", self.starts.latenesses
        measured = [
            (f"CronJob, {CRON_JOBS} due", cron, ""),
            ("bare Job, created at the instant", jobs, ""),
            ("EverTask without prelaunch, 1 due", pick_of(self.without), ""),
            (f"{one}: run-at", pick_of(self.alone, "run-at"), ""),
            (f"{one}: delay", pick_of(self.alone, "delay"), ""),
            (f"{one}: recurring", pick_of(self.alone, "recurring"), ""),
            (f"{one}: all", pick_of(self.alone), "p99 ≤ 50"),
            (f"EverTask, {TOGETHER} due: recurring", pick_of(self.together), "p99 ≤ 100"),
        ]
        return [_row(what, latenesses, cron, target) for what, latenesses, target in measured]

    def raw(self) -> dict[str, Any]:
        """Give everything that was seen, for the file of raw data."""
        return {
            "withoutPrelaunch": sorted(self.without),
            "together": sorted(self.together),
            "tasks": [vars(start) | {"lateness": start.lateness} for start in self.starts.seen],
            "odd": self.starts.odd,
            "missing": self.starts.missing(),
            "jobs": [start._asdict() for start in self.jobs],
            "cronJobs": [start._asdict() for start in self.cron_jobs],
        }


def _row(what: str, latenesses: list[float], cron: list[float], target: str) -> tuple[str, ...]:
    if not latenesses:
        return (what, "0", *("—",) * 6, target)
    found = spread(latenesses)
    ratio = f"{found.p50 / spread(cron).p50:.3f}" if cron else "—"
    figures = (found.least, found.p50, found.p95, found.p99, found.most)
    return (what, str(found.size), *map(milliseconds, figures), ratio, target)


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
    """Install EverTask with options of Helm, in seconds of the minute that are nobody's.

    Raises:
        CalledProcessError: it failed; its output says why.
    """
    second = time.time() % slots.MINUTE
    if not RESTART_FROM <= second <= RESTART_UNTIL:
        await until(slots.next_minute(time.time() - RESTART_FROM, 0) + RESTART_FROM)
    say(f"installing {' '.join(options) or 'with the defaults'}")
    command = [sys.executable, "-m", "hack.install", *options]
    await asyncio.to_thread(subprocess.run, command, stdout=sys.stderr, check=True)


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


async def measure(bench: Bench, length: Length) -> Measured:
    """Measure everything. The shortest part comes first: what is not as it should be shows there."""
    measured = Measured()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow(bench, tasks_path(bench), measured.starts))
        try:
            await install("--set-string", "prelaunch.maxLead=0s")
            await warm_up(bench)
            begin = time.time()
            await start_cron_jobs(bench, CRON_JOBS)
            await measure_others(bench, measured, length.others)
        finally:
            await install()
        await warm_up(bench)
        await measure_tasks(bench, measured, length)
        following.cancel()
    measured.cron_jobs = await cron_starts(bench, begin)
    return measured


def report(measured: Measured) -> str:
    """Keep the raw data, say what gave no figure, and give the table."""
    starts = measured.starts
    for what in starts.odd:
        say(f"no figure: {what}")
    for name, instant in starts.missing():
        say(f"no start seen: {name}, due at {datetime.fromtimestamp(instant, UTC).isoformat()}")
    if starts.seen:
        farthest = max(abs(start.first_line - start.said) for start in starts.seen)
        say(
            f"startTime in the status and the handler's own clock differ by at most {milliseconds(farthest)} ms"
        )
    leads = [
        start.nominal - start.ready
        for start in starts.seen
        if start.ready and start.task not in measured.without
    ]
    if leads:
        lead = spread(leads)
        say(f"pods were up before their time by {lead.p50:.1f} s (p50), {lead.least:.1f} s at least")
    keep("lateness", measured.raw())
    return f"{machine()}\n\n{table(HEAD, measured.rows())}"


async def run(length: Length) -> str:
    """Measure on the chosen cluster, in a namespace that is removed at the end."""
    kubeconfig = (await asyncio.to_thread(pick.chosen)).kubeconfig
    credentials = await load_credentials(kubeconfig=kubeconfig)
    async with Connection(credentials, user_agent="evertask-bench/1") as connection:
        bench = await open_bench(connection)
        try:
            return report(await measure(bench, length))
        finally:
            await measures.remove(bench)


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
