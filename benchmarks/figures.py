"""Figures as the benchmarks print them: a spread of values, a Markdown table, where and when, and the raw data.

Tables are for people and stand in docs/benchmarks.md; the raw data of a run is kept in a JSON file outside of the
checkout, so that a figure can be looked into later.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hack.cluster.paths import home

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PRECISE_BELOW_MS = 10.0
"""Milliseconds below which a tenth of one is worth printing."""


class Spread(NamedTuple):
    """How values spread. Every figure but the size is one of the values."""

    size: int
    least: float
    p50: float
    p95: float
    p99: float
    most: float


def spread(values: Iterable[float]) -> Spread:
    """Give the spread of values, by nearest rank: p99 of 200 values is the third largest.

    Raises:
        ValueError: there is no value.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured: no values to give the spread of")

    def rank(percent: int) -> float:
        return ordered[math.ceil(percent * len(ordered) / 100) - 1]

    return Spread(len(ordered), ordered[0], rank(50), rank(95), rank(99), ordered[-1])


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds, small ones to a tenth."""
    value = seconds * 1000
    return f"{value:.1f}" if abs(value) < PRECISE_BELOW_MS else f"{value:.0f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows as a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def machine() -> str:
    """Say where and when it was measured."""
    cores = os.cpu_count() or 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.now(UTC).date().isoformat()
    return f"{today}, {cores} cores, {memory:.0f} GiB, {platform.machine()}, Linux {platform.release().split('-')[0]}"


def keep(name: str, data: Any) -> Path:
    """Keep the raw data of a run in the machine's state folder; gives the file."""
    folder = home() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"machine": machine(), "data": data}, indent=1))
    say(f"raw data: {path}")
    return path


def say(text: str) -> None:
    """Show how far it is."""
    print(f"[bench] {text}", file=sys.stderr, flush=True)
