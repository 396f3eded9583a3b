"""Series on a cluster that runs pods: what their status says, and beside it what their handlers really did.

    series = start_series(ledger, {"every": "3s", "maxRuns": 4})
    series.until_state(State.COMPLETED)
    assert series.nominal_times() == series.grid(3, 1, 2, 3, 4)

The cluster's nodes, its API server and the tests are taken to agree about the time within some 50 ms.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evertask.api.times import parse_time
from tests.support.executions import Execution, grid, nominal_times, read_executions
from tests.support.live_tasks import PATIENCE_SECONDS, LiveTask
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from datetime import datetime

    from tests.support.workspaces import Workspace

Json = dict[str, Any]


class LiveSeries(LiveTask):
    """One series, by its name, in a workspace whose ledger is open."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Name the series."""
        super().__init__(workspace.client, workspace.name, name)
        self.workspace = workspace

    @property
    def created(self) -> datetime:
        """When it was created, cut to the second: the anchor of its first incarnation."""
        return parse_time(self.read()["metadata"]["creationTimestamp"])

    def grid(self, seconds: float, *numbers: int) -> list[datetime]:
        """Give the occurrences of an interval that counts from its creation, by their numbers, from 1."""
        return grid(self.created, seconds, *numbers)

    def counts(self, *names: str) -> tuple[int, ...]:
        """Give some of ``status.counts``."""
        return counts_of(self.status, *names)

    # --- what its handlers did ---------------------------------------------------------------------------------

    def executions(self) -> list[Execution]:
        """Give the calls of its handler, the earliest first."""
        calls = [call for call in self.workspace.calls() if call["task"] == self.name]
        ends = [end for end in self.workspace.ends() if end["task"] == self.name]
        return read_executions(calls, ends)

    def nominal_times(self) -> list[datetime]:
        """Give the nominal times that its handler was told, in the order of the calls."""
        return nominal_times(self.executions())

    def until_executions(self, number: int, seconds: float = PATIENCE_SECONDS) -> list[Execution]:
        """Wait until its handler has been called so often."""
        return eventually(self.executions, lambda found: len(found) >= number, seconds)

    def until_counted(self, runs: int, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until so many runs are over and counted, and give the status."""
        return self.until(lambda status: counts_of(status, "runs")[0] >= runs, seconds)


def start_series(
    workspace: Workspace,
    recurrence: Json,
    name: str = "task",
    *,
    handler: str = "occurrences:work",
    seconds: float = 0,
    **spec: Any,
) -> LiveSeries:
    """Create a series.

    Args:
        workspace: with its ledger open.
        recurrence: ``spec.recurrence``.
        name: of the task.
        handler: ``spec.handler``.
        seconds: how long each call of the handler takes.
        spec: further fields of the spec.
    """
    payload = {"seconds": seconds}
    workspace.start(handler, name, recurrence=recurrence, payload=payload, **spec)
    return LiveSeries(workspace, name)


def counts_of(status: Json, *names: str) -> tuple[int, ...]:
    """Give some of the counters of a status; one that is not there is 0."""
    counts = status.get("counts") or {}
    return tuple(counts.get(name, 0) for name in names)


def history_of(status: Json, field: str) -> list[Any]:
    """Give a field of each entry of a status' history, the oldest run first."""
    return [entry.get(field) for entry in reversed(status.get("history") or [])]


def phases_of(status: Json) -> list[str]:
    """Give the phases of the open runs of a status."""
    return sorted(run["phase"] for run in (status.get("runs") or {}).values())


def sleep_until(instant: datetime) -> None:
    """Sleep until an instant; not at all when it is past."""
    time.sleep(max(0.0, instant.timestamp() - time.time()))
