"""The one error of a recurrence that cannot be: which field is to blame, why, and the way out.

Standard library only.
"""

from __future__ import annotations

from typing import Any, Final, Literal

RecurrenceReason = Literal[
    "InvalidCron", "NeverFires", "UnknownTimeZone", "InvalidCalendar", "InvalidRecurrence"
]
"""One CamelCase word for conditions and for programs."""

_SHOWN: Final = 80
"""Characters of a value that a message repeats; the value itself stays whole in the error."""


class RecurrenceError(ValueError):
    """A recurrence that names no schedule: an unreadable expression, an unknown zone, fields that do not fit.

    The message is ``<field>: <value>: <what is wrong and the way out>``.
    """

    def __init__(self, message: str, *, field: str, value: Any, reason: RecurrenceReason) -> None:
        super().__init__(f"{field}: {shown(value)}: {message}")
        self.message: Final = message
        """What is wrong and the way out, without field and value."""
        self.field: Final = field
        """Path of the field to blame, such as ``spec.recurrence.cron``."""
        self.value: Final = value
        """The value as it was given."""
        self.reason: Final[RecurrenceReason] = reason
        """``InvalidCron``, ``NeverFires``, ``UnknownTimeZone``, ``InvalidCalendar`` or ``InvalidRecurrence``."""


def shown(value: Any) -> str:
    """A value as a message quotes it: ``repr``, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
