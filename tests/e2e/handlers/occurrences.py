"""The handler of the tests' series: notes when it was called, for which nominal time, and when it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ledger

if TYPE_CHECKING:
    from evertask import Context


def work(payload: dict[str, Any], ctx: Context) -> dict[str, str]:
    """Take the payload's ``seconds``, or less when asked to stop."""
    ledger.note(ctx)
    ctx.cancellation.wait(payload.get("seconds", 0))
    ledger.note_end(ctx)
    ctx.cancellation.raise_if_cancelled()
    assert ctx.scheduled_time is not None
    return {"scheduled": ctx.scheduled_time.isoformat()}
