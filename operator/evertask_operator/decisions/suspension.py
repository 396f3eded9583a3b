"""A suspended one-shot task is not started; its run that has started goes on, but for its next attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time
from evertask_operator.decisions.backoff import told
from evertask_operator.decisions.due import due_time
from evertask_operator.decisions.plans import Plan
from evertask_operator.resources.conditions import is_set

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation

HELD = "suspended: set spec.suspend to false to let it run"
"""Message of a suspended task, a series too."""


def hold_a_suspended_task(situation: Situation) -> Plan | None:
    """Hold a suspended task in state Pending; note when it is let go again."""
    run, task = situation.run, situation.task
    if run and run.claimed:
        return None
    if not task.spec.get("suspend"):
        if not is_set(task.status, Condition.SUSPENDED, "True"):
            return None
        return Plan(
            status=situation.observed(
                message=told(run) if run and run.in_backoff else None,
                conditions=situation.conditions(Condition.SUSPENDED, "False", "Resumed", "resumed"),
            )
        )
    begun = run is not None and run.has_failed_before
    status = situation.changed(
        state=str(State.IN_PROGRESS if begun else State.PENDING),
        message=HELD,
        nextRunTime=None if begun else format_time(due_time(task)),
        conditions=situation.conditions(Condition.SUSPENDED, "True", "Suspended", HELD),
    )
    if run and run.launched:
        status = situation.withdrawn(run, status)
    return Plan(status=status)
