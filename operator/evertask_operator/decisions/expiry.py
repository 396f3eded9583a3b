"""A finished task goes when its time to live is over, or when its namespace has too many that finished later.

It does not go before the run that dispatched it is over. What it does not need any more goes before it: ``leftovers``
sees to its Jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration
from evertask.api.protocol import State
from evertask_operator.decisions.parents import is_needed_by_its_parent
from evertask_operator.decisions.plans import Plan
from evertask_operator.retention import finish_time

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation


def expires_at(situation: Situation) -> datetime:
    """When the time to live of a finished task is over."""
    task, defaults = situation.task, situation.settings.retention
    if "ttlAfterFinished" in task.spec:
        return finish_time(task) + parse_duration(task.spec["ttlAfterFinished"])
    return finish_time(task) + (defaults.failed if task.state is State.FAILED else defaults.completed)


def let_a_finished_task_go(situation: Situation) -> Plan | None:
    """Delete a finished task whose time is over, or that is one too many."""
    if not situation.task.finished:
        return None
    expiry = expires_at(situation)
    if expiry > situation.now and not situation.beyond_limit:
        return Plan(wake=expiry)
    return Plan(delete_task=not is_needed_by_its_parent(situation))  # the store tells when that run is over
