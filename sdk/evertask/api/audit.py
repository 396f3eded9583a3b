"""What of a task's past its status keeps: one rule for the operator and the runner.

The levels are those of the field ``spec.auditLevel``. The present (state, result, error, counts) is kept at each of
them. Standard library only.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.protocol import Phase, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]


class AuditLevel(StrEnum):
    """``spec.auditLevel``: how much of the past is kept."""

    FULL = "Full"
    """Every change of the state, and every run of a series. The default."""
    MINIMAL = "Minimal"
    """Failures, and every run of a series."""
    ERRORS_ONLY = "ErrorsOnly"
    """Failures."""
    NONE = "None"
    """Nothing."""


def level_of(spec: Mapping[str, Any]) -> AuditLevel:
    """Give the level of a task, from its spec as JSON."""
    return AuditLevel(spec.get("auditLevel") or AuditLevel.FULL)


def keeps_transition(level: AuditLevel, state: State) -> bool:
    """Tell whether a change to a state is kept. A cancellation is no failure."""
    return level is AuditLevel.FULL or (level is not AuditLevel.NONE and state is State.FAILED)


def keeps_run(level: AuditLevel, phase: Phase) -> bool:
    """Tell whether a past run of a series is kept."""
    if level in {AuditLevel.FULL, AuditLevel.MINIMAL}:
        return True
    return level is AuditLevel.ERRORS_ONLY and phase is Phase.FAILED


def transition(state: State, time: str, *, run: str | None = None, message: str | None = None) -> Json:
    """Build an entry of ``status.transitions``.

    Args:
        state: that the task is in from then on.
        time: RFC 3339.
        run: id of the run that it is about.
        message: why, where there is more to say than the state.
    """
    entry: Json = {"time": time, "state": str(state)}
    if run:
        entry["run"] = run
    if message:
        limit = protocol.HISTORY_MESSAGE_LIMIT
        entry["message"] = message if len(message) <= limit else message[: limit - 1] + "…"
    return entry


def with_transitions(
    known: Sequence[Mapping[str, Any]], new: Sequence[Json], level: AuditLevel
) -> list[Json] | None:
    """Add changes of the state to those that are kept.

    Args:
        known: ``status.transitions``, newest first.
        new: in the order in which they happened; one that says what the newest says is left out.
        level: of the task.

    Returns:
        The new list, within its bounds; None when nothing is to be kept beyond what is known.
    """
    entries = [dict(entry) for entry in known]
    for entry in new:
        if not keeps_transition(level, State(entry["state"])):
            continue
        if entries and all(entries[0].get(field) == entry.get(field) for field in ("state", "run")):
            continue
        entries.insert(0, entry)
    if len(entries) == len(known):
        return None
    entries = entries[: protocol.MAX_TRANSITIONS]
    while len(entries) > 1 and _size(entries) > protocol.TRANSITIONS_BYTES:
        entries.pop()
    return entries


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
