"""Following objects through everything: first all of them, then each change, and all of them again after a gap.

A watch ends in two ways. Where the API server closed it, which it does after a while, the next one goes on from the
newest version that was seen, and nothing is lost. Where anything else happened (the connection broke, the version is
too old, the API server was away) there is a gap: the objects are listed anew, and whoever follows compares.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.connection.retries import pause, worth_a_retry
from evertask.errors import ApiError, ApiUnavailableError, ExpiredError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from evertask.connection.watches import WatchEvent
    from evertask.objects import Selection, TaskObjects

SHORT_SECONDS = 1.0
"""A watch that is closed sooner, without a word, was worth nothing: the next one has to wait."""


class Snapshot(NamedTuple):
    """All selected objects, as they are at one moment."""

    items: list[dict[str, Any]]


async def follow(objects: TaskObjects, selection: Selection) -> AsyncGenerator[Snapshot | WatchEvent]:
    """Give a snapshot, then events; another snapshot after each gap. It has no end.

    Wrap it in ``contextlib.aclosing``.

    Raises:
        PermissionDeniedError: a right is missing; the message names it.
        ApiUnavailableError: the API server was away for longer than the patience of ``objects``.
    """
    failures = 0
    while True:
        listed = await objects.all(selection)
        yield Snapshot(listed.items)
        version, started = listed.version, time.monotonic()
        try:
            while True:
                async with aclosing(objects.watch(selection, version)) as events:
                    async for event in events:
                        version, failures = event.object["metadata"]["resourceVersion"], 0
                        if event.type != "BOOKMARK":
                            yield event
                if time.monotonic() - started > SHORT_SECONDS:
                    failures = 0
                else:
                    failures = await _rest(failures, ApiUnavailableError("the watch was closed at once"))
                started = time.monotonic()
        except (ApiError, ApiUnavailableError) as error:
            if not worth_a_retry(error) and not isinstance(error, ExpiredError):
                raise
            failures = await _rest(failures, error)


async def _rest(failures: int, error: ApiError | ApiUnavailableError) -> int:
    """Sleep after one more failure."""
    await asyncio.sleep(pause(failures + 1, error, luck=random.random()))  # noqa: S311  (no secret)
    return failures + 1
