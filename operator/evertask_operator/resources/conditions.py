"""Conditions of a task: a list in which each type stands once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import bounded
from evertask.api.protocol import MESSAGE_LIMIT, Condition
from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]


def find_condition(status: Mapping[str, Any], type_: Condition) -> Json | None:
    """Give a condition, or None while it was never set."""
    return next((c for c in status.get("conditions") or () if c["type"] == type_), None)


def is_set(status: Mapping[str, Any], type_: Condition, value: str) -> bool:
    """Whether a condition has a value (True, False)."""
    found = find_condition(status, type_)
    return found is not None and found["status"] == value


def with_condition(  # noqa: D417  (the rest are the fields of a condition)
    conditions: list[Json],
    type_: Condition,
    value: str,
    reason: str,
    message: str,
    *,
    now: datetime,
    generation: int,
) -> list[Json]:
    """Set one condition; the transition time moves only when its value changes.

    Args:
        conditions: the list as it is; it is not changed.
    """
    earlier = next((c for c in conditions if c["type"] == type_), None)
    same_value = earlier is not None and earlier["status"] == value
    made = {
        "type": str(type_),
        "status": value,
        "reason": reason,
        "message": bounded(message, MESSAGE_LIMIT),
        "lastTransitionTime": earlier["lastTransitionTime"] if earlier and same_value else format_time(now),
        "observedGeneration": generation,
    }
    return [made if c["type"] == type_ else c for c in conditions] if earlier else [*conditions, made]
