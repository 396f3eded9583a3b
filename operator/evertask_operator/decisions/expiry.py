"""A finished task: its Jobs go when their pods have ended, the task itself when its time to live is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration
from evertask.api.protocol import (
    DEFAULT_TTL_COMPLETED_SECONDS,
    DEFAULT_TTL_FAILED_SECONDS,
    REPORT_RESERVE_SECONDS,
    State,
)
from evertask.api.times import parse_time
from evertask_operator.decisions.plans import DeleteJob, Plan

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import JobRecord

_PATIENCE = timedelta(seconds=REPORT_RESERVE_SECONDS)
"""How long a pod may take to end by itself after its outcome was committed."""


def kept_until(situation: Situation, job: JobRecord) -> datetime | None:
    """Until when a finished task's Job is kept for its logs; None when it goes as soon as its pod has ended."""
    jobs = situation.settings.jobs
    keep = jobs.keep_succeeded if situation.task.state is State.COMPLETED else jobs.keep_failed
    newest = situation.task.status.get("job") == job.name
    ended = situation.task.state is not State.CANCELLED
    wanted = situation.keep_jobs and newest and ended
    return _finish_time(situation) + keep if keep and wanted else None


def _finish_time(situation: Situation) -> datetime:
    text = situation.task.status.get("finishTime")
    return parse_time(text) if text else situation.task.created


def _wait_for_pod_until(situation: Situation) -> datetime | None:
    """Until when a pod may still be ending by itself; None where nothing of it is wanted any more."""
    cancelled = situation.task.state is State.CANCELLED
    return None if cancelled else _finish_time(situation) + _PATIENCE


def expires_at(situation: Situation) -> datetime:
    """When a finished task is deleted."""
    task = situation.task
    if "ttlAfterFinished" in task.spec:
        return _finish_time(situation) + parse_duration(task.spec["ttlAfterFinished"])
    failed = task.state is State.FAILED
    seconds = DEFAULT_TTL_FAILED_SECONDS if failed else DEFAULT_TTL_COMPLETED_SECONDS
    return _finish_time(situation) + timedelta(seconds=seconds)


def let_a_finished_task_go(situation: Situation) -> Plan | None:
    """Delete what a finished task no longer needs."""
    if not situation.task.finished:
        return None
    expiry = expires_at(situation)
    if expiry <= situation.now:
        return Plan(delete_task=True)
    deletions, wakes = [], [expiry]
    for job in situation.jobs:
        if job.deleting or job.gone:
            continue
        pods = situation.pods_of(job)
        ended = job.complete or (bool(pods) and all(pod.ended for pod in pods))
        ready = kept_until(situation, job) if ended else _wait_for_pod_until(situation)
        if ready is not None and ready > situation.now:
            wakes.append(ready)
        else:
            deletions.append(DeleteJob(job, foreground=not ended))
    return Plan(deletions=tuple(deletions), wake=min(wakes))
