"""Handlers that need more memory than they have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask import Context

_MIB = 1024 * 1024


def alone(payload: dict[str, Any]) -> int:
    """Be killed by the kernel; the runner's parent lives on (where the kernel does not kill the container whole)."""
    hoard = [bytearray(os.urandom(_MIB)) for _ in range(4096)]
    return len(hoard)


def with_the_container(payload: dict[str, Any], ctx: Context) -> int:
    """Have the kernel choose the runner's parent, the first process of the container: all of it dies."""
    Path(f"/proc/{os.getppid()}/oom_score_adj").write_text("1000")
    ctx.progress(50, "the parent goes first")
    return alone(payload)
