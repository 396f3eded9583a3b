"""HTTP/1.1 messages, as much of them as a JSON API over one kept connection needs.

Own code, because ``http.client`` costs 20 ms of import (it loads the e-mail parser), which every run would pay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_LINE = 65536
"""Bytes of the longest header line that is accepted."""
MAX_BODY = 32 * 1024 * 1024
"""Bytes of the longest body; an EverTask has at most 1.5 MiB."""

_CONTINUE_BELOW = 200
_WITHOUT_BODY = (204, 304)


class MalformedAnswerError(Exception):
    """What came back is not a complete HTTP/1.1 response; a cut connection looks so too."""


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    keeps_connection: bool


def build_request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Write a request with a body."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def read_answer(stream: BinaryIO) -> Answer:
    """Read one response.

    Raises:
        MalformedAnswerError: it is not one, or it ends too early.
        OSError: the connection broke or timed out.
    """
    while True:
        version, status = _read_status(stream)
        headers = _read_headers(stream)
        if status >= _CONTINUE_BELOW:
            break
    keeps = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if status in _WITHOUT_BODY:
        return Answer(status, headers, b"", keeps)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Answer(status, headers, _read_chunks(stream), keeps)
    if "content-length" in headers:
        return Answer(status, headers, _read_exactly(stream, _size(headers["content-length"], 10)), keeps)
    return Answer(status, headers, stream.read(MAX_BODY), keeps_connection=False)


def _read_line(stream: BinaryIO) -> str:
    line = stream.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise MalformedAnswerError(
            "the connection was closed in the middle of an answer" if line else "no answer"
        )
    return line.decode("latin-1").rstrip("\r\n")


def _read_status(stream: BinaryIO) -> tuple[str, int]:
    line = _read_line(stream)
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise MalformedAnswerError(f"not an HTTP/1.1 answer: {line[:80]!r}")
    return version, int(code)


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := _read_line(stream):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise MalformedAnswerError(f"{text!r} is not a length") from None
    if not 0 <= size <= MAX_BODY:
        raise MalformedAnswerError(f"a length of {text} is out of bounds")
    return size


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise MalformedAnswerError(f"the connection was closed after {len(data)} of {size} bytes")
    return data


def _read_chunks(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _size(_read_line(stream).partition(";")[0].strip(), 16):
        body += _read_exactly(stream, size)
        _read_line(stream)
        if len(body) > MAX_BODY:
            raise MalformedAnswerError(f"the body is longer than {MAX_BODY} bytes")
    _read_headers(stream)
    return bytes(body)
