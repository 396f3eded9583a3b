"""A finished task whose incarnation was raised starts anew: the one way out of a terminal state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import is_one_shot
from evertask.api.protocol import State
from evertask.api.times import format_time
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation


_SERIES_BEGINS: dict[str, Any] = {
    "lastScheduledTime": None,
    "scheduleDigest": None,
    "waiting": None,
    "counts": {"incarnationRuns": None},
}


def rearm_a_finished_task(situation: Situation) -> Plan | None:
    """Clear what belongs to the last incarnation; counters and the launch counter stay."""
    task = situation.task
    if not task.finished or task.spec.get("incarnation", 0) <= task.status.get("incarnation", 0):
        return None
    return Plan(
        status=situation.observed(
            state=str(State.PENDING),
            message=f"armed anew as incarnation {task.spec['incarnation']}",
            armedTime=format_time(situation.now),
            runs=None,
            job=None,
            result=None,
            error=None,
            finishTime=None,
            nextRunTime=None,
            conditions=None,
            **({} if is_one_shot(task.spec) else _SERIES_BEGINS),
        )
    )
