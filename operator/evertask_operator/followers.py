"""Follow Jobs and pods by watches of our own client, which begin where the complete list ended.

A task's Job and its pod change a dozen times while one runs. kopf takes every change of an object through a worker of
that object, which costs more than all that is decided from it; what is needed here is to note it in the store.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from evertask.errors import ApiUnavailableError, EverTaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.connection import WatchEvent
    from evertask_operator.cluster import Reads
    from evertask_operator.observer import Observer

    Handle = Callable[[str, dict[str, Any]], None]

logger = logging.getLogger(__name__)

_NO_EVENT = (ValueError, KeyError, TypeError)
"""What reading a line raises that is not JSON, or no event."""

PAUSE_SECONDS = 1.0
"""Between a watch that failed and the next, on average."""


class Followers:
    """One watch of Jobs and one of pods in each served namespace, for ever."""

    def __init__(self, observer: Observer, reads: Reads) -> None:
        self._observer = observer
        self._reads = reads

    async def follow(self) -> None:
        """Follow them all; ends only when it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for namespace in self._reads.namespaces:
                group.create_task(self._follow("jobs", namespace, self._observer.job_event))
                group.create_task(self._follow("pods", namespace, self._observer.pod_event))

    async def _follow(self, kind: str, namespace: str | None, handle: Handle) -> None:
        version = self._observer.listed_at[kind]
        while True:
            try:
                async with aclosing(self._reads.changes(kind, namespace, version)) as changes:
                    async for event in changes:
                        version = self._take(kind, handle, event) or version
            except (EverTaskError, *_NO_EVENT) as error:
                logger.info("the watch of %s was interrupted: %s", kind, error)
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  (keeps no secret)
                if not isinstance(error, ApiUnavailableError):
                    version = await self._list_anew(kind, version)

    def _take(self, kind: str, handle: Handle, event: WatchEvent) -> int | None:
        """Take in one event; gives its version, None where it cannot be read."""
        try:
            if event.type != "BOOKMARK":
                handle(event.type, event.object)
            return int(event.object["metadata"]["resourceVersion"])
        except Exception:
            # One object that cannot be read must not end the watch of all others.
            logger.exception("cannot take in a change (%s) of %s", event.type, kind)
            return None

    async def _list_anew(self, kind: str, version: int) -> int:
        """What happened since the version is no longer told (410): compare with a complete list."""
        try:
            await self._observer.relist()
        except EverTaskError as error:
            logger.warning("cannot list %s anew: %s", kind, error)
            return version
        return self._observer.listed_at[kind]
