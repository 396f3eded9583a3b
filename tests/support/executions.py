"""What the handlers of a series really did, as their ledger tells, and when they should have done it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Execution:
    """One call of a handler."""

    run: str
    launch: int
    scheduled: datetime
    """The nominal time that the handler was told."""
    start: datetime
    """Its first line."""
    end: datetime | None
    """Its last line; None: it has not come to that, or was killed before."""

    @property
    def lateness(self) -> timedelta:
        """How long after its nominal time it started."""
        return self.start - self.scheduled


def read_executions(calls: Iterable[dict[str, Any]], ends: Iterable[dict[str, Any]]) -> list[Execution]:
    """Put calls and ends of a ledger together, the earliest start first."""
    ended = {(end["run"], end["launch"]): float(end["end"]) for end in ends}
    found = []
    for call in calls:
        end = ended.get((call["run"], call["launch"]))
        found.append(
            Execution(
                call["run"],
                int(call["launch"]),
                datetime.fromisoformat(call["scheduled"]),
                datetime.fromtimestamp(float(call["start"]), UTC),
                None if end is None else datetime.fromtimestamp(end, UTC),
            )
        )
    return sorted(found, key=lambda execution: execution.start)


def nominal_times(executions: Iterable[Execution]) -> list[datetime]:
    """Give the nominal times in the order in which the handlers were called."""
    return [execution.scheduled for execution in executions]


def grid(anchor: datetime, seconds: float, *numbers: int) -> list[datetime]:
    """Give occurrences of a fixed interval by their numbers, from 1."""
    return [anchor + number * timedelta(seconds=seconds) for number in numbers]


def left_out(executions: Sequence[Execution], seconds: float) -> int:
    """Count the occurrences of a fixed interval between the first execution and the last that were not executed."""
    executed = sorted(set(nominal_times(executions)))
    return round((executed[-1] - executed[0]).total_seconds() / seconds) + 1 - len(executed)


def most_at_once(executions: Iterable[Execution]) -> int:
    """Say how many handlers ran at the same time at most; one whose end is not known runs for ever."""
    steps = []
    for execution in executions:
        steps.append((execution.start, 1))
        if execution.end is not None:
            steps.append((execution.end, -1))
    running = most = 0
    for _, step in sorted(steps):
        running += step
        most = max(most, running)
    return most
