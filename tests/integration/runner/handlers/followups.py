"""Handlers with callbacks. Each notes what is called, in order, as lines of a file in the payload's folder."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from evertask.context import Context

_MADE_IN: contextvars.ContextVar[str] = contextvars.ContextVar("made in", default="nowhere")


class Noting:
    """Notes each call; the work is in the subclasses."""

    def on_started(self, task_id: UUID, ctx: Context) -> Any:
        """Note it."""
        self.folder = Path(ctx.payload["folder"])
        self.note(f"started {type(task_id).__name__}")

    def on_completed(self, task_id: UUID, ctx: Context) -> Any:
        """Note it, with the result."""
        self.note(f"completed {ctx.result}")

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> Any:
        """Note it, with the error."""
        self.note(f"error {type(exception).__name__}: {message}")

    def note(self, line: str) -> None:
        """Write a line."""
        with (self.folder / "noted").open("a") as file:
            file.write(line + "\n")


class Returns(Noting):
    """Succeed."""

    def handle(self, payload: dict[str, Any]) -> int:
        """Note it, and return."""
        self.note("handled")
        return 7


class Forks(Noting):
    """Fork a process that comes back through the runner's own frames."""

    def handle(self) -> int:
        """Wait for the other process; only one of the two is the handler's."""
        if os.fork() != 0:
            os.wait()
        return 7


class Raises(Noting):
    """Fail."""

    def handle(self) -> None:
        """Raise."""
        raise ValueError("no such order")


class NotJson(Noting):
    """Return what is no result."""

    def handle(self) -> object:
        """Return a set."""
        return {1, 2}


class Waits(Noting):
    """Wait for the token, and obey."""

    def handle(self, ctx: Context) -> None:
        """Wait."""
        (self.folder / "begun").touch()
        ctx.cancellation.wait()
        ctx.cancellation.raise_if_cancelled()


class WaitsAsync(Noting):
    """Wait until asyncio cancels."""

    async def handle(self) -> None:
        """Wait."""
        (self.folder / "begun").touch()
        await asyncio.Event().wait()

    async def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        """Note it, after a pause in the same event loop."""
        await asyncio.sleep(0.01)
        super().on_error(task_id, exception, message, ctx)


class Deaf(Noting):
    """Hear nothing."""

    def handle(self) -> None:
        """Sleep."""
        (self.folder / "begun").touch()
        time.sleep(600)


class LimitsItself(Waits):
    """Has a timeout of its own."""

    timeout = timedelta(milliseconds=200)


class SlowToStart(Noting):
    """Takes longer over its callbacks than handle may take."""

    timeout = timedelta(milliseconds=200)

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        """Take half a second."""
        super().on_started(task_id, ctx)
        time.sleep(0.5)

    def handle(self, ctx: Context) -> str:
        """Return at once."""
        return "in time"

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Take half a second."""
        time.sleep(0.5)
        super().on_completed(task_id, ctx)


class NeverStarts(Noting):
    """Its first callback never returns."""

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        """Sleep."""
        time.sleep(600)

    def handle(self) -> None:
        """Never reached."""


class RaisesInCallbacks(Returns):
    """Every callback raises."""

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        """Raise."""
        super().on_started(task_id, ctx)
        raise OSError("no mail server")

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Raise."""
        raise SystemExit(3)


class RaisesTwice(Raises):
    """Fail, and fail in on_error."""

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        """Raise."""
        raise LookupError("nothing to undo")


class DiesInCallback(Returns):
    """End the process in a callback."""

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """End it."""
        os._exit(9)


class HangsInCallback(Returns):
    """A callback that hears nothing."""

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Sleep."""
        (self.folder / "in-callback").touch()
        time.sleep(600)


class WaitsInCallback(Returns):
    """A callback that takes until the test lets it go."""

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Wait for ``go``."""
        (self.folder / "in-callback").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.01)
        ctx.progress(100, "the last")
        super().on_completed(task_id, ctx)


class OneLoop(Noting):
    """What handle makes in its event loop and context is usable in the callbacks."""

    async def on_started(self, task_id: UUID, ctx: Context) -> None:
        """Make a queue, and say where."""
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        super().on_started(task_id, ctx)

    async def handle(self, ctx: Context) -> None:
        """Fill the queue from a task that goes on."""
        _MADE_IN.set("handle")
        self.filling = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        await asyncio.sleep(0.05)
        await self.queue.put("filled")

    async def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Take from the queue."""
        same = self.loop is asyncio.get_running_loop()
        self.note(f"{await self.queue.get()} {_MADE_IN.get()} {same}")
