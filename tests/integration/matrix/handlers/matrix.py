"""The handler of the matrix of deaths: it notes each of its calls in a ledger, and does what the payload says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask.context import Context


def work(payload: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Note the call; then fail, wait to be stopped, or return.

    The payload: ``fails`` (so many attempts fail), ``waits`` (for the token, in its first launches, by number).
    """
    entry = {"task": ctx.task_name, "run": ctx.run_id, "attempt": ctx.attempt}
    with Path(os.environ["CHAOS_LEDGER"]).open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
    if ctx.attempt <= payload.get("fails", 0):
        raise ConnectionError(f"attempt {ctx.attempt} fails")
    if int(os.environ["EVERTASK_LAUNCH"]) in payload.get("waits", ()):
        ctx.cancellation.wait(60)
        ctx.cancellation.raise_if_cancelled()
    return {"attempt": ctx.attempt}
