"""Starts of handlers, as a watch of the tasks tells them.

The handler looks at the clock in its first line and returns what it saw: its own word counts, not the status's, so
that the figure includes all that stands between the runner's "go" and the user's code. ``status.result`` is the newest
run's; each run's outcome is a write of its own, and a watch tells of each write, so the result in the first change that
shows a run's outcome is that run's. The status's start time of the run, within moments of it, bears that out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.bench_cluster import changes_since, newest_version
from evertask.api.protocol import Phase
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.bench_cluster import Bench
    from benchmarks.lateness.slots import Due, Kind

Json = dict[str, Any]

SAME_RUN_SECONDS = 1.0
"""A result whose clock is farther from the run's start time in the status belongs to another run."""
OVER = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


@dataclass(frozen=True)
class Start:
    """One start; Unix seconds."""

    task: str
    run: str
    nominal: float
    """The instant that was planned."""
    first_line: float
    """The handler's clock in its first line."""
    said: float
    """``startTime`` of the run in the status."""
    ready: float | None
    """``readyTime``: when its pod was up."""

    @property
    def lateness(self) -> float:
        """Seconds from the instant to the handler's first line; negative if it was early."""
        return self.first_line - self.nominal


def _seconds(text: str | None) -> float | None:
    return parse_time(text).timestamp() if text else None


@dataclass
class Starts:
    """What has started so far, and what was planned."""

    planned: dict[str, Due] = field(default_factory=dict)
    seen: list[Start] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    """Runs that give no figure: failed, never planned, or without a result of their own."""
    _known: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, dues: Iterable[Due]) -> None:
        """Add tasks that will be due."""
        self.planned |= {due.name: due for due in dues}

    def missing(self) -> list[tuple[str, float]]:
        """Task and instant of what was planned and has not started."""
        started = {(start.task, start.nominal) for start in self.seen}
        every = ((due.name, instant) for due in self.planned.values() for instant in due.instants)
        return [pair for pair in every if pair not in started]

    def latenesses(self, names: Iterable[str], kind: Kind | None = None) -> list[float]:
        """Give the lateness of the starts of some tasks, or of those of one kind among them."""
        wanted = {name for name in names if kind in {None, self.planned[name].kind}}
        return [start.lateness for start in self.seen if start.task in wanted]

    def look(self, task: Json) -> None:
        """Take in a task as it was after a write."""
        name, status = task["metadata"]["name"], task.get("status") or {}
        if name not in self.planned:
            return
        for run_id, run in (status.get("runs") or {}).items():
            if run["phase"] in OVER and (name, run_id) not in self._known:
                self._known.add((name, run_id))
                self._add(self.planned[name], run_id, run, status.get("result"))

    def _add(self, due: Due, run_id: str, run: Json, result: Any) -> None:
        what = f"run {run_id} of {due.name}"
        if run["phase"] != Phase.SUCCEEDED:
            self.odd.append(f"{what} is {run['phase']}")
            return
        scheduled, said = _seconds(run["scheduledTime"]), _seconds(run.get("startTime"))
        nominal = next((instant for instant in due.instants if instant == scheduled), None)
        first_line = result.get("started") if isinstance(result, dict) else None
        if nominal is None:
            self.odd.append(f"{what} is of {run['scheduledTime']}, which was not planned")
        elif first_line is None or said is None or abs(first_line - said) > SAME_RUN_SECONDS:
            self.odd.append(f"{what} started at {run.get('startTime')}; no result of its own: {result}")
        else:
            ready = _seconds(run.get("readyTime"))
            self.seen.append(Start(due.name, run_id, nominal, first_line, said, ready))


async def follow(bench: Bench, path: str, starts: Starts) -> None:
    """Take in every change of the tasks at a path, for ever."""
    version = await newest_version(bench.connection, path)
    async with aclosing(changes_since(bench.connection, path, version)) as changes:
        async for event in changes:
            starts.look(event.object)


async def settled(starts: Starts, names: set[str], patience: float) -> None:
    """Wait until all that is planned for some tasks has started, or until a patience after the last instant."""
    last = max(instant for name in names for instant in starts.planned[name].instants)
    await asyncio.sleep(max(0.0, last - time.time()))
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            # The starts come from the API server, a few a second: there is nothing to be notified of in between.
            while any(name in names for name, _ in starts.missing()):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
