"""A finished task goes when its time to live is over, but not before the run that dispatched it is.

Its Jobs are those of no open run: ``leftovers`` sees to them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration
from evertask.api.protocol import (
    DEFAULT_TTL_COMPLETED_SECONDS,
    DEFAULT_TTL_FAILED_SECONDS,
    State,
)
from evertask_operator.decisions.keeping import finish_time
from evertask_operator.decisions.parents import is_needed_by_its_parent
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation


def expires_at(situation: Situation) -> datetime:
    """When a finished task is deleted."""
    task = situation.task
    if "ttlAfterFinished" in task.spec:
        return finish_time(situation) + parse_duration(task.spec["ttlAfterFinished"])
    failed = task.state is State.FAILED
    seconds = DEFAULT_TTL_FAILED_SECONDS if failed else DEFAULT_TTL_COMPLETED_SECONDS
    return finish_time(situation) + timedelta(seconds=seconds)


def let_a_finished_task_go(situation: Situation) -> Plan | None:
    """Delete a finished task whose time is over."""
    if not situation.task.finished:
        return None
    expiry = expires_at(situation)
    if expiry > situation.now:
        return Plan(wake=expiry)
    return Plan(delete_task=not is_needed_by_its_parent(situation))  # the store tells when that run is over
