"""Handlers that dispatch, where the package kubernetes is not installed and the pod's credentials are mounted."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# This folder has a queue.py, to catch a runner that imports from it; the SDK is to get Python's own.
_here = sys.path.pop(0)
import queue  # noqa: E402, F401

sys.path.insert(0, _here)

from evertask import Dispatcher, Handler, Task  # noqa: E402
from evertask.connection import credentials  # noqa: E402

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context

sys.modules["kubernetes"] = None  # type: ignore[assignment]  # to import it fails as if it were not installed
# There is no pod, so the mount is elsewhere.
credentials.SERVICE_ACCOUNT = Path(os.environ["EVERTASK_SERVICEACCOUNT_PATH"])


class Step(Task):
    """A child."""

    handler = "chain:Nothing"
    number: int


class Order(Task):
    """The parent's payload."""

    handler = "chain:FanOut"
    folder: str


class Nothing(Handler[Step]):
    """Do nothing."""

    def handle(self, task: Step, ctx: Context) -> None:
        """Do nothing."""


class FanOut(Handler[Order]):
    """Dispatch two children, wait for ``go``, dispatch the third."""

    async def handle(self, task: Order, ctx: Context) -> list[str]:
        """Give the children's ids."""
        folder = Path(task.folder)
        ids = [await ctx.dispatcher.dispatch(Step(number=1)) for _ in range(2)]
        (folder / "begun").touch()
        while not (folder / "go").exists():  # noqa: ASYNC110  (another process makes it)
            await asyncio.sleep(0.01)
        ids.append(await ctx.dispatcher.dispatch(Step(number=2)))
        return [str(one) for one in ids]


class FailsAfterwards(Handler[Order]):
    """Dispatch a child, and fail."""

    async def handle(self, task: Order, ctx: Context) -> None:
        """Dispatch, and raise."""
        await ctx.dispatcher.dispatch(Step(number=1))
        raise ValueError("too late")


class StopsAfterwards(Handler[Order]):
    """Dispatch a child, and wait for the end."""

    async def handle(self, task: Order, ctx: Context) -> None:
        """Dispatch, and wait."""
        await ctx.dispatcher.dispatch(Step(number=1))
        (Path(task.folder) / "begun").touch()
        await asyncio.Event().wait()


class Chain(Handler[Order]):
    """Dispatch the next step when this one is over."""

    def handle(self, task: Order, ctx: Context) -> int:
        """Give the number of the next step."""
        return 5

    async def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Dispatch it, twice by the same id."""
        for _ in range(2):
            await ctx.dispatcher.dispatch(Step(number=ctx.result), task_id=task_id)


class SyncChain(Handler[Order]):
    """Dispatch the next step from a handler that is not async."""

    def handle(self, task: Order, ctx: Context) -> int:
        """Give the number of the next step."""
        return 5

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Dispatch it."""
        ctx.sync_dispatcher.dispatch(Step(number=ctx.result))


async def by_a_dispatcher_of_its_own(payload: dict[str, Any]) -> str:
    """Dispatch a child by a dispatcher that knows nothing but where it runs."""
    async with Dispatcher() as dispatcher:
        return str(await dispatcher.dispatch(Step(number=3)))
