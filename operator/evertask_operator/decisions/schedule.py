"""A task whose time has not come waits in state Pending and says until when; its pod is made a lead before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import Phase
from evertask_operator.decisions.due import due_time
from evertask_operator.decisions.launch import open_run, waiting_for
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation


def wait_for_the_time(situation: Situation) -> Plan | None:
    """Hold a task that is not due. A launch that nobody claimed yet is withdrawn when the time was moved."""
    due, run, now = due_time(situation.task), situation.run, situation.now
    if run and run.is_under_way:
        return None
    if run and (
        run.phase is Phase.HELD or (run.scheduled_time != due and max(run.scheduled_time, due) > now)
    ):
        changed = situation.observed(**waiting_for(due), conditions=situation.accepted())
        return Plan(status=situation.withdrawn(run, changed))
    if due <= now or run:
        return None
    open_at = due - situation.lead
    if open_at <= now and not situation.room:
        return open_run(situation, due)
    status = situation.changed(**waiting_for(due), conditions=situation.accepted())
    return Plan(status=status, wake=open_at if open_at > now else due)
