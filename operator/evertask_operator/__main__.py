"""Run the operator: ``python3 -m evertask_operator``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version

import kopf
from pydantic import ValidationError

from evertask.connection import Connection, load_credentials
from evertask.errors import EverTaskError
from evertask_operator import handlers, health
from evertask_operator.cluster import Reads, Writes
from evertask_operator.followers import Followers
from evertask_operator.metrics import Metrics, prelaunched_runs
from evertask_operator.observer import Observer
from evertask_operator.reconciler import Reconciler
from evertask_operator.settings import ENV_SETTINGS, Settings, load_settings
from evertask_operator.store import Store
from evertask_operator.timekeeping import wall_clock

logger = logging.getLogger("evertask_operator")

EXIT_CONFIG = 78
"""The settings or the credentials cannot be used; the log says why."""

STOP_SECONDS = 10.0
"""How long passes that are under way may take to end when the operator is told to stop."""


async def run(settings: Settings) -> None:
    """Run until told to stop by SIGTERM or SIGINT, or until a part of the operator fails."""
    signs, metrics, store = health.Health(), Metrics(), Store()
    metrics.count_states(lambda: store.states)
    runners = await health.serve(
        signs, metrics, health_port=settings.ports.health, metrics_port=settings.ports.metrics
    )
    agent = f"evertask-operator/{version('evertask')}"
    credentials = await load_credentials()
    async with Connection(credentials, user_agent=agent, observer=metrics.observe_request) as connection:
        reads = Reads(connection, settings.watch_namespaces)
        writes = Writes(connection, os.environ.get("HOSTNAME", "evertask-operator"))
        reconciler = Reconciler(settings, store, reads, writes, metrics)
        observer = Observer(reconciler, reads, metrics, signs)
        metrics.slots_taken.set_function(lambda: reconciler.slots.taken)
        metrics.slots_waiting.set_function(lambda: reconciler.slots.waiting)
        metrics.prelaunched.set_function(lambda: prelaunched_runs(store.tasks.values(), wall_clock()))
        metrics.queue_length.set_function(lambda: len(reconciler.queue))
        listed = asyncio.Event()
        parts = [
            asyncio.create_task(
                _work_when_listed(reconciler, observer, Followers(observer, reads), listed), name="reconciler"
            ),
            asyncio.create_task(reconciler.keep_time(signs.beat), name="clock"),
        ]
        try:
            await _watch(observer, settings, parts, listed)
        finally:
            reconciler.queue.close()
            await _end(parts)
            for runner in runners:
                await runner.cleanup()


async def _work_when_listed(
    reconciler: Reconciler, observer: Observer, followers: Followers, listed: asyncio.Event
) -> None:
    await observer.list_once()
    listed.set()
    logger.info("listed %d tasks; ready", len(reconciler.store.tasks))
    async with asyncio.TaskGroup() as group:
        endless = [
            group.create_task(observer.relist_for_ever(), name="relist"),
            group.create_task(followers.follow(), name="watches of Jobs and pods"),
            group.create_task(reconciler.clear_away(), name="deletions"),
        ]
        async with asyncio.TaskGroup() as working:
            for number in range(reconciler.settings.workers):
                working.create_task(reconciler.work(), name=f"worker {number}")
        for task in endless:
            task.cancel()


async def _watch(
    observer: Observer, settings: Settings, parts: list[asyncio.Task[None]], listed: asyncio.Event
) -> None:
    """Run kopf; it ends on a signal. A part of ours that fails ends it as well.

    kopf lists everything once more, at several times the cost of our own list: it begins when that is done, so that
    the first decisions need not wait for it. Until then the signals are heeded here, from then on by kopf.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for part in parts:
        part.add_done_callback(lambda _: stop.set())
    waiting = [asyncio.create_task(event.wait()) for event in (listed, stop)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    # kopf asks for the user's name, and the image's numeric user has none.
    os.environ.setdefault("USER", "evertask")
    await kopf.operator(
        registry=handlers.register(observer),
        settings=handlers.configure(),
        namespaces=settings.watch_namespaces,
        clusterwide=not settings.watch_namespaces,
        standalone=True,
        stop_flag=stop,
    )


async def _end(parts: list[asyncio.Task[None]]) -> None:
    """Let passes that are under way come to their end, then raise what a part failed of."""
    worker, clock = parts
    await asyncio.wait([worker], timeout=STOP_SECONDS)
    for part in (worker, clock):
        part.cancel()
        with suppress(asyncio.CancelledError):
            await part


def main() -> int:
    """Read the settings and run.

    Returns:
        The exit code: 0 after a signal, 78 when something is not set up as it must be.
    """
    try:
        settings = load_settings()
    except (OSError, ValidationError) as error:
        sys.stderr.write(
            f"evertask: the settings in {os.environ.get(ENV_SETTINGS)} cannot be used: {error}\n"
        )
        return EXIT_CONFIG
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        asyncio.run(run(settings))
    except EverTaskError as error:
        logger.error("%s", error)  # noqa: TRY400  (a message for a person; no traceback helps)
        return EXIT_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
