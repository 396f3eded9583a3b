"""Standard handlers that every runner image has, so that kubectl alone is enough to try EverTask.

spec: {handler: "evertask_runner.examples:hello", payload: {name: Ada}}
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask.context import Context

_IMPORTED = time.time()

STEP_SECONDS = 1.0
"""How often ``sleep`` reports progress, at most."""


def hello(payload: dict[str, Any]) -> dict[str, str]:
    """Greet ``payload.name`` (default: world)."""
    greeting = f"Hello, {payload.get('name', 'world')}!"
    print(greeting)  # noqa: T201  (a line for `kubectl logs`)
    return {"greeting": greeting}


def echo(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload as it arrived."""
    return payload


def fail(payload: dict[str, Any]) -> None:
    """Raise ValueError with ``payload.message``.

    Raises:
        ValueError: always.
    """
    raise ValueError(payload.get("message", "this handler always fails"))


def sleep(payload: dict[str, Any], ctx: Context) -> dict[str, float]:
    """Sleep ``payload.seconds`` (default 10), report progress, and stop when asked to."""
    seconds = float(payload.get("seconds", 10))
    started = time.monotonic()
    while (slept := time.monotonic() - started) < seconds:
        ctx.progress(percent=int(100 * slept / seconds), message=f"slept {slept:.0f} of {seconds:g} seconds")
        ctx.cancellation.wait(min(STEP_SECONDS, seconds - slept))
        ctx.cancellation.raise_if_cancelled()
    return {"slept": seconds}


def clock() -> dict[str, float]:
    """Tell when the handler started, in Unix seconds, and what came before: how fast is this cluster?"""
    started = time.time()
    return {"started": started, "imported": _IMPORTED, "processStarted": _process_start(os.getppid())}


def _process_start(pid: int) -> float:
    """When a process was started, to a hundredth of a second."""
    from pathlib import Path  # noqa: PLC0415  (5 ms that the other handlers need not pay)

    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + int(after_name[19]) / os.sysconf("SC_CLK_TCK")
