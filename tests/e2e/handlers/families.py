"""Handlers that dispatch others: chains and fans. Each child notes its call in the ledger."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from followups import note

from evertask import Handler, Task

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context

LONG_SECONDS = 600.0


class Step(Task):
    """A child."""

    handler = "families:StepHandler"
    number: int


class StepHandler(Handler[Step]):
    """Note the call."""

    def handle(self, task: Step, ctx: Context) -> int:
        """Give the number back."""
        note(ctx, f"step {task.number}")
        return task.number


class Root(Task):
    """A parent."""

    handler = "families:FirstOfTwo"


class FirstOfTwo(Handler[Root]):
    """Dispatch the next step when this one is over."""

    def handle(self, task: Root, ctx: Context) -> int:
        """Give the number of the next step."""
        return 2

    async def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Dispatch it."""
        await ctx.dispatcher.dispatch(Step(number=ctx.result))


class FanOut(Handler[Root]):
    """Dispatch three; in the first launch only two, and wait to be lost."""

    async def handle(self, task: Root, ctx: Context) -> int:
        """Dispatch steps of which two are equal."""
        for number in (1, 1):
            await ctx.dispatcher.dispatch(Step(number=number))
        ctx.progress(50, "two are dispatched")
        if os.environ["EVERTASK_LAUNCH"] == "1":
            await asyncio.sleep(LONG_SECONDS)
        await ctx.dispatcher.dispatch(Step(number=2))
        return 3
