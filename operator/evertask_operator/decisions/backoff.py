"""A run in Backoff: an attempt has failed, the next is far off, and nobody holds the run until its next launch.

The run is not over: it is cancelled, suspended and counted for overlap as one that goes on. But it has no pod, and
no slot of ``maxRunning``. A lead before the next attempt's time it is launched again, under a new number, and its pod
waits for that time as for the time of a run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import bounded
from evertask.api.protocol import MESSAGE_LIMIT, REPORT_RESERVE_SECONDS, State
from evertask.api.times import format_time, parse_time
from evertask_operator.decisions.keeping import has_ended
from evertask_operator.decisions.launch import new_launch
from evertask_operator.decisions.plans import DeleteJob, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation

Json = dict[str, Any]

_PATIENCE = timedelta(seconds=REPORT_RESERVE_SECONDS)
"""How long a pod may take to end by itself after it has given its run back."""

_NO_ROOM = "the next attempt is due; waits for room"


def told(run: OpenRun) -> str:
    """Say what has failed, and when the next attempt begins."""
    if not run.failures:
        return f"{run.failed_attempts} attempts have failed; the next at {format_time(run.begins_at)}"
    return sentence(run.failures[0], run.begins_at)


def sentence(failed: Mapping[str, Any], next_at: datetime, *, of: int | None = None) -> str:
    """Say that an attempt has failed, as runners do.

    Args:
        failed: its entry in ``failures``.
        next_at: when the next begins.
        of: how many attempts there are, where that is known.
    """
    what = f"{failed['type']}: {failed.get('message', '')}".rstrip(": ")
    head = f"attempt {failed['attempt']}{f' of {of}' if of is not None else ''} failed: "
    tail = f"; the next at {format_time(next_at)}"
    # The cut is in what failed, so that when it goes on is always told.
    return head + bounded(what, MESSAGE_LIMIT - len(head) - len(tail)) + tail


def launch_of_the_next_attempt(situation: Situation, run: OpenRun) -> Json:
    """Give the part of a status that launches a run in Backoff again: the attempts that failed stay as they are."""
    return new_launch(situation, run.id, run.scheduled_time, due=run.due_time)


def wait_for_the_next_attempt(situation: Situation) -> Plan | None:
    """Hold the run of a one-shot task until it is time to launch its next attempt."""
    run = situation.run
    if run is None or not run.has_failed_before or run.claimed:
        return None
    if situation.is_armed_anew:
        # Raised while the task could not go on: what failed belongs to the incarnation before.
        return Plan(status=situation.observed(runs={run.id: None}, job=None))
    if not run.in_backoff:
        return None
    open_at = run.begins_at - situation.lead
    if open_at > situation.now:
        return Plan(status=_accepted_again(situation, run), wake=open_at)
    if situation.room:
        return _wait_for_room(situation, run)
    launch = launch_of_the_next_attempt(situation, run) | {
        "state": str(State.IN_PROGRESS),
        "nextRunTime": None,
    }
    if run.begins_at <= situation.now:
        launch["message"] = f"attempt {run.failed_attempts + 1} starts in Job {launch['job']}"
    return Plan(status=situation.observed(**launch), opens_run=run.begins_at)


def _accepted_again(situation: Situation, run: OpenRun) -> Json | None:
    """What the status says once a task that could not run as it was written can again; None where it says it."""
    if situation.task.state is State.IN_PROGRESS:
        return None
    return situation.changed(
        state=str(State.IN_PROGRESS), message=told(run), nextRunTime=None, conditions=situation.accepted()
    )


def _wait_for_room(situation: Situation, run: OpenRun) -> Plan:
    if run.begins_at > situation.now:
        return Plan(wake=run.begins_at)
    if (situation.task.status.get("message") or "").startswith(_NO_ROOM):
        return Plan()  # the figures are those of the moment in which it began to wait
    return Plan(status=situation.observed(message=f"{_NO_ROOM}: {situation.room}"))


def jobs_given_back(situation: Situation) -> tuple[tuple[DeleteJob, ...], datetime | None]:
    """The Jobs of launches that were given back, and when to look at those whose pods may still be ending."""
    deletions, stay = [], []
    for run in situation.runs:
        job = situation.job_of(run) if run.in_backoff else None
        if job is None or job.deleting or job.gone:
            continue
        ended, until = has_ended(situation, job), _ending_until(run, situation.now)
        if ended or until is None:
            deletions.append(DeleteJob(job, foreground=not ended))
        else:
            stay.append(until)
    return tuple(deletions), min(stay, default=None)


def _ending_until(run: OpenRun, now: datetime) -> datetime | None:
    """Until when the pod that gave a run back may be ending by itself; None: it has had the time."""
    if not run.failures:
        return None
    try:
        failed_at = parse_time(run.failures[0]["time"])
    except ValueError:  # a runner writes its own times
        return None
    return failed_at + _PATIENCE if failed_at <= now < failed_at + _PATIENCE else None
