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

from evertask.errors import ApiError, EverTaskError, ExpiredError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.connection import WatchEvent
    from evertask_operator.cluster import Reads
    from evertask_operator.observer import Observer

    Handle = Callable[[str, dict[str, Any]], None]

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Between a watch that failed and the next, on average; it doubles while they fail in a row."""

LONG_PAUSE_SECONDS = 10.0
"""The longest of these pauses, and the one where the right to watch is missing. What happens in it is told late."""

LONGEST_ASKED_SECONDS = 60.0
"""The longest ``Retry-After`` that is heeded."""

FAILURES_UNTIL_A_LIST = 10
"""After so many failures in a row without an event the version may be one that the API server does not know."""


def pause_seconds(failures: int, error: Exception | None, luck: float) -> float:
    """Give the seconds to wait before a watch is begun again.

    Args:
        failures: how many have failed in a row, from 1.
        error: what the last one failed of; None where it was ended at once.
        luck: a random number from 0 to 1, which spreads the two watches of each operator.
    """
    doubled = min(LONG_PAUSE_SECONDS, PAUSE_SECONDS * 2.0 ** min(failures - 1, 16))
    if isinstance(error, PermissionDeniedError):
        doubled = LONG_PAUSE_SECONDS
    asked = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
    return max(doubled * (0.5 + luck), min(asked, LONGEST_ASKED_SECONDS))


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
            begun, error = time.monotonic(), None
            try:
                async with aclosing(self._reads.changes(kind, namespace, version)) as changes:
                    async for event in changes:
                        failures = 0
                        version = self._take(kind, handle, event) or version
            except EverTaskError as caught:
                error = caught
                self._tell(kind, error)
            # A watch lasts a minute; one that somebody ends at once must not be begun again at once.
            if error is None and time.monotonic() - begun >= PAUSE_SECONDS:
                failures = 0
                continue
            failures += 1
            await asyncio.sleep(pause_seconds(failures, error, random.random()))  # noqa: S311  (keeps no secret)
            if isinstance(error, ExpiredError) or failures % FAILURES_UNTIL_A_LIST == 0:
                version = await self._list_anew(kind, version)

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

    def _tell(self, kind: str, error: EverTaskError) -> None:
        if isinstance(error, PermissionDeniedError):
            logger.warning("cannot watch %s: %s", kind, error)
        else:
            logger.info("the watch of %s was interrupted: %s", kind, error)

    async def _list_anew(self, kind: str, version: int) -> int:
        """What happened since the version is no longer told (410): compare with a complete list."""
        if self._observer.listed_at[kind] > version:  # the other watch has had it listed, or a relist came by
            return self._observer.listed_at[kind]
        try:
            await self._observer.relist()
        except EverTaskError as error:
            logger.warning("cannot list %s anew: %s", kind, error)
            return version
        return self._observer.listed_at[kind]
