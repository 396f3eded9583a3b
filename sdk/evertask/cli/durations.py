"""Durations and instants of a command line's options."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from evertask.api.durations import parse_duration
from evertask.api.times import parse_time
from evertask.cli.exits import INVALID, CommandFailedError

_DAYS = re.compile("([0-9]{1,4})d")
_SECONDS = re.compile("[0-9]{1,9}")


def duration_of(option: str, text: str | None) -> timedelta | None:
    """Read how long a command waits: ``90s``, ``5m``, or a number of seconds; None for None.

    Raises:
        CommandFailedError: it is no duration.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        return parse_duration(text)
    except ValueError as error:
        raise CommandFailedError(f"{option}: {error}", code=INVALID) from error


def since(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read from when on: an instant, or a duration back from now (``2h``, ``7d``); None for None.

    Raises:
        CommandFailedError: it is neither.
    """
    if text is None:
        return None
    try:
        days = _DAYS.fullmatch(text)
        return now - (timedelta(days=int(days[1])) if days else parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return parse_time(text)
    except (ValueError, OverflowError) as error:
        raise CommandFailedError(
            f"{option}: {text!r} is neither a duration nor an instant; write it like 90s, 2h, 7d or "
            "2026-12-25T10:00:00Z",
            code=INVALID,
        ) from error


def now() -> datetime:
    """Give the time of this machine."""
    return datetime.now(UTC)
