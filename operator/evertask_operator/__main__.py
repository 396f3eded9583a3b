"""Run the operator: ``python3 -m evertask_operator``.

Where there are several, it stands by until it leads. It ends in an order that leaves nothing half done: the workers
come to the end of their passes, the Lease is let go, and only then end the watches, which take their time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version

from pydantic import ValidationError

from evertask.connection import Connection, load_credentials
from evertask.errors import ConfigurationError, EverTaskError
from evertask_operator import handlers, health
from evertask_operator.cluster import Reads, Writes
from evertask_operator.cluster.guarded import GuardedConnection
from evertask_operator.followers import Followers
from evertask_operator.leadership import Campaign
from evertask_operator.metrics import Metrics, prelaunched_runs
from evertask_operator.observer import Observer
from evertask_operator.reconciler import Reconciler
from evertask_operator.settings import ENV_NAMESPACE, ENV_SETTINGS, Settings, load_settings
from evertask_operator.store import Store
from evertask_operator.timekeeping import wall_clock

logger = logging.getLogger("evertask_operator")

EXIT_CONFIG = 78
"""The settings or the credentials cannot be used; the log says why."""

STOP_SECONDS = 10.0
"""How long passes that are under way may take to end when the operator is told to stop."""

WATCH_STOP_SECONDS = 8.0
"""How long the watch of tasks may take to end after them."""

USER_AGENT = f"evertask-operator/{version('evertask')}"


class Operator:
    """One process, from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Make it in the event loop that it runs in."""
        self._settings = settings
        self._signs = health.Health()
        self._metrics = Metrics()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until told to stop by SIGTERM or SIGINT, or until a part fails.

        Raises:
            EverTaskError: something is not set up as it must be.
        """
        self._heed_signals()
        ports = self._settings.ports
        runners = await health.serve(
            self._signs, self._metrics, health_port=ports.health, metrics_port=ports.metrics
        )
        try:
            campaign = self._campaign() if self._settings.leadership.enabled else None
            try:
                if campaign is None or await self._elected(campaign):
                    await self._lead(campaign)
            finally:
                if campaign is not None:
                    await campaign.stop()
        finally:
            for runner in runners:
                await runner.cleanup()

    def _heed_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    def _stop_when_done(self, part: asyncio.Task[None]) -> None:
        """Where one part has ended, the others must."""
        part.add_done_callback(lambda _: self._stop.set())

    # --- several operators -----------------------------------------------------------------------------------------

    def _campaign(self) -> Campaign:
        """Stand for election."""
        if not self._settings.own_namespace:
            raise ConfigurationError(
                f"leadership.enabled needs the operator's own namespace, where the Lease is: set {ENV_NAMESPACE}"
            )

        async def connect() -> Connection:
            credentials = await load_credentials()
            return Connection(credentials, user_agent=USER_AGENT, observer=self._metrics.observe_request)

        campaign = Campaign(
            self._settings, connect, waiting=self._signs.wait_for_another, hangs=self._signs.hangs
        )
        campaign.start()
        return campaign

    async def _elected(self, campaign: Campaign) -> bool:
        """Wait until we lead; False when told to stop before that."""
        await _first(campaign.elected, self._stop)
        self._signs.take_over()
        return not self._stop.is_set()

    # --- the one that acts -----------------------------------------------------------------------------------------

    async def _lead(self, campaign: Campaign | None) -> None:
        self._metrics.leader.set(1)
        connection = GuardedConnection(
            await load_credentials(),
            guard=campaign.standing.insist if campaign else lambda: None,
            user_agent=USER_AGENT,
            observer=self._metrics.observe_request,
        )
        async with connection:
            reads = Reads(connection, self._settings.watch_namespaces)
            writes = Writes(connection, os.environ.get("HOSTNAME", "evertask-operator"))
            reconciler = Reconciler(self._settings, Store(), reads, writes, self._metrics)
            observer = Observer(reconciler, reads, self._metrics, self._signs)
            self._measure(reconciler)
            watches_end = asyncio.Event()
            parts = await self._begin(reconciler, observer, Followers(observer, reads), watches_end)
            try:
                await self._stop.wait()
            finally:
                reconciler.queue.close()
                try:
                    await _end(parts[:2], STOP_SECONDS)
                    if campaign is not None:
                        await campaign.stop()
                finally:
                    watches_end.set()
                    await _end(parts[2:], WATCH_STOP_SECONDS)

    async def _begin(
        self, reconciler: Reconciler, observer: Observer, followers: Followers, watches_end: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        """Start the parts: what decides, the clock, and (unless told to stop by then) the watch of tasks."""
        listed = asyncio.Event()
        parts = [
            asyncio.create_task(
                _work_when_listed(reconciler, observer, followers, listed), name="reconciler"
            ),
            asyncio.create_task(reconciler.keep_time(self._signs.beat), name="clock"),
        ]
        for part in parts:
            self._stop_when_done(part)
        # kopf lists everything once more, at several times the cost of our own list: it begins when that is done, so
        # that the first decisions need not wait for it.
        await _first(listed, self._stop)
        if not self._stop.is_set():
            namespaces = self._settings.watch_namespaces
            watch = handlers.watch(observer, namespaces, watches_end)
            parts.append(asyncio.create_task(watch, name="watch of tasks"))
            self._stop_when_done(parts[-1])
        elif not listed.is_set():
            parts[0].cancel()  # nothing was decided yet, and a list may take long
        return parts

    def _measure(self, reconciler: Reconciler) -> None:
        store, metrics = reconciler.store, self._metrics
        metrics.count_states(lambda: store.states)
        metrics.slots_taken.set_function(lambda: reconciler.slots.taken)
        metrics.slots_waiting.set_function(lambda: reconciler.slots.waiting)
        metrics.prelaunched.set_function(lambda: prelaunched_runs(store.tasks.values(), wall_clock()))
        metrics.queue_length.set_function(lambda: len(reconciler.queue))


async def _first(*events: asyncio.Event) -> None:
    """Wait for the first of some events."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()


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


async def _end(parts: list[asyncio.Task[None]], seconds: float) -> None:
    """Let the first part come to its end by itself; cut it and the others off after that.

    Raises:
        Exception: what a part has failed of.
    """
    if parts:
        await asyncio.wait(parts[:1], timeout=seconds)
    for part in parts:
        part.cancel()
        with suppress(asyncio.CancelledError):
            await part


async def _run(settings: Settings) -> None:
    await Operator(settings).run()


def main() -> int:
    """Read the settings and run.

    Returns:
        The exit code: 0 after a signal, 78 when something is not set up as it must be. Where it led and may not act
        any more, the process ends with 75 without coming back here.
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
        asyncio.run(_run(settings))
    except EverTaskError as error:
        logger.error("%s", error)  # noqa: TRY400  (a message for a person; no traceback helps)
        return EXIT_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
