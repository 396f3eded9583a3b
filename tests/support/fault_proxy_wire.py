"""HTTP/1.1 over asyncio streams, as much of it as API servers and their clients speak.

Messages are read whole, and written with a ``Content-Length``: how the other side had cut them into chunks is lost.
Only an answer without an end (a watch, a log that is followed) is passed on chunk by chunk.
"""

from __future__ import annotations

from asyncio import IncompleteReadError
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader
    from collections.abc import AsyncIterator
    from typing import Self

Headers = tuple[tuple[str, str], ...]

STREAM_LIMIT = 2**20
"""Bytes of the longest head."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def header(headers: Headers, name: str) -> str:
    """Give a header's value, empty where there is none."""
    return next((value for one, value in headers if one.lower() == name), "")


def kept(headers: Headers) -> Headers:
    """Give the headers that belong to the message and not to the connection."""
    return tuple((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    method: str
    target: str
    """Path and query."""
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def is_stream(self) -> bool:
        """Whether the answer has no end: a watch, or a log that is followed."""
        query = parse_qs(urlsplit(self.target).query)
        return any(query.get(name, [""])[0] in {"1", "true"} for name in ("watch", "follow"))

    def encoded(self, host: str) -> bytes:
        """Write it for a server."""
        own = (("Host", host), ("Content-Length", str(len(self.body))))
        others = tuple(one for one in kept(self.headers) if one[0].lower() != "host")
        return _encoded(f"{self.method} {self.target} HTTP/1.1", (*own, *others)) + self.body


@dataclass(frozen=True)
class Response:
    """What is answered."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)

    def with_body(self, body: bytes) -> Self:
        """Give the same answer with another body."""
        return replace(self, body=body)

    def head(self, *framing: tuple[str, str]) -> bytes:
        """Write the head, with headers that say how the body is delimited."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        return _encoded(f"HTTP/1.1 {self.status} {phrase}", (*kept(self.headers), *framing))

    def encoded(self) -> bytes:
        """Write it whole."""
        return self.head(("Content-Length", str(len(self.body)))) + self.body


def _encoded(start: str, headers: Headers) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def encoded_chunk(data: bytes) -> bytes:
    """Write one chunk; an empty one ends the answer."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _read_head(reader: StreamReader) -> tuple[str, Headers] | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except IncompleteReadError as error:
        if error.partial:
            raise ConnectionResetError("the connection ended in a head") from error
        return None
    start, *lines = text.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return start, tuple((name.strip(), value.strip()) for name, _, value in pairs)


async def read_chunks(reader: StreamReader) -> AsyncIterator[bytes]:
    """Read a chunked body chunk by chunk."""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        data = await reader.readexactly(size)
        await reader.readexactly(2)
        yield data
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass


async def _read_body(reader: StreamReader, headers: Headers) -> bytes:
    if "chunked" in header(headers, "transfer-encoding"):
        return b"".join([chunk async for chunk in read_chunks(reader)])
    return await reader.readexactly(int(header(headers, "content-length") or 0))


async def read_request(reader: StreamReader) -> Request | None:
    """Read a request; None where the client has hung up instead."""
    found = await _read_head(reader)
    if found is None:
        return None
    start, headers = found
    method, target, _ = start.split(" ", 2)
    return Request(method, target, headers, await _read_body(reader, headers))


async def read_response_head(reader: StreamReader) -> Response:
    """Read the head of an answer.

    Raises:
        ConnectionResetError: the server has hung up.
    """
    found = await _read_head(reader)
    if found is None:
        raise ConnectionResetError("the API server hung up without an answer")
    start, headers = found
    return Response(int(start.split(" ", 2)[1]), headers)


async def read_response(reader: StreamReader) -> Response:
    """Read an answer whole."""
    head = await read_response_head(reader)
    return head if head.status in _WITHOUT_BODY else head.with_body(await _read_body(reader, head.headers))
