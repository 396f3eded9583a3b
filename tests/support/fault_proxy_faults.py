"""What may go wrong between a client and the API server, one class for each kind of trouble.

A fault is told what passes (an ``Exchange``) and does with it as it likes: answer by itself, let the API server carry
the request out and spoil its answer, break the connection, or keep it open and say nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from tests.support.fault_proxy_wire import Request, Response, encoded_chunk

if TYPE_CHECKING:
    from tests.support.fault_proxy_wire import Headers

JSON_HEADERS: Headers = (("Content-Type", "application/json"),)
HTML_HEADERS: Headers = (("Content-Type", "text/html"),)
HTML = b"<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1></body></html>"


class Exchange(Protocol):
    """A request on its way, as a fault sees it."""

    request: Request

    async def forward(self) -> Response:
        """Let the API server carry it out; gives the whole answer."""

    async def pass_on(self) -> None:
        """Treat it as if there were no fault."""

    async def send(self, data: bytes) -> None:
        """Send bytes to the client."""

    async def sleep(self, seconds: float) -> None:
        """Wait; breaks off when the client hangs up.

        Raises:
            ConnectionResetError: it has.
        """

    async def hold(self) -> None:
        """Say nothing until the client hangs up."""

    def reset(self) -> None:
        """Break the connection with a RST."""


class Fault(Protocol):
    """One kind of trouble."""

    async def apply(self, exchange: Exchange) -> None:
        """Do it to a request."""


def status_body(code: int, reason: str, message: str) -> dict[str, Any]:
    """Give a ``Status`` as the API server writes it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


@dataclass(frozen=True)
class Answer:
    """Answered by the way, and not carried out."""

    status: int
    headers: Headers = JSON_HEADERS
    body: bytes = b""

    async def apply(self, exchange: Exchange) -> None:
        """Answer."""
        await exchange.send(Response(self.status, self.headers, self.body).encoded())


def refusal(status: int, reason: str = "", message: str = "by the proxy", **headers: str) -> Answer:
    """Refuse as the API server does: with a ``Status``. Headers by their names, with ``_`` for ``-``."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    body = json.dumps(status_body(status, reason, message)).encode()
    return Answer(status, (*JSON_HEADERS, *named), body)


def gone() -> Answer:
    """Refuse with the HTTP status 410: the version, or the token to go on with a list, is too old."""
    return refusal(HTTPStatus.GONE, "Expired", "The resourceVersion for the provided list is too old.")


def conflict() -> Answer:
    """Refuse with 409, as for an object that has changed meanwhile."""
    return refusal(HTTPStatus.CONFLICT, "Conflict", "the object has been modified")


def too_many(retry_after: str | None = None) -> Answer:
    """Refuse with 429, as Priority and Fairness does."""
    headers = {"Retry_After": retry_after} if retry_after else {}
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", "too many requests", **headers)


def html(status: int) -> Answer:
    """Answer as a load balancer does that has lost the API server."""
    return Answer(status, HTML_HEADERS, HTML)


@dataclass(frozen=True)
class Delay:
    """Slow: carried out so many seconds later, and answered as it should be."""

    seconds: float

    async def apply(self, exchange: Exchange) -> None:
        """Wait, then pass it on."""
        await exchange.sleep(self.seconds)
        await exchange.pass_on()


@dataclass(frozen=True)
class Slow:
    """Carried out at once, and answered so many seconds later."""

    seconds: float

    async def apply(self, exchange: Exchange) -> None:
        """Carry it out, wait, answer."""
        response = await exchange.forward()
        await exchange.sleep(self.seconds)
        await exchange.send(response.encoded())


@dataclass(frozen=True)
class LostRequest:
    """The connection breaks before the request has arrived."""

    async def apply(self, exchange: Exchange) -> None:
        """Break it."""
        exchange.reset()


@dataclass(frozen=True)
class LostAnswer:
    """Carried out, and the connection breaks before the answer."""

    async def apply(self, exchange: Exchange) -> None:
        """Carry it out, and break it."""
        await exchange.forward()
        exchange.reset()


@dataclass(frozen=True)
class CutInside:
    """Carried out, and the connection breaks in the middle of the answer."""

    async def apply(self, exchange: Exchange) -> None:
        """Send head and half of the body."""
        data = (await exchange.forward()).encoded()
        await exchange.send(data[: len(data) // 2])
        exchange.reset()


@dataclass(frozen=True)
class Silence:
    """Nothing is said: the request does not arrive, and the connection stays open."""

    async def apply(self, exchange: Exchange) -> None:
        """Hold it."""
        await exchange.hold()


@dataclass(frozen=True)
class SilentStream:
    """A watch that begins and never says a word, nor ends."""

    async def apply(self, exchange: Exchange) -> None:
        """Send the head and hold."""
        await exchange.send(Response(200, JSON_HEADERS).head(("Transfer-Encoding", "chunked")))
        await exchange.hold()


@dataclass(frozen=True)
class Garbage:
    """Carried out and answered with its own status, but with something else than what was asked for."""

    body: bytes = HTML

    async def apply(self, exchange: Exchange) -> None:
        """Carry it out, and send another body."""
        await exchange.send((await exchange.forward()).with_body(self.body).encoded())


@dataclass(frozen=True)
class Truncated:
    """Carried out, and answered with the first half of the JSON, as if that were all."""

    async def apply(self, exchange: Exchange) -> None:
        """Carry it out, and send half."""
        response = await exchange.forward()
        await exchange.send(response.with_body(response.body[: len(response.body) // 2]).encoded())


@dataclass(frozen=True)
class Trickle:
    """Carried out, and answered byte by byte."""

    pause: float
    """Seconds between two bytes."""
    size: int = 1
    """Bytes at a time."""

    async def apply(self, exchange: Exchange) -> None:
        """Carry it out, and take one's time."""
        data = (await exchange.forward()).encoded()
        for begin in range(0, len(data), self.size):
            await exchange.send(data[begin : begin + self.size])
            await exchange.sleep(self.pause)


@dataclass(frozen=True)
class Told:
    """A watch that tells these lines, and ends."""

    lines: tuple[bytes, ...] = ()

    async def apply(self, exchange: Exchange) -> None:
        """Tell them."""
        head = Response(200, JSON_HEADERS).head(("Transfer-Encoding", "chunked"))
        chunks = [encoded_chunk(line + b"\n") for line in self.lines]
        await exchange.send(b"".join([head, *chunks, encoded_chunk(b"")]))


def error_event(code: int, reason: str = "") -> Told:
    """Open a watch with an ERROR event, which ends it."""
    status = status_body(code, reason or {410: "Expired"}.get(code, "InternalError"), "by the proxy")
    return Told((json.dumps({"type": "ERROR", "object": status}).encode(),))


def name_of(fault: Fault) -> str:
    """Name a fault in a record: its class, and its status where it has one."""
    status = getattr(fault, "status", None)
    return type(fault).__name__ + (f" {status}" if status else "")
