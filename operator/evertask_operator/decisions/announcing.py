"""Events about the end of a run: what ``kubectl describe`` shows of a task that failed or was cancelled.

A plain success has none. The message is one line, and the same for the same failure, so that a series that fails again
and again has one Event that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.audit import AuditLevel, level_of
from evertask.api.protocol import Phase, State
from evertask_operator.decisions.plans import Note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_operator.records import TaskRecord

FAILED = "Failed"
CANCELLED = "Cancelled"

_PHASES = {State.FAILED: Phase.FAILED, State.CANCELLED: Phase.CANCELLED}


def announce_end(spec: Mapping[str, Any], phase: Phase, message: str | None) -> tuple[Note, ...]:
    """Give the Event about a run that is over; none for a success, and none at the audit level None.

    Args:
        spec: of its task.
        phase: how it ended.
        message: about it; the first line is told.
    """
    if phase not in _PHASES.values() or level_of(spec) is AuditLevel.NONE:
        return ()
    line = next(iter((message or "").splitlines()), "")
    if phase is Phase.FAILED:
        return (Note("Warning", FAILED, line or "the run failed"),)
    return (Note("Normal", CANCELLED, line or "cancelled"),)


def announce_finished_task(task: TaskRecord) -> tuple[Note, ...]:
    """Give the Event about a one-shot whose runner has written its final state."""
    phase = _PHASES.get(task.state)
    return announce_end(task.spec, phase, task.status.get("message")) if phase else ()
