"""Instants as the API writes them: RFC 3339 with a zone, down to a microsecond.

Standard library only, because the runner writes them too.
"""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 instant; the answer is in UTC. Fractions beyond a microsecond are cut.

    Raises:
        ValueError: the text is not an instant, or says no zone.
    """
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} says no time zone; end it with Z or an offset such as +01:00")
    return value.astimezone(UTC)


def format_time(value: datetime) -> str:
    """Write an aware instant in UTC, with a fraction only where there is one.

    Raises:
        ValueError: the datetime is naive.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value!r} is naive; give it a time zone, for example datetime.now(UTC)")
    utc = value.astimezone(UTC)
    text = utc.isoformat(timespec="microseconds").replace("+00:00", "")
    return text.rstrip("0").rstrip(".") + "Z"
