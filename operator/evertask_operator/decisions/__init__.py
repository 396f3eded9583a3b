"""What to do about a task: pure functions of what is known and of the time.

For a one-shot task ``decide`` asks the policies in order; the first that has an answer gives it. Each policy is a
module with one public function of the same shape, ``(Situation) -> Plan | None``. A series goes through the steps of
``series`` instead, which use the same policies for each of its runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evertask.api.outcomes import is_one_shot
from evertask_operator.decisions import (
    admission,
    auditing,
    backoff,
    cancellation,
    death,
    expiry,
    launch,
    leftovers,
    rearming,
    schedule,
    series,
    starting,
    suspension,
)
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_operator.decisions.situation import Situation

_OF_ANY_TASK = (rearming.rearm_a_finished_task, expiry.let_a_finished_task_go)

_OF_A_ONE_SHOT = (
    cancellation.settle_a_cancelled_task,
    death.settle_a_run_whose_pod_ended,
    admission.refuse_what_cannot_run,
    suspension.hold_a_suspended_task,
    backoff.wait_for_the_next_attempt,
    schedule.wait_for_the_time,
    launch.open_or_launch_a_run,
    starting.watch_a_launch,
)


def _first(policies: tuple[Callable[[Situation], Plan | None], ...], situation: Situation) -> Plan | None:
    """The answer of the first policy that has one."""
    return next((plan for policy in policies if (plan := policy(situation)) is not None), None)


def decide(situation: Situation) -> Plan:
    """Say what to do about one task now.

    The answer holds at most one write of the status. Jobs that belong to no open run, or to one that waits for its next
    attempt, are deleted in any case.
    """
    if situation.task.deleting:
        return Plan()
    plan = _first(_OF_ANY_TASK, situation)
    if plan is None and not is_one_shot(situation.task.spec):
        plan = series.decide_about_series(situation)
    elif plan is None:
        plan = _first(_OF_A_ONE_SHOT, situation) or Plan()
    deletions, look_at = leftovers.jobs_without_a_run(situation)
    given_back, look_again = backoff.jobs_given_back(situation)
    wakes = [when for when in (plan.wake, look_at, look_again) if when is not None]
    plan = auditing.with_changes_of_state(situation, plan)
    return replace(plan, deletions=(*plan.deletions, *deletions, *given_back), wake=min(wakes, default=None))
