"""Handlers with callbacks. Each call is noted in the ledger, with what was called and in which launch."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import api_server

from evertask import Handler, Task

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context

LONG_SECONDS = 600.0
_MIB = 1024 * 1024


def note(ctx: Context, what: str) -> None:
    """Note a call of anything in the ledger."""
    entry = {
        "task": ctx.task_name,
        "run": ctx.run_id,
        "launch": os.environ["EVERTASK_LAUNCH"],
        "what": what,
        "start": repr(time.time()),
    }
    metadata = {"generateName": "call-", "labels": {"e2e-call": ""}}
    path = f"/api/v1/namespaces/{ctx.namespace}/configmaps"
    answer = api_server.call("POST", path, {"metadata": metadata, "data": entry})
    if answer.status != 201:
        raise RuntimeError(f"the ledger is closed: {answer}")


class Work(Task):
    """A payload."""

    handler = "followups:Succeeds"
    customer: str = "ada"


class Noting(Handler[Work]):
    """Notes each callback; the work is in the subclasses."""

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        """Note it."""
        note(ctx, f"started {ctx.payload.customer}")

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Note it, with the result."""
        note(ctx, f"completed {ctx.result}")

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        """Note it, with the kind of error."""
        note(ctx, f"error {type(exception).__name__}")


class Succeeds(Noting):
    """Succeed."""

    def handle(self, task: Work, ctx: Context) -> int:
        """Note it."""
        note(ctx, "handled")
        return 7


class Fails(Noting):
    """Fail."""

    def handle(self, task: Work, ctx: Context) -> None:
        """Raise."""
        raise ValueError("no such order")


class Waits(Noting):
    """Wait in the first launch until asked to stop; return at once in later ones."""

    def handle(self, task: Work, ctx: Context) -> int:
        """Wait, and obey."""
        ctx.progress(50, "at work")
        if os.environ["EVERTASK_LAUNCH"] == "1" and ctx.cancellation.wait(LONG_SECONDS):
            ctx.cancellation.raise_if_cancelled()
        return 7


class HangsInCallback(Succeeds):
    """Never comes back from a callback."""

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Sleep."""
        ctx.progress(90, "in the callback")
        time.sleep(LONG_SECONDS)


class StarvesInCallback(Succeeds):
    """Needs more memory in a callback than there is: the kernel kills the whole container."""

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Have the kernel choose the runner's parent, and hoard."""
        Path(f"/proc/{os.getppid()}/oom_score_adj").write_text("1000")
        hoard: list[Any] = [bytearray(os.urandom(_MIB)) for _ in range(4096)]
        note(ctx, f"survived with {len(hoard)}")
