"""A due task: a run is opened when there is room (write 2), and an open run without a Job gets one (write 3).

A run whose time is known is opened a lead before it, so that its pod is up in time; until its time the task stays
Pending, and whatever happens to the task meanwhile takes the launch back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import is_one_shot
from evertask.api.protocol import Condition, Phase, State, job_name, scheduled_run_id
from evertask.api.times import format_time
from evertask_operator.decisions.due import due_time
from evertask_operator.decisions.plans import LaunchJob, Plan
from evertask_operator.resources.conditions import with_condition
from evertask_operator.resources.jobs import template_digest

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.plans import Note
    from evertask_operator.decisions.situation import OpenRun, Situation

Json = dict[str, Any]

WITHOUT_A_POD = ("podName", "readyTime", "startTime", "attempt", "progress")
"""What a run that nobody holds does not have."""


def new_launch(
    situation: Situation,
    run_id: str,
    scheduled: datetime,
    *,
    due: datetime | None = None,
    phase: Phase = Phase.LAUNCHING,
    interruptions: int = 0,
) -> Json:
    """Give the part of a status that speaks of a new launch of a run.

    Args:
        situation: the task as it is.
        run_id: id of the run; a run that is open under it gets a new launch.
        scheduled: its nominal time.
        due: when its handler starts at the earliest, where jitter makes that later.
        phase: Launching, or Held where its pod must not be let in yet.
        interruptions: how many pods it has lost.
    """
    task = situation.task
    launch = task.status.get("launches", 0) + 1
    job = job_name(task.uid, run_id, launch)
    run: Json = {
        "scheduledTime": format_time(scheduled),
        "launch": launch,
        "phase": str(phase),
        "launchTime": format_time(situation.now),
        **dict.fromkeys(WITHOUT_A_POD),
    }
    if due is not None and due != scheduled:
        run["dueTime"] = format_time(due)
    if interruptions:
        run["interruptions"] = interruptions
    conditions = situation.accepted()
    if any(c["type"] == Condition.LAUNCHED for c in conditions):
        conditions = with_condition(
            conditions,
            Condition.LAUNCHED,
            "Unknown",
            "Launching",
            f"Job {job} is being created",
            now=situation.now,
            generation=task.generation,
        )
    return {"job": job, "launches": launch, "runs": {run_id: run}, "conditions": conditions}


def relaunch(
    situation: Situation, run: OpenRun, why: str, *, interruptions: int, note: Note | None = None
) -> Plan:
    """Give an open run a new launch number: the launch before it is given up.

    Args:
        situation: the task as it is.
        run: the open run.
        why: for the message.
        interruptions: how many pods the run has lost, with this one.
        note: an Event to make of it.
    """
    phase = Phase.HELD if run.phase is Phase.HELD else Phase.LAUNCHING
    launch = new_launch(
        situation, run.id, run.scheduled_time, due=run.due_time, phase=phase, interruptions=interruptions
    )
    if run.claimed:
        launch["runs"][run.id]["firstStartTime"] = (
            None  # an interruption restarts the run, and its runTimeout
        )
    if is_one_shot(situation.task.spec):
        launch |= {"message": f"{why}; starts again in Job {launch['job']}"}
        if run.due_time <= situation.now and not run.has_failed_before:
            launch |= {"state": str(State.QUEUED), "nextRunTime": None}
    return Plan(status=situation.observed(**launch), notes=(note,) if note else ())


def open_run(situation: Situation, due: datetime) -> Plan:
    """Write 2 for a one-shot task; before its time it stays Pending."""
    launch = new_launch(situation, scheduled_run_id(int(due.timestamp())), due)
    launch["lastScheduledTime"] = format_time(due)
    if due > situation.now:
        launch |= waiting_for(due)
    else:
        launch |= {
            "state": str(State.QUEUED),
            "message": f"starts in Job {launch['job']}",
            "nextRunTime": None,
        }
    return Plan(status=situation.observed(**launch), opens_run=due)


def waiting_for(due: datetime) -> Json:
    """Give the part of a status that says until when the task waits."""
    return {
        "state": str(State.PENDING),
        "nextRunTime": format_time(due),
        "message": f"waits until {format_time(due)}",
    }


def _wait_for_room(situation: Situation) -> Plan:
    if situation.task.state is State.QUEUED and not situation.task.open_runs:
        # It says so already; the figures in the message are those of the moment in which it began to wait.
        return Plan()
    return Plan(
        status=situation.changed(
            state=str(State.QUEUED),
            message=f"due; waits for room: {situation.room}",
            nextRunTime=None,
            conditions=situation.accepted(),
        )
    )


def launch_an_open_run(situation: Situation) -> Plan | None:
    """A launch that is not claimed: make its Job, or replace a Job made from an older template."""
    run = situation.run
    if run is None or not run.launched:
        return None
    job = situation.job_of(run)
    if job is None:
        return None if situation.postponement else Plan(job=LaunchJob(run.id, run.launch))
    if not job.gone and not job.deleting and job.template != template_digest(situation.task.spec):
        why = "the spec was changed before the run started"
        return relaunch(situation, run, why, interruptions=run.interruptions)
    if situation.is_armed_anew:
        # Raised before the run has started: this run is the new incarnation's, and no second one follows.
        return Plan(status=situation.observed())
    return None


def open_or_launch_a_run(situation: Situation) -> Plan | None:
    """Bring a due one-shot task on its way."""
    if situation.run is not None:
        return launch_an_open_run(situation)
    if situation.room:
        return _wait_for_room(situation)
    return open_run(situation, due_time(situation.task))
