"""Counts the Jobs that exist in a namespace at every moment, from the watch: no poll would see each."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.connection.paths import job_path

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from evertask.connection import Connection


class JobCounter:
    """Follows the Jobs of an empty namespace for the length of the block."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        """Say which namespace."""
        self.most = 0
        """The most Jobs that existed at once."""
        self.there: set[str] = set()
        self.made: dict[str, float] = {}
        """Task name → when its first Job was heard of, by the monotonic clock."""
        self._connection = connection
        self._namespace = namespace
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def __aenter__(self) -> Self:
        listing = await self._connection.call("GET", job_path(self._namespace))
        self._task = asyncio.create_task(self._follow(listing["metadata"]["resourceVersion"]))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        assert not self._task.done(), self._task
        self._task.cancel()
        await asyncio.wait([self._task])

    async def until_made(self, tasks: int) -> None:
        """Wait until so many tasks have had a Job."""
        while len(self.made) < tasks:
            self._heard.clear()
            await self._heard.wait()

    async def _follow(self, version: str) -> None:
        while True:
            watch = self._connection.watch(
                job_path(self._namespace), params={"resourceVersion": version}, seconds=600
            )
            async with aclosing(watch) as events:
                async for event in events:
                    version = event.object["metadata"]["resourceVersion"]
                    self._count(event.type, event.object)

    def _count(self, type_: str, job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        if type_ == "DELETED":
            self.there.discard(name)
            return
        self.there.add(name)
        self.most = max(self.most, len(self.there))
        task = job["metadata"].get("annotations", {}).get(protocol.ANNOTATION_TASK_NAME, name)
        self.made.setdefault(task, time.monotonic())
        self._heard.set()
