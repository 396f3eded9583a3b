"""Handlers that fail at first, each in another way, and succeed when they have been called often enough."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask import Context

_MIB = 1024 * 1024


def flaky(payload: dict[str, Any], ctx: Context) -> str:
    """Raise in the first ``failures`` attempts."""
    if ctx.attempt <= payload["failures"]:
        raise ConnectionError(f"attempt {ctx.attempt} is refused")
    return f"attempt {ctx.attempt} in launch {os.environ['EVERTASK_LAUNCH']}"


def slow(payload: dict[str, Any], ctx: Context) -> str:
    """Block in the first ``failures`` attempts."""
    if ctx.attempt <= payload["failures"]:
        time.sleep(600)
    return f"attempt {ctx.attempt} in launch {os.environ['EVERTASK_LAUNCH']}"


def greedy(payload: dict[str, Any], ctx: Context) -> str:
    """Need more memory than there is, in the first ``failures`` attempts."""
    if ctx.attempt <= payload["failures"]:
        hoard = [bytearray(os.urandom(_MIB)) for _ in range(4096)]
        return f"{len(hoard)} MiB"
    return f"attempt {ctx.attempt} in launch {os.environ['EVERTASK_LAUNCH']}"
