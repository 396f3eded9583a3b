"""Follow Jobs and pods by watches of our own client, which begin where the complete list ended.

A task's Job and its pod change a dozen times while one runs. kopf takes every change of an object through a worker of
that object, which costs more than all that is decided from it; what is needed here is to note it in the store.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from evertask.errors import EverTaskError, ExpiredError, PermissionDeniedError

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

LONG_PAUSE_SECONDS = 10.0
"""The same where the right to watch is missing."""

FAILURES_UNTIL_A_LIST = 10
"""After so many failures in a row without an event the version may be one that the API server does not know."""


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
        version, failures = self._observer.listed_at[kind], 0
        while True:
            begun = time.monotonic()
            try:
                async with aclosing(self._reads.changes(kind, namespace, version)) as changes:
                    async for event in changes:
                        failures = 0
                        version = self._take(kind, handle, event) or version
            except (EverTaskError, *_NO_EVENT) as error:
                failures += 1
                self._tell(kind, error)
                pause = LONG_PAUSE_SECONDS if isinstance(error, PermissionDeniedError) else PAUSE_SECONDS
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (keeps no secret)
                if isinstance(error, (ExpiredError, *_NO_EVENT)) or failures % FAILURES_UNTIL_A_LIST == 0:
                    version = await self._list_anew(kind, version)
            else:
                # A watch lasts a minute; one that somebody ends at once must not be begun again at once.
                if time.monotonic() - begun < PAUSE_SECONDS:
                    await asyncio.sleep(PAUSE_SECONDS)

    def _take(self, kind: str, handle: Handle, event: WatchEvent) -> int | None:
        """Take an event in; the answer is its version. One that cannot be read must not end the watch of all others."""
        try:
            version = int(event.object["metadata"]["resourceVersion"])
            if event.type != "BOOKMARK":
                handle(event.type, event.object)
        except Exception:
            logger.exception("cannot take in a change of %s", kind)
            return None
        return version

    def _tell(self, kind: str, error: Exception) -> None:
        if isinstance(error, PermissionDeniedError):
            logger.warning("cannot watch %s: %s", kind, error)
        elif isinstance(error, EverTaskError):
            logger.info("the watch of %s was interrupted: %s", kind, error)
        else:
            logger.warning("the watch of %s said what cannot be read: %r", kind, error)

    async def _list_anew(self, kind: str, version: int) -> int:
        """What happened since the version is no longer told (410): compare with a complete list."""
        try:
            await self._observer.relist()
        except EverTaskError as error:
            logger.warning("cannot list %s anew: %s", kind, error)
            return version
        return self._observer.listed_at[kind]
