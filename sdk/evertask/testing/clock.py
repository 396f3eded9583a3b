"""A clock that stands still until it is told to go on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime


class VirtualClock:
    """Tells the time of one in-memory cluster; safe to use from any thread."""

    def __init__(self, now: datetime | None = None) -> None:
        """Set the clock.

        Args:
            now: an aware instant; the computer's time, cut to the second, when absent.

        Raises:
            ValueError: the instant is naive.
        """
        if now is not None and now.utcoffset() is None:
            raise ValueError(
                f"now={now} is naive: it names a different instant in each time zone; give it one, for example "
                "datetime(2026, 3, 1, 8, tzinfo=UTC)"
            )
        self._now = (now or datetime.now(UTC).replace(microsecond=0)).astimezone(UTC)
        self._lock = threading.Lock()

    @property
    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Go on to an instant; one in the past changes nothing."""
        with self._lock:
            self._now = max(self._now, instant)
