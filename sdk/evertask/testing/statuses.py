"""Fields that the status of any task has: what was observed, conditions, changes of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.audit import level_of, transition, with_transitions
from evertask.api.protocol import Condition, State
from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]


def observed(task: Mapping[str, Any]) -> Json:
    """Say which spec a status speaks of."""
    return {
        "observedGeneration": task["metadata"]["generation"],
        "incarnation": task["spec"].get("incarnation", 0),
    }


def held(status: Mapping[str, Any], type_: Condition) -> bool:
    """Tell whether a condition is True."""
    return any(one["type"] == type_ and one["status"] == "True" for one in status.get("conditions") or ())


def with_condition(
    task: Mapping[str, Any], now: datetime, type_: Condition, *, said: str, message: str
) -> list[Json]:
    """Give a task's conditions with one of them set.

    Args:
        task: of the conditions.
        now: when.
        type_: which.
        said: its status and its reason, such as ``True Suspended``.
        message: for a person.
    """
    value, _, reason = said.partition(" ")
    known = list((task.get("status") or {}).get("conditions") or ())
    before = next((one for one in known if one["type"] == type_), None)
    same = before is not None and before["status"] == value
    made = {
        "type": str(type_),
        "status": value,
        "reason": reason,
        "message": message,
        "lastTransitionTime": before["lastTransitionTime"] if before and same else format_time(now),
        "observedGeneration": task["metadata"]["generation"],
    }
    return sorted([*(one for one in known if one is not before), made], key=lambda one: str(one["type"]))


def accepted(task: Mapping[str, Any], now: datetime) -> list[Json]:
    """Give a task's conditions, saying that it can run as it is written."""
    message = "the task can run as it is written"
    return with_condition(task, now, Condition.ACCEPTED, said="True Accepted", message=message)


def with_change_of_state(
    task: Mapping[str, Any], change: Json, now: datetime, *, run: str | None = None
) -> Json:
    """Note the change of the state that a status change makes, as far as ``auditLevel`` keeps it."""
    status = task.get("status") or {}
    state, message = change.get("state"), change.get("message")
    if "transitions" in change or state is None or state == (status.get("state") or ""):
        return change
    says_more = None if (message or "").startswith("waits") else message
    entry = transition(State(state), format_time(now), run=run, message=says_more)
    entries = with_transitions(status.get("transitions") or (), [entry], level_of(task["spec"]))
    return change if entries is None else {**change, "transitions": entries}
