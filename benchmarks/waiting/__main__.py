"""``python3 -m benchmarks.waiting``: what do ten thousand waiting series cost, and how soon are they acted on?

On a light control plane of its own (etcd, kube-apiserver, kube-controller-manager; nothing runs pods), with an operator
that is a process of this machine: creation, the first look of an operator at all of them, memory and processor time at
rest, the way from the operator's start to its first Job, and from the instant to the Job where 50 are due in the same
second, beside 50 CronJobs. Nothing here passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass

from benchmarks.figures import keep, machine, table
from benchmarks.waiting import parts
from benchmarks.waiting.measured import HEAD, Measured
from benchmarks.waiting.stage import Stage, come_to_rest, open_stage


@dataclass(frozen=True)
class Length:
    """How much is measured."""

    tasks: int
    rest: int
    """Seconds. The operator lists everything anew each five minutes: in as long as that there is one list."""
    rounds: int
    """Of tasks that are due together."""
    minutes: int
    """Of CronJobs that are due together."""


FULL = Length(tasks=10_000, rest=300, rounds=4, minutes=2)
QUICK = Length(tasks=1_000, rest=30, rounds=1, minutes=1)


async def measure(stage: Stage, length: Length, measured: Measured) -> None:
    """Measure everything."""
    await parts.create(stage, measured)
    operator = stage.operator("as-installed")
    await parts.take_up(stage, operator, measured)
    await parts.start_anew(stage, operator, measured)
    await parts.rest(operator, measured, length.rest)
    await asyncio.to_thread(operator.stop)
    # With prelaunch the Job is there before the instant, and there is nothing to measure.
    operator = stage.operator("without-prelaunch", prelaunch={"maxLead": "0s"})
    await asyncio.to_thread(operator.start)
    await come_to_rest(operator)
    await parts.due_together(stage, measured, length.rounds)
    await parts.cron_jobs_together(stage, measured, length.minutes)


async def run(length: Length) -> str:
    """Measure on a control plane that ends with the measurement."""
    measured = Measured(length.tasks)
    async with open_stage() as stage:
        try:
            await measure(stage, length, measured)
        finally:
            keep("waiting", measured.raw())
    return f"{machine()}\n\n{table(HEAD, measured.rows())}"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.waiting", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--quick", action="store_true", help="a trial with 1,000 tasks, about four minutes")
    options = parser.parse_args()
    print(asyncio.run(run(QUICK if options.quick else FULL)))


if __name__ == "__main__":
    main()
