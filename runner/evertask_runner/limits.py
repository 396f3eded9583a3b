"""The limits that a spec sets to a run, in seconds and as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evertask.api import protocol
from evertask.api.durations import parse_duration
from evertask_runner.verdicts import Durations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class SpecLimits(NamedTuple):
    """All of them; zero is no limit where nothing else is said."""

    durations: Durations
    """As they are written, for messages."""
    timeout: float | None
    """Of one attempt; None leaves it to the handler's class."""
    grace: float
    start: float
    """``startDeadline``."""
    run: float
    """``runTimeout``."""
    fence: float
    """``fenceAfter``."""


def read_limits(spec: Mapping[str, Any]) -> SpecLimits:
    """Read a spec, which the API server has checked."""
    durations = Durations(
        timeout=spec.get("timeout", "0s"),
        grace=spec.get("gracePeriod", f"{protocol.DEFAULT_GRACE_PERIOD_SECONDS:.0f}s"),
        start_deadline=spec.get("startDeadline", f"{protocol.DEFAULT_START_DEADLINE_SECONDS:.0f}s"),
        run_timeout=spec.get("runTimeout", "0s"),
    )
    return SpecLimits(
        durations,
        # Absent is not zero: the handler's class may have a timeout of its own.
        _seconds(durations.timeout) if "timeout" in spec else None,
        _seconds(durations.grace),
        _seconds(durations.start_deadline),
        _seconds(durations.run_timeout),
        _seconds(spec.get("fenceAfter", "0s")),
    )


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()
