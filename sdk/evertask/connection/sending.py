"""What a request carries besides its path: who sends it, and its body as JSON; and how one breaks off."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientResponse


@cache
def default_user_agent() -> str:
    """Name this library and its version."""
    try:
        return f"evertask-sdk/{version('evertask')}"
    except PackageNotFoundError:  # run from its sources
        return "evertask-sdk/0"


def encode(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write a JSON value as the API server takes it.

    Raises:
        ValueError: it holds a number that is not finite, or half of a surrogate pair.
        TypeError: it holds something that JSON has no form for.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def hang_up(response: ClientResponse) -> None:
    """Break off an answer that has no end: to close it politely would wait for a peer that goes on sending."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
