"""``python3 -m benchmarks.next``: how long does it take to compute the next occurrence of a recurrence?

In this process, without a cluster: a thousand different recurrences, each read, compiled and asked for the first time;
the same once they are compiled; and recurrences whose next occurrence is more than a hundred years away, or seldom, or
never. Processor time, so that what else the machine does is not in it. Nothing here passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from benchmarks.figures import keep, machine, spread, table
from benchmarks.next.specs import ANCHOR, far_away, generate, never_again
from evertask.recurrence import compile_recurrence, next_occurrence

if TYPE_CHECKING:
    from datetime import datetime

    from benchmarks.next.specs import Json
    from evertask.recurrence import Series

HEAD = ("one recurrence, ms", "recurrences", "p50", "p95", "p99", "max", "to reach")
COUNT = 1000


def first_time(recurrence: Json, after: datetime) -> float:
    """Give the seconds that it takes to read, compile and ask for the first time."""
    begun = time.thread_time()
    next_occurrence(compile_recurrence(recurrence), after, ANCHOR)
    return time.thread_time() - begun


def asked(series: Series) -> float:
    """Give the seconds that it takes to ask a compiled series."""
    begun = time.thread_time()
    next_occurrence(series, ANCHOR, ANCHOR)
    return time.thread_time() - begun


def row(what: str, seconds: list[float], target: str) -> tuple[str, ...]:
    """Give a row of the table."""
    found = spread(seconds)
    figures = (found.p50, found.p95, found.p99, found.most)
    return (what, str(found.size), *(f"{value * 1000:.2f}" for value in figures), target)


def main() -> None:
    """Parse the command line and measure."""
    summary = (__doc__ or "").split("\n", 1)[0]
    argparse.ArgumentParser(prog="python3 -m benchmarks.next", description=summary).parse_args()
    recurrences, far = generate(COUNT), far_away()
    cold = [first_time(recurrence, ANCHOR) for recurrence in recurrences]
    compiled = [asked(compile_recurrence(recurrence)) for recurrence in recurrences]
    distant = [first_time(recurrence, after) for recurrence, after in far]
    never = [first_time(recurrence, after) for recurrence, after in never_again()]
    rows = [
        row("read, compiled and asked for the first time", cold, "≤ 1"),
        row("asked once it is compiled", compiled, ""),
        row("next in over a hundred years, or seldom", distant, "≤ 5"),
        row("well formed, and never again", never, "≤ 5"),
    ]
    slowest = max(zip(distant, far, strict=True), key=lambda pair: pair[0])
    keep(
        "next",
        {"cold": cold, "compiled": compiled, "far": distant, "never": never, "slowestFar": repr(slowest)},
    )
    print(f"{machine()}\n\n{table(HEAD, rows)}")


if __name__ == "__main__":
    main()
