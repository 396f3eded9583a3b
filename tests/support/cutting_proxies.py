"""A proxy in front of the API server that lets a test cut where it wants: plain HTTP in, TLS out.

It numbers the writes that pass (``evertask.api.protocol.Write``). A *cut* waits for the nth write of a number, lets it
reach the API server, and then calls the test: before its answer is delivered, or after. From then on no further write
passes, so that what happens is decided by the test and not by chance. Watches can be broken, expired (410) or the whole
way closed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from evertask.api.protocol import PLURAL, Phase, Write

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

Json = dict[str, Any]

DELIVERY_SECONDS = 0.2
"""How long the client has to take in an answer before it is cut off."""

_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})
_GONE = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    },
}


class When(StrEnum):
    """On which side of the answer the cut is made."""

    BEFORE_THE_ANSWER = "before-the-answer"
    AFTER_THE_ANSWER = "after-the-answer"


@dataclass(frozen=True)
class Passed:
    """A write that has passed."""

    number: Write
    path: str
    body: Json
    status: int


@dataclass
class Cut:
    """Where to cut."""

    number: Write
    nth: int
    when: When
    deed: Callable[[], None]
    made: threading.Event = field(default_factory=threading.Event)


def number_of(method: str, path: str, body: Json) -> Write | None:
    """Tell which write of the protocol a request of the operator is; None when it is none."""
    parts = path.strip("/").split("/")
    if method == "PATCH" and parts[-1] == "status" and PLURAL in parts:
        runs = (body.get("status") or {}).get("runs") or {}
        opens = any(run and run.get("phase") == Phase.LAUNCHING for run in runs.values())
        return Write.OPEN_RUN if opens else Write.FOLD
    if method == "POST" and parts[-1] == "jobs":
        return Write.CREATE_JOB
    return Write.DELETE if method == "DELETE" else None


class CuttingProxy:
    """The proxy; it runs in a thread of its own for the length of the block."""

    def __init__(self, server: str, ca: str) -> None:
        """Say where to forward to."""
        self.passed: list[Passed] = []
        self._server = server
        self._ssl = ssl.create_default_context(cafile=ca)
        self._cut: Cut | None = None
        self._frozen = False
        self._closed = False
        self._watches: dict[web.StreamResponse, str] = {}
        self._transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._port = 0

    # --- what a test does ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """URL for the client."""
        return f"http://127.0.0.1:{self._port}"

    def cut(self, number: Write, nth: int, when: When, deed: Callable[[], None]) -> Cut:
        """Call ``deed`` at the nth write of a number from now on."""
        self.passed.clear()
        self._frozen = False
        self._cut = Cut(number, nth, when, deed)
        return self._cut

    def heal(self) -> None:
        """Let everything pass again."""
        self._frozen = self._closed = False
        self._cut = None

    def close_the_way(self) -> None:
        """Break all connections, and take no new ones until ``heal``."""
        self._closed = True
        self._call(self._abort())

    def break_watches(self) -> None:
        """Break the connections of all watches; new ones are taken."""
        self._call(self._abort())

    def expire_watches(self) -> int:
        """Tell all watches that their resourceVersion is too old; gives how many there were."""
        return int(self._call(self._expire()))

    def writes(self, number: Write) -> list[Passed]:
        """Give the writes of a number that have passed and were carried out."""
        return [write for write in self.passed if write.number is number and write.status < 300]

    # --- running -------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._ssl, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _end(self) -> None:
        await self._abort()
        await self._runner.cleanup()
        await self._session.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _abort(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    async def _expire(self) -> int:
        watches = list(self._watches)
        for response in watches:
            await response.write(json.dumps(_GONE).encode() + b"\n")
            await response.write_eof()
        return len(watches)

    # --- requests ------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        if self._closed or not isinstance(transport, asyncio.Transport):
            return self._broken(request)
        body = await request.read()
        number = number_of(request.method, request.path, json.loads(body) if body else {})
        if number is not None and self._frozen:
            return self._broken(request)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        url = f"{self._server}{request.rel_url}"
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            if request.query.get("watch") in {"1", "true"}:
                return await self._stream(request, answer, transport)
            content = await answer.read()
            response = self._response(answer)
            response.body = content
            if number is None:
                return response
            self.passed.append(Passed(number, request.path, json.loads(body or b"{}"), answer.status))
            return await self._cut_or_deliver(request, response)

    def _response(self, answer: aiohttp.ClientResponse) -> web.Response:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, headers=headers)

    def _broken(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=503)

    async def _cut_or_deliver(self, request: web.Request, response: web.Response) -> web.StreamResponse:
        cut = self._cut
        if cut is None or self._frozen or len(self.writes(cut.number)) < cut.nth:
            return response
        self._frozen = True
        if cut.when is When.AFTER_THE_ANSWER:
            await response.prepare(request)
            await response.write_eof()
            await asyncio.sleep(DELIVERY_SECONDS)
        cut.deed()
        cut.made.set()
        return response if cut.when is When.AFTER_THE_ANSWER else self._broken(request)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, transport: asyncio.Transport
    ) -> web.StreamResponse:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        self._transports.add(transport)
        self._watches[response] = request.path
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except (aiohttp.ClientError, ConnectionError, RuntimeError):
            transport.abort()  # the client has gone, or its watch was expired
        finally:
            self._transports.discard(transport)
            self._watches.pop(response, None)
        return response
