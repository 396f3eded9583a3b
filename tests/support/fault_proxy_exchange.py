"""A request on its way through the proxy: forwarded on a connection that is kept, its answer passed on or spoilt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.fault_proxy_wire import (
    STREAM_LIMIT,
    Request,
    Response,
    encoded_chunk,
    header,
    read_chunks,
    read_response,
    read_response_head,
)

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

    from tests.support.fault_proxy import FaultProxy

OK = 200


def reset(writer: StreamWriter) -> None:
    """Break a connection: the peer gets a RST, and what is under way is thrown away."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclass(eq=False)
class LiveStream:
    """A watch that is being passed on."""

    target: str
    client: StreamWriter
    silent: bool = field(default=False)

    def silence(self) -> None:
        """Pass nothing more on."""
        self.silent = True


class PassingExchange:
    """One request at a time of one connection (``fault_proxy_faults.Exchange``)."""

    def __init__(self, proxy: FaultProxy, reader: StreamReader, client: StreamWriter) -> None:
        self.request = Request("", "", (), b"")
        self._proxy = proxy
        self._reader = reader
        self._client = client
        self._upstream: tuple[StreamReader, StreamWriter] | None = None

    def close(self) -> None:
        """Let go of the API server."""
        if self._upstream is not None:
            self._upstream[1].transport.abort()
            self._upstream = None

    async def handle(self, request: Request) -> None:
        """Let a request meet its fault, or pass it on."""
        self.request = request
        fault = self._proxy.fault_for(request)
        await (self.pass_on() if fault is None else fault.apply(self))
        if self._client.transport.is_closing():
            raise ConnectionResetError("by a fault")

    # --- what faults are made of -------------------------------------------------------------------------------

    async def forward(self) -> Response:
        """Let the API server carry it out; gives the whole answer."""
        was_idle = self._upstream is not None
        try:
            response = await read_response(await self._ask())
        except (OSError, EOFError):
            self.close()
            if not was_idle:
                raise
            # The API server closes connections that were idle for long: the request has not reached it.
            response = await read_response(await self._ask())
        if header(response.headers, "connection").lower() == "close":
            self.close()
        return response

    async def pass_on(self) -> None:
        """Treat it as if there were no fault."""
        if self.request.is_stream:
            await self._pass_stream_on()
        else:
            await self.send((await self.forward()).encoded())

    async def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        self._client.write(data)
        await self._client.drain()

    async def sleep(self, seconds: float) -> None:
        """Wait; breaks off when the client hangs up.

        Raises:
            ConnectionResetError: it has.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._until_client_is_gone()
        except TimeoutError:
            return
        raise ConnectionResetError("the client has hung up")

    async def hold(self) -> None:
        """Say nothing until the client hangs up."""
        await self._until_client_is_gone()
        raise ConnectionResetError("the client has hung up")

    def reset(self) -> None:
        """Break the connection with a RST."""
        reset(self._client)

    # --- running -----------------------------------------------------------------------------------------------

    async def _until_client_is_gone(self) -> None:
        # None of the clients sends a second request before the answer to the first, so there is nothing to lose.
        with contextlib.suppress(OSError):
            await self._reader.read(1)

    async def _ask(self) -> StreamReader:
        if self._upstream is None:
            host, port = self._proxy.upstream
            self._upstream = await asyncio.open_connection(
                host, port, ssl=self._proxy.upstream_ssl, limit=STREAM_LIMIT
            )
        reader, writer = self._upstream
        writer.write(self.request.encoded(f"{self._proxy.upstream[0]}:{self._proxy.upstream[1]}"))
        await writer.drain()
        return reader

    async def _pass_stream_on(self) -> None:
        self.close()  # a connection of its own, so that it is fresh
        reader = await self._ask()
        head = await read_response_head(reader)
        if head.status != OK or "chunked" not in header(head.headers, "transfer-encoding"):
            length = int(header(head.headers, "content-length") or 0)
            await self.send(head.with_body(await reader.readexactly(length)).encoded())
            return
        await self.send(head.head(("Transfer-Encoding", "chunked")))
        stream = LiveStream(self.request.target, self._client)
        self._proxy.streams.add(stream)
        pump = asyncio.ensure_future(self._pump(reader, stream))
        gone = asyncio.ensure_future(self._until_client_is_gone())
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ConnectionResetError("the client has hung up")
            pump.result()
        finally:
            self._proxy.streams.discard(stream)
            for task in (pump, gone):
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)
            self.close()

    async def _pump(self, reader: StreamReader, stream: LiveStream) -> None:
        async for chunk in read_chunks(reader):
            if not stream.silent:
                await self.send(encoded_chunk(chunk))
        if stream.silent:
            await asyncio.Event().wait()
        await self.send(encoded_chunk(b""))
