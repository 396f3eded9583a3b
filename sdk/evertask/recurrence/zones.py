"""Wall clocks and instants: which instants a local time has, in zones whose clocks are set forward and back.

(The rules follow.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class DaylightPolicy:
    """What becomes of local times that a change of the clocks skips (gap) or repeats (fold)."""

    gap: Literal["RunAfter", "Skip"] = "RunAfter"
    fold: Literal["First", "Second", "Both"] = "First"


def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; RecurrenceError ``UnknownTimeZone`` of ``spec.recurrence.timeZone``."""
    raise NotImplementedError


def instants_of(local: datetime, zone: ZoneInfo, policy: DaylightPolicy) -> tuple[datetime, ...]:
    """The 0, 1 or 2 UTC instants at which a naive wall-clock time occurs under a policy."""
    raise NotImplementedError


def next_instant(
    next_local: Callable[[datetime], datetime | None],
    after: datetime,
    zone: ZoneInfo,
    policy: DaylightPolicy,
) -> datetime | None:
    """The first UTC instant strictly after ``after`` of the local times that ``next_local`` enumerates.

    ``next_local`` gives the first naive local match strictly after a naive local time, or None.
    """
    raise NotImplementedError
