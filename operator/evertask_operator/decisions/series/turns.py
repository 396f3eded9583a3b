"""Due occurrences in the order in which they run: those of ``status.waiting``, and those that have just become due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import scheduled_run_id
from evertask.api.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from evertask_operator.decisions.series.occurrences import Occurrence

Json = dict[str, Any]

CATCH_UP, OVERLAP, ROOM, RUN_NOW = "CatchUp", "Overlap", "Room", "RunNow"
"""Why an occurrence waits (``status.waiting[].reason``)."""


class Turn(NamedTuple):
    """An occurrence that is due, or an extra run that was asked for."""

    scheduled: datetime
    """Nominal time; of an extra run the time at which it was asked for."""
    reason: str
    """Why it does not run at once, if it does not."""
    run_id: str

    @classmethod
    def of(cls, occurrence: Occurrence, reason: str) -> Turn:
        """Make the turn of an occurrence."""
        scheduled = occurrence.scheduled
        return cls(scheduled, reason, scheduled_run_id(int(scheduled.timestamp())))


def read_turns(status: Mapping[str, Any]) -> list[Turn]:
    """Read ``status.waiting``."""
    turns = []
    for entry in status.get("waiting") or ():
        scheduled = parse_time(entry["scheduledTime"])
        run_id = entry.get("run") or scheduled_run_id(int(scheduled.timestamp()))
        turns.append(Turn(scheduled, entry.get("reason", OVERLAP), run_id))
    return turns


def write_turns(turns: Sequence[Turn]) -> list[Json] | None:
    """Write ``status.waiting``; None removes an empty list."""
    return [
        {"scheduledTime": format_time(turn.scheduled), "reason": turn.reason, "run": turn.run_id}
        for turn in turns
    ] or None
