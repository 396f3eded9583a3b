"""Handlers that note each of their calls as a ConfigMap: what was really executed, whatever the status says.

A call is noted with its nominal time and its start, first thing; ``note_end`` notes how long it went on.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import api_server

if TYPE_CHECKING:
    from evertask import Context

LONG_SECONDS = 600.0


def note(ctx: Context) -> int:
    """Note a call; the answer is the number of its launch."""
    start = time.time()
    assert ctx.scheduled_time is not None
    _write(ctx, "call", scheduled=ctx.scheduled_time.isoformat(), start=repr(start))
    return int(os.environ["EVERTASK_LAUNCH"])


def note_end(ctx: Context) -> None:
    """Note that a call is over: nothing of the handler's work comes after it."""
    _write(ctx, "end", end=repr(time.time()))


def _write(ctx: Context, kind: str, **more: str) -> None:
    entry = {
        "task": ctx.task_name,
        "run": ctx.run_id,
        "launch": os.environ["EVERTASK_LAUNCH"],
        "pod": os.environ["EVERTASK_POD_NAME"],
        **more,
    }
    metadata = {"generateName": f"{kind}-", "labels": {f"e2e-{kind}": ""}}
    answer = api_server.call(
        "POST", f"/api/v1/namespaces/{ctx.namespace}/configmaps", {"metadata": metadata, "data": entry}
    )
    if answer.status != 201:
        raise RuntimeError(f"the ledger is closed: {answer}")


def take_a_while(payload: dict[str, Any], ctx: Context) -> dict[str, int]:
    """Take the payload's ``seconds``, if any."""
    launch = note(ctx)
    ctx.progress(50, "at work")
    time.sleep(payload.get("seconds", 0))
    return {"launch": launch}


def hang_at_first(payload: dict[str, Any], ctx: Context) -> dict[str, int]:
    """Hang in the task's first launch until asked to stop; return at once in later ones."""
    launch = note(ctx)
    ctx.progress(50, "at work")
    if launch == 1 and ctx.cancellation.wait(LONG_SECONDS):
        ctx.cancellation.raise_if_cancelled()
    return {"launch": launch}


def stubborn_at_first(payload: dict[str, Any], ctx: Context) -> dict[str, int]:
    """Ignore the request to stop in the task's first launch; return at once in later ones."""
    launch = note(ctx)
    ctx.progress(50, "at work")
    while launch == 1:
        time.sleep(LONG_SECONDS)
    return {"launch": launch}
