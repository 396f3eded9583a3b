"""The HTTP session that kopf watches tasks with: our credentials, and a pace that it does not have by itself.

kopf reads token and authority once, and begins a watch that somebody ends at once without any pause. Here the
``Authorization`` header is looked up for each request, an authority that was rotated is read anew, and what ends at
once again and again is begun more and more slowly.
"""

from __future__ import annotations

import asyncio
import random
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from evertask.connection.credentials import load_credentials

if TYPE_CHECKING:
    from types import SimpleNamespace

    from evertask.connection import Credentials

QUICK_SECONDS = 1.0
"""A list or watch that follows the one before it within this time is one too many."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0


class Pace:
    """When the next request of a kind may be sent."""

    def __init__(self) -> None:
        self._quick = 0
        self._sent_at: float | None = None

    def pause(self, now: float, luck: float) -> float:
        """Give the seconds to wait before a request that would be sent now, and take it for sent after them.

        Args:
            now: monotonic time.
            luck: a random number from 0 to 1, which spreads operators that were cut off together.
        """
        if self._sent_at is None or now - self._sent_at >= QUICK_SECONDS:
            self._quick = 0
        else:
            self._quick += 1
        # One is let through: a watch is cut now and then, and what happens meanwhile should be told at once.
        doubled = FIRST_PAUSE_SECONDS * 2.0 ** min(self._quick - 2, 16) if self._quick > 1 else 0.0
        seconds = min(LONGEST_PAUSE_SECONDS, doubled) * (0.5 + luck / 2)
        self._sent_at = now + seconds
        return seconds


class Session(NamedTuple):
    """A session, and where it leads."""

    server: str
    """URL of the API server."""
    http: aiohttp.ClientSession
    """For paths of that server; whoever asked for it closes it."""


async def open_session() -> Session:
    """Open a session for reading and watching, with credentials that are loaded now.

    Raises:
        ConfigurationError: there are none that can be used.
    """
    credentials = await load_credentials()
    return Session(credentials.server, _session(credentials))


def _session(credentials: Credentials) -> aiohttp.ClientSession:
    paces: dict[str, Pace] = {}

    async def started(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        query = params.url.query
        if "continue" not in query:
            kind = f"{params.url.path}?{query.get('watch', '')}"
            seconds = paces.setdefault(kind, Pace()).pause(time.monotonic(), random.random())  # noqa: S311
            await asyncio.sleep(seconds)
        if header := await credentials.authorization.header():
            params.headers["Authorization"] = header

    async def failed(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        if isinstance(params.exception, aiohttp.ClientConnectorCertificateError):
            await credentials.renew_trust()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(started)
    tracing.on_request_exception.append(failed)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=credentials.ssl or True),
        headers={"User-Agent": f"evertask-operator/{version('evertask')}", "Accept": "application/json"},
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=credentials.proxy,
        trust_env=False,
        trace_configs=[tracing],
    )
