"""Handlers that write each of their starts and ends to the ledger, and in between do what the payload says.

A start is written before anything else, an end as the very last thing. A ledger that does not answer fails the call:
what is not written must not have happened.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evertask import CancellationRequested, Handler, Task

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context

LEDGER = "CHAOS_LEDGER"
"""Variable of the environment: URL of the ledger."""
PATIENCE_SECONDS = 20.0
OK = 200


def note(ctx: Context, event: str, how: str = "") -> None:
    """Write an entry.

    Raises:
        RuntimeError: the ledger does not take it.
    """
    entry = {
        "token": secrets.token_hex(8),
        "event": event,
        "how": how,
        "uid": os.environ["EVERTASK_TASK_UID"],
        "task": ctx.task_name,
        "run": ctx.run_id,
        "launch": int(os.environ["EVERTASK_LAUNCH"]),
        "attempt": ctx.attempt,
        "pod": os.environ["EVERTASK_POD_NAME"],
        "time": time.time(),
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _is_written(entry):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the ledger at {os.environ[LEDGER]} does not answer")
        time.sleep(0.2)


def _is_written(entry: dict[str, Any]) -> bool:
    address = urlsplit(os.environ[LEDGER])
    with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)) as connection:
        try:
            connection.request("POST", "/", json.dumps(entry))
            return connection.getresponse().status == OK
        except (OSError, http.client.HTTPException):
            return False


def use_the_nodes_credentials() -> None:
    """Dispatch where there is no pod, and the service account's files are elsewhere."""
    if path := os.environ.get("EVERTASK_SERVICEACCOUNT_PATH"):
        # Late: only who dispatches pays for what this loads.
        from evertask.connection import credentials  # noqa: PLC0415

        credentials.SERVICE_ACCOUNT = Path(path)


class Work(Task):
    """What a call does, in this order."""

    handler = "chaotic:WorkHandler"
    seconds: float = 0.0
    """How long it works."""
    stubborn: bool = False
    """Whether it ignores the request to stop."""
    dies: int = 0
    """In so many first attempts its process ends itself."""
    fails: int = 0
    """So many first attempts raise ConnectionError."""
    children: int = 0
    """So many tasks it dispatches before it returns."""
    next_steps: int = 0
    """So many tasks follow this one, each dispatched when the one before has succeeded."""


class WorkHandler(Handler[Work]):
    """Does it."""

    async def handle(self, task: Work, ctx: Context) -> dict[str, Any]:
        """Write the start, work, write the end."""
        note(ctx, "start")
        try:
            await self._work(task, ctx)
        except (asyncio.CancelledError, CancellationRequested):
            note(ctx, "end", "stopped")
            raise
        except Exception:
            note(ctx, "end", "raised")
            raise
        note(ctx, "end", "returned")
        return {
            "pod": os.environ["EVERTASK_POD_NAME"],
            "launch": int(os.environ["EVERTASK_LAUNCH"]),
            "attempt": ctx.attempt,
        }

    async def _work(self, task: Work, ctx: Context) -> None:
        if task.stubborn:
            time.sleep(task.seconds)  # noqa: ASYNC251  (a handler that hears nothing)
        else:
            await asyncio.sleep(task.seconds)
        if ctx.attempt <= task.dies:
            os._exit(3)
        if ctx.attempt <= task.fails:
            raise ConnectionError(f"attempt {ctx.attempt} of {task.fails} that fail")
        if task.children:
            use_the_nodes_credentials()
        for number in range(task.children):
            await ctx.dispatcher.dispatch(Work(seconds=0.1 * number))

    async def on_completed(self, task_id: UUID, ctx: Context) -> None:  # noqa: ARG002  (the SDK's signature)
        """Dispatch the next step of a chain."""
        if ctx.payload.next_steps:
            use_the_nodes_credentials()
            await ctx.dispatcher.dispatch(Work(seconds=0.1, next_steps=ctx.payload.next_steps - 1))
