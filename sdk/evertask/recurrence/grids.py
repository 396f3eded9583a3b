"""Instants at a fixed distance from each other: real time, whatever the clocks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Grid:
    """``every``: the phase, and each interval after it."""

    interval: timedelta

    def next(self, after: datetime, phase: datetime) -> datetime | None:
        """The first instant of the grid strictly after a given one; the phase itself is none of it."""
        steps = max((after - phase) // self.interval + 1, 1)
        return phase + steps * self.interval

    def count(self, after: datetime, before: datetime, phase: datetime) -> int:
        """How many instants of the grid are after one instant and not after another."""
        passed, reached = ((instant - phase) // self.interval for instant in (after, before))
        return max(reached, 0) - max(passed, 0) if before > after else 0
