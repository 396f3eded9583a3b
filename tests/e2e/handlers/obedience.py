"""Handlers that never end by themselves: some stop when they are asked to, some do not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask import Context

LONG_SECONDS = 600.0


def obedient(payload: dict[str, Any], ctx: Context) -> None:
    """Stop when asked to, and say so."""
    ctx.progress(10, "at work")
    if ctx.cancellation.wait(LONG_SECONDS):
        ctx.progress(90, f"asked to stop: {ctx.cancellation.reason}")
        ctx.cancellation.raise_if_cancelled()


async def asynchronous(payload: dict[str, Any], ctx: Context) -> None:
    """Be cancelled by asyncio."""
    ctx.progress(10, "at work")
    await asyncio.sleep(LONG_SECONDS)


def asleep(payload: dict[str, Any], ctx: Context) -> None:
    """Sleep, whatever is asked."""
    ctx.progress(10, "at work")
    while True:
        time.sleep(LONG_SECONDS)


def busy(payload: dict[str, Any], ctx: Context) -> None:
    """Compute, whatever is asked: one call that holds the interpreter for hours."""
    ctx.progress(10, "at work")
    time.sleep(0.5)  # lets the report out before the interpreter is held
    while True:
        sum(range(10**12))


def finishing_in_the_grace(payload: dict[str, Any], ctx: Context) -> str:
    """Finish the work when asked to stop, and succeed."""
    ctx.progress(10, "at work")
    ctx.cancellation.wait(LONG_SECONDS)
    return "finished all the same"
