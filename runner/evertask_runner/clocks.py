"""This machine's clocks: as a seam, as text, and beside the API server's.

The ``Date`` of an answer is cut to a second and was written at some time between the sending of the request and the
arrival of the answer. That leaves a range of possible skews; what is told is the least of them, so that a slow answer
raises no alarm.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERATED_SKEW_SECONDS = 1.0
"""A skew beyond this is worth a line in the log: the handler starts by this clock."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Clock(NamedTuple):
    """The seam to time."""

    sleep: Callable[[float], object]
    """Sleeps at most so many seconds, on the monotonic clock; may return earlier."""
    wall: Callable[[], float] = time
    """Unix time."""
    monotonic: Callable[[], float] = monotonic
    """Seconds on a clock that nobody sets, and that stands still while the machine is suspended."""


def rfc3339(unix_time: float) -> str:
    """Write a Unix time as the API does."""
    return format_time(datetime.fromtimestamp(unix_time, UTC))


def parse_http_date(text: str) -> float | None:
    """Read ``Sun, 06 Nov 1994 08:49:37 GMT`` as Unix time; None when it is something else.

    Own code, because what Python has for it (``email.utils``, ``strptime``) costs more to import than a connection.
    """
    try:
        _, day, month, year, clock, zone = text.split()
        hour, minute, second = map(int, clock.split(":"))
        date = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return date.timestamp() if zone == "GMT" else None


def least_skew(date: str, sent: float, received: float) -> float:
    """Say by how many seconds this clock is ahead of the server's at least; negative when it is behind.

    Args:
        date: the header of the answer.
        sent: Unix time on this clock when the request was sent.
        received: the same when the answer had arrived.

    Returns:
        Zero where the clocks may agree, and where the header cannot be read.
    """
    server = parse_http_date(date)
    if server is None:
        return 0.0
    return max(0.0, sent - (server + 1)) - max(0.0, server - received)


def skew_warning(skew: float) -> str | None:
    """Give the line for the log, None where the skew is tolerable."""
    if abs(skew) <= TOLERATED_SKEW_SECONDS:
        return None
    direction = "ahead of" if skew > 0 else "behind"
    return (
        f"the clock of this node is {abs(skew):.1f} s or more {direction} the API server's; handlers start by the "
        "node's clock, so synchronise the two"
    )
