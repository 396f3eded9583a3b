"""Durations as Go and Kubernetes write them: ``1h30m``, ``90s``, ``250ms``.

Standard library only, because the runner reads them too.
"""

from __future__ import annotations

import re
from datetime import timedelta

MAX_LENGTH = 32
"""Characters of a duration in a spec (bounds the cost of the CRD's rules)."""

MAX_DURATION = timedelta(days=3660)
"""Ten years: more than any delay that is meant."""

_UNITS_IN_MICROSECONDS = {
    "us": 1,
    "µs": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
}
_PART = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(us|µs|ms|h|m|s)")
DURATION_PATTERN = r"^(0|([0-9]{1,9}([.][0-9]{1,9})?(us|ms|h|m|s))+)$"
"""The same grammar as a pattern for the schema."""


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Args:
        text: one or more numbers with units, such as ``1h30m``, ``1.5h``, ``250ms``; or ``0``.

    Raises:
        ValueError: the text is not a duration, is negative, or is longer than ten years.
    """
    if text == "0":
        return timedelta(0)
    position, microseconds = 0, 0.0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        whole, fraction, unit = part.groups()
        microseconds += float(f"{whole}.{fraction or 0}") * _UNITS_IN_MICROSECONDS[unit]
        position = part.end()
    if not text or position != len(text):
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 5m, 1h30m or 250ms")
    if microseconds > MAX_DURATION / timedelta(microseconds=1):
        raise ValueError(f"{text!r} is longer than ten years, the longest duration")
    return timedelta(microseconds=round(microseconds))


def format_duration(value: timedelta) -> str:
    """Write a duration in the shortest exact form, down to a microsecond.

    Raises:
        ValueError: the duration is negative or longer than ten years.
    """
    if value < timedelta(0):
        raise ValueError(f"a duration of {value} is negative; use a positive one, or leave it out for now")
    if value > MAX_DURATION:
        raise ValueError(f"a duration of {value} is longer than ten years, the longest duration")
    rest = value // timedelta(microseconds=1)
    text = ""
    for unit in ("h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _UNITS_IN_MICROSECONDS[unit])
        if count:
            text += f"{count}{unit}"
    return text or "0s"
