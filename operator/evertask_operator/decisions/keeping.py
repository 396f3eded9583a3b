"""Jobs that are kept for their logs: the newest of a task whose run is over, for a while.

A pod that has just reported its outcome is given the time to end by itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.outcomes import is_one_shot
from evertask.api.protocol import REPORT_RESERVE_SECONDS, Phase, State
from evertask.api.times import parse_time
from evertask_operator.retention import finish_time

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import JobRecord

_PATIENCE = timedelta(seconds=REPORT_RESERVE_SECONDS)
"""How long a pod may take to end by itself after its outcome was committed."""

_PHASES = {State.COMPLETED: Phase.SUCCEEDED, State.FAILED: Phase.FAILED, State.CANCELLED: Phase.CANCELLED}


class _End(NamedTuple):
    """How the run of a Job ended."""

    time: datetime
    outcome: Phase
    is_newest: bool
    """The run is the newest that is over, and the Job its last launch."""


def has_ended(situation: Situation, job: JobRecord) -> bool:
    """Tell whether no pod of a Job runs any more."""
    pods = situation.pods_of(job)
    return job.complete or (bool(pods) and all(pod.ended for pod in pods))


def _end_of(situation: Situation, job: JobRecord) -> _End | None:
    task = situation.task
    if is_one_shot(task.spec):
        if not task.finished:
            return None
        return _End(finish_time(situation.task), _PHASES[task.state], task.status.get("job") == job.name)
    newest_launch = max(one.launch for one in situation.jobs if one.run_id == job.run_id)
    if job.launch != newest_launch:
        return None
    for place, entry in enumerate(situation.history):
        if entry["run"] == job.run_id and entry.get("endTime"):
            end, newest = parse_time(entry["endTime"]), newest_end(situation)
            is_newest = place == 0 and (newest is None or newest.time <= end)
            return _End(end, Phase(entry["outcome"]), is_newest)
    return None if situation.keeps_all_runs else _end_without_an_entry(situation, job)


def _end_without_an_entry(situation: Situation, job: JobRecord) -> _End | None:
    """How the run of a Job ended where the history keeps no entry: the newest Job is that of the newest end."""
    end, open_runs = newest_end(situation), situation.task.open_runs
    if job.run_id in open_runs or end is None or end.time < job.created:
        return None
    newest = max(one.launch for one in situation.jobs if one.run_id not in open_runs)
    return end if job.launch == newest else None


def newest_end(situation: Situation) -> _End | None:
    """When the newest run of a series that failed or succeeded ended; None before the first."""
    status = situation.task.status
    times = {
        Phase.FAILED: status.get("lastFailureTime"),
        Phase.SUCCEEDED: status.get("lastSuccessTime"),
    }
    ends = [_End(parse_time(text), phase, True) for phase, text in times.items() if text]
    return max(ends, default=None, key=lambda end: end.time)


def kept_until(situation: Situation, job: JobRecord) -> datetime | None:
    """Until when a Job whose run is over is kept for its logs; None when it goes as soon as its pod has ended."""
    end = _end_of(situation, job)
    cancelled = situation.task.state is State.CANCELLED
    wanted = (
        situation.keep_jobs and not cancelled and not situation.task.open_runs
    )  # a newer run takes its place
    if end is None or not end.is_newest or end.outcome is Phase.CANCELLED or not wanted:
        return None
    jobs = situation.settings.jobs
    keep = jobs.keep_succeeded if end.outcome is Phase.SUCCEEDED else jobs.keep_failed
    return end.time + keep if keep else None


def wait_for_pod_until(situation: Situation, job: JobRecord) -> datetime | None:
    """Until when a pod may still be ending by itself; None where nothing of it is wanted any more."""
    end = _end_of(situation, job)
    return None if end is None or end.outcome is Phase.CANCELLED else end.time + _PATIENCE


def stays_until(situation: Situation, job: JobRecord) -> datetime | None:
    """Until when a Job whose run is over stays; None: it goes now."""
    ended = has_ended(situation, job)
    until = kept_until(situation, job) if ended else wait_for_pod_until(situation, job)
    return until if until is not None and until > situation.now else None
