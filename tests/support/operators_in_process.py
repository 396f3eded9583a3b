"""An operator in the test's own event loop, whose parts a test can look into."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from evertask_operator import handlers
from evertask_operator.cluster import Reads, Writes
from evertask_operator.followers import Followers
from evertask_operator.health import Health
from evertask_operator.metrics import Metrics
from evertask_operator.observer import Observer
from evertask_operator.reconciler import Reconciler
from evertask_operator.store import Store

if TYPE_CHECKING:
    from typing import Self

    from evertask.connection import Connection
    from evertask_operator.settings import Settings


class OperatorInProcess:
    """All parts of an operator but its ports; as a context it works for the length of the block.

    kopf finds the API server by the environment (``KUBECONFIG``).
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        """Put the parts together."""
        self.metrics = Metrics()
        self.reads = Reads(connection, settings.watch_namespaces)
        self.writes = Writes(connection, "test")
        self.reconciler = Reconciler(settings, Store(), self.reads, self.writes, self.metrics)
        self.observer = Observer(self.reconciler, self.reads, self.metrics, Health())
        self._followers = Followers(self.observer, self.reads)
        self._stop = asyncio.Event()
        self._parts: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        settings = self.reconciler.settings
        await self.observer.list_once()
        endless = [
            self.observer.relist_for_ever(),
            self._followers.follow(),
            self.reconciler.clear_away(),
            self.reconciler.keep_time(lambda: None),
            *(self.reconciler.work() for _ in range(settings.workers)),
        ]
        self._parts = [asyncio.create_task(part) for part in endless]
        watch = handlers.watch(self.observer, settings.watch_namespaces, self._stop)
        self._parts.append(asyncio.create_task(watch))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        self.reconciler.queue.close()
        *others, watch = self._parts
        await asyncio.wait([watch], timeout=10)
        for part in (*others, watch):
            part.cancel()
            with suppress(asyncio.CancelledError):
                await part
