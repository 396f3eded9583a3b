"""``python3 -m benchmarks.dispatching``: how fast are many tasks dispatched, and does memory grow with their number?

On a light control plane of its own (etcd, kube-apiserver): delayed tasks by ``dispatch_many``, beside plain creations
of the same objects one after another by the official client, before and after it in the same run; and this process's
memory while a batch and a stream go on. Nothing here passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from benchmarks.dispatching.contestants import Contestants, open_contestants
from benchmarks.dispatching.measured import HEAD, Measured
from benchmarks.figures import keep, machine, say, table

FULL, QUICK = 2000, 400
"""Tasks of a batch."""


async def measure(contestants: Contestants, measured: Measured) -> None:
    """Measure everything."""
    tasks = measured.tasks
    say("memory: a batch before, so that everything is loaded")
    await contestants.batch(tasks // 4)
    say(f"memory: {tasks} tasks, streamed")
    measured.stream = await contestants.stream(tasks)
    say(f"{tasks // 2} objects by the official client, one after another")
    measured.official.append(await asyncio.to_thread(contestants.official, tasks // 2))
    say(f"{tasks} tasks by dispatch_many")
    measured.batch = await contestants.batch(tasks)
    say(f"{tasks // 2} objects by the official client, one after another")
    measured.official.append(await asyncio.to_thread(contestants.official, tasks // 2))
    say(f"{tasks // 2} tasks under keys of their own")
    measured.keyed = await contestants.keyed(tasks // 2)


async def run(tasks: int) -> str:
    """Measure on a control plane that ends with the measurement."""
    measured = Measured(tasks, os.cpu_count() or 1)
    async with open_contestants() as contestants:
        try:
            await measure(contestants, measured)
        finally:
            keep("dispatching", measured.raw())
    return f"{machine()}\n\n{table(HEAD, measured.rows())}"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.dispatching", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--quick", action="store_true", help=f"a trial with {QUICK} tasks")
    options = parser.parse_args()
    print(asyncio.run(run(QUICK if options.quick else FULL)))


if __name__ == "__main__":
    main()
