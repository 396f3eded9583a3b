"""An API server that does what a test says, one request at a time: plain HTTP in, the real one behind it.

A *deed* is told to the server for the next request of a method. It may answer by itself, forward the request, do
something before or after that, or hang up; every other request is forwarded. It serves in the test's own event loop.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})


class Seen(NamedTuple):
    """A request that has come, and what was answered; 0: nothing."""

    method: str
    status: int


@dataclass(frozen=True)
class Passing:
    """A request on its way."""

    request: web.Request
    body: bytes
    _session: aiohttp.ClientSession
    _server: str

    async def forward(self) -> web.Response:
        """Let the API server carry it out; gives its answer."""
        headers = {k: v for k, v in self.request.headers.items() if k.lower() not in _HOP_BY_HOP}
        url = f"{self._server}{self.request.rel_url}"
        async with self._session.request(
            self.request.method, url, data=self.body or None, headers=headers
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    def hang_up(self) -> web.Response:
        """Break the connection: no answer is delivered."""
        assert self.request.transport is not None
        self.request.transport.close()
        return web.Response(status=HANG_UP)


HANG_UP = 599

Deed = Callable[[Passing], Awaitable[web.Response]]


def refuse(status: int, **headers: str) -> Deed:
    """Answer without carrying it out, as an overloaded server does."""

    async def deed(_: Passing) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, headers=named, text=f"the script says {status}")

    return deed


def lose_request() -> Deed:
    """Hang up before it is carried out."""

    async def deed(passing: Passing) -> web.Response:
        return passing.hang_up()

    return deed


def lose_answer(afterwards: Callable[[], object] = lambda: None) -> Deed:
    """Carry it out, let the test do something, and hang up."""

    async def deed(passing: Passing) -> web.Response:
        await passing.forward()
        afterwards()
        return passing.hang_up()

    return deed


def before(happening: Callable[[], object]) -> Deed:
    """Let the test do something, then carry it out."""

    async def deed(passing: Passing) -> web.Response:
        happening()
        return await passing.forward()

    return deed


class ScriptedServer:
    """The server; it serves for the length of the block."""

    def __init__(self, server: str, ca: str) -> None:
        """Say which API server is behind it."""
        self.seen: list[Seen] = []
        self._server = server
        self._ca = ca
        self._script: list[tuple[str, Deed]] = []

    def next(self, method: str, *deeds: Deed) -> None:
        """Say what becomes of the next requests of a method."""
        self._script += ((method, deed) for deed in deeds)

    @property
    def url(self) -> str:
        """URL for the client."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self._ca))
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=4 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.Response:
        passing = Passing(request, await request.read(), self._session, self._server)
        deed = self._deed(request.method)
        response = await (passing.forward() if deed is None else deed(passing))
        self.seen.append(Seen(request.method, 0 if response.status == HANG_UP else response.status))
        return response

    def _deed(self, method: str) -> Deed | None:
        for index, (one, deed) in enumerate(self._script):
            if one == method:
                del self._script[index]
                return deed
        return None
