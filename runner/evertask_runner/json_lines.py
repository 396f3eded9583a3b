"""How parent and child talk: one JSON object a line, over a pipe in each direction.

Pipes and not sockets, because the socket module costs as much as half an interpreter start, before the fork.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

_DEEP = 50_000
"""Recursion limit for a document that is nested deeper than Python's own limit; the API server takes 10,000."""


def _deeply(convert: Callable[[Any], Any], value: Any) -> Any:
    """Convert; a document nested deeper than the interpreter's limit gets a second try under a higher one."""
    try:
        return convert(value)
    except RecursionError:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEP)
        try:
            return convert(value)
        finally:
            sys.setrecursionlimit(usual)


def decode_json(text: bytes | str) -> Any:
    """Read one JSON document, however deep.

    Raises:
        ValueError: it is not JSON.
    """
    return _deeply(json.loads, text)


def encode_json(value: Any) -> bytes:
    """Write one JSON document in ASCII, without a line break in it.

    Raises:
        ValueError: the value holds NaN or an infinity.
        TypeError: the value is not made of JSON types.
    """
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    text: str = _deeply(encode, value)
    return text.encode("ascii")


def encode_line(message: Json) -> bytes:
    """Write one message."""
    return encode_json(message) + b"\n"


class LineBuffer:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Json]:
        """Take what was read; give the messages that are complete now."""
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            yield decode_json(line)
