"""What a stored object's status says about the runs to come. It may come from a file, and so may say anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import TERMINAL_STATES, Phase, State
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Life:
    """How far a task is."""

    incarnation: int = 0
    """Of the spec that the operator last decided on."""
    state: State | None = None
    """None for a task that no operator has seen."""
    message: str = ""
    armed: datetime | None = None
    """When the present incarnation was taken up, where it is higher than 0."""
    counted: int = 0
    """Runs of the present incarnation that are over and count for ``maxRuns``."""
    open_runs: tuple[datetime, ...] = ()
    """Nominal times of the runs that will be counted."""

    @property
    def is_seen(self) -> bool:
        """Whether an operator has looked at the task."""
        return self.state is not None

    @property
    def is_finished(self) -> bool:
        """Whether the incarnation has ended."""
        return self.state in TERMINAL_STATES


def life_of(content: Mapping[str, Any]) -> Life:
    """Read the status of an object.

    Raises:
        ValueError: it is not one that EverTask has written.
    """
    status = content.get("status")
    if not status:
        return Life()
    try:
        return _life(status)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"status is not one that EverTask has written ({error}); remove it") from error


def _life(status: Mapping[str, Any]) -> Life:
    armed, state = status.get("armedTime"), status.get("state")
    runs = (status.get("runs") or {}).values()
    return Life(
        incarnation=int(status.get("incarnation") or 0),
        state=State(state or State.PENDING),
        message=str(status.get("message") or ""),
        armed=parse_time(armed) if armed else None,
        counted=int((status.get("counts") or {}).get("incarnationRuns") or 0),
        open_runs=tuple(
            parse_time(run["scheduledTime"]) for run in runs if run.get("phase") != Phase.CANCELLED
        ),
    )
