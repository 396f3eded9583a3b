"""A watch: one long answer, each of its lines an event.

It ends in five ways: the API server closes it (nothing is wrong, begin again), it sends an ERROR event, something in
between says what is no event, the connection breaks, or nothing comes for longer than the watch should last (the other
side is gone without a word).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.connection.answers import error_of_status
from evertask.errors import ApiUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiohttp import StreamReader

    from evertask.connection.paths import Target

WATCH_SECONDS = 60
"""How long one watch lasts before it is begun again. Short, because a connection that died without a word (a
lost node, a NAT entry that was dropped) shows only then."""

RESERVE_SECONDS = 15.0
"""What the API server may be late to end a watch."""


class WatchEvent(NamedTuple):
    """One line of a watch."""

    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: dict[str, Any]


async def events(stream: StreamReader, target: Target, silence: float) -> AsyncGenerator[WatchEvent]:
    """Read the events of a watch until it is closed.

    Args:
        stream: the body of the answer.
        target: what is watched, for the words of an error.
        silence: seconds without a byte after which the connection is taken for dead.

    Raises:
        ApiError: the API server ended the watch by an ERROR event; ``ExpiredError`` for 410.
        ApiUnavailableError: a line is no event.
        TimeoutError: silence.
        aiohttp.ClientError: the connection broke.
    """
    async with aclosing(text_lines(stream, silence)) as lines:
        async for line in lines:
            if not line:
                continue
            event = _event_of(line, target)
            if event.type == "ERROR":
                raise error_of_status(event.object, target)
            yield event


def _event_of(line: bytes, target: Target) -> WatchEvent:
    try:
        event = json.loads(line)
        found = WatchEvent(event["type"], event["object"])
        if found.type != "ERROR":
            int(found.object["metadata"]["resourceVersion"])
        found.object.keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApiUnavailableError(
            f"the watch of {target.resource} said what is no event: {line[:80]!r}"
        ) from error
    return found


async def text_lines(
    stream: StreamReader, silence: float | None, *, unfinished: bool = False
) -> AsyncGenerator[bytes]:
    """Split a stream into lines of any length (aiohttp's own ``readline`` gives up at 128 KiB).

    Args:
        stream: the body of an answer.
        silence: seconds without a byte after which the connection is taken for dead; None waits for ever.
        unfinished: whether what follows the last line break is a line too; of a watch it is half an event.

    Raises:
        TimeoutError: silence.
        aiohttp.ClientError: the connection broke.
    """
    parts: list[bytes] = []
    while True:
        async with asyncio.timeout(silence):
            chunk = await stream.readany()
        if not chunk:
            break
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            yield b"".join([*parts, line])
            parts.clear()
        if rest:
            parts.append(rest)
    if parts and unfinished:
        yield b"".join(parts)
