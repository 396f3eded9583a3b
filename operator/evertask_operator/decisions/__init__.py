"""What to do about a task: pure functions of what is known and of the time.

``decide`` asks the policies in order; the first that has an answer gives it. Each policy is a module with one public
function of the same shape, ``(Situation) -> Plan | None``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evertask_operator.decisions import (
    admission,
    cancellation,
    death,
    expiry,
    launch,
    leftovers,
    rearming,
    schedule,
    starting,
    suspension,
)
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation

_POLICIES = (
    rearming.rearm_a_finished_task,
    expiry.let_a_finished_task_go,
    cancellation.settle_a_cancelled_task,
    death.settle_a_run_whose_pod_ended,
    admission.refuse_what_cannot_run,
    suspension.hold_a_suspended_task,
    schedule.wait_for_the_time,
    launch.open_or_launch_a_run,
    starting.watch_a_launch,
)


def decide(situation: Situation) -> Plan:
    """Say what to do about one task now.

    The answer holds at most one write of the status. Jobs that belong to no open run are deleted in any case.
    """
    if situation.task.deleting:
        return Plan()
    answers = (policy(situation) for policy in _POLICIES)
    plan = next((answer for answer in answers if answer is not None), Plan())
    return replace(plan, deletions=(*plan.deletions, *leftovers.jobs_without_a_run(situation)))
