"""Instants as the API writes them: RFC 3339 with a zone, down to a microsecond.

Standard library only, because the runner writes them too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

CREATION_PRECISION = timedelta(seconds=1)
"""The API server cuts the time of creation to the second: what is said to be created then was, up to so much later."""


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


def end_of_delay(created: datetime, delay: timedelta) -> datetime:
    """Say when a delay is over that counts from a creation: from the second after it, so never early."""
    return created + delay + (CREATION_PRECISION if delay else timedelta(0))
