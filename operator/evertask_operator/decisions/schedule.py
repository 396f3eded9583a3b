"""A task whose time has not come waits in state Pending and says until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time
from evertask_operator.decisions.due import due_time
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation


def wait_for_the_time(situation: Situation) -> Plan | None:
    """Hold a task that is not due. A launch that nobody claimed yet is withdrawn when the time was moved."""
    due = due_time(situation.task)
    run = situation.run
    if due <= situation.now or (run and run.claimed):
        return None
    status = situation.changed(
        state=str(State.PENDING),
        nextRunTime=format_time(due),
        message=f"waits until {format_time(due)}",
        conditions=situation.conditions(
            Condition.ACCEPTED, "True", "Accepted", "the task can run as it is written"
        ),
    )
    if run:
        status = situation.withdrawn(run, status)
    return Plan(status=status, wake=due)
