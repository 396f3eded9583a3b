"""A due task: a run is opened when there is room (write 2), and an open run without a Job gets one (write 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import Condition, Phase, State, job_name, scheduled_run_id
from evertask.api.times import format_time
from evertask_operator.decisions.due import due_time
from evertask_operator.decisions.plans import LaunchJob, Plan
from evertask_operator.resources.conditions import with_condition
from evertask_operator.resources.jobs import template_digest

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation

Json = dict[str, Any]


def open_run_status(
    situation: Situation, run_id: str, scheduled: datetime, *, interruptions: int = 0, replaces: str = ""
) -> Json:
    """Write 2: a run with a new launch number.

    Args:
        situation: the task as it is.
        run_id: id of the run; a run that is open under it gets a new launch.
        scheduled: its nominal time.
        interruptions: how many pods it has lost.
        replaces: why a launch before this one is given up, for the message.
    """
    task = situation.task
    launch = task.status.get("launches", 0) + 1
    job = job_name(task.uid, run_id, launch)
    run: Json = {
        "scheduledTime": format_time(scheduled),
        "launch": launch,
        "phase": str(Phase.LAUNCHING),
        "launchTime": format_time(situation.now),
        "podName": None,
        "startTime": None,
        "attempt": None,
        "progress": None,
    }
    if interruptions:
        run["interruptions"] = interruptions
    conditions = situation.conditions(
        Condition.ACCEPTED, "True", "Accepted", "the task can run as it is written"
    )
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
    return situation.observed(
        state=str(State.QUEUED),
        message=f"{replaces}; starts again in Job {job}" if replaces else f"starts in Job {job}",
        job=job,
        nextRunTime=None,
        lastScheduledTime=format_time(scheduled),
        launches=launch,
        runs={run_id: run},
        conditions=conditions,
    )


def _wait_for_room(situation: Situation) -> Plan:
    message = f"due; waits for room: {situation.room}"
    if situation.task.state is State.QUEUED and not situation.task.open_runs:
        return (
            Plan()
        )  # it says so already; the figures in the message are those of the moment it began to wait
    return Plan(
        status=situation.changed(
            state=str(State.QUEUED),
            message=message,
            nextRunTime=None,
            conditions=situation.conditions(
                Condition.ACCEPTED, "True", "Accepted", "the task can run as it is written"
            ),
        )
    )


def _launch(situation: Situation, run: OpenRun) -> Plan | None:
    """An open run that is not claimed: make its Job, or replace a Job made from an older template."""
    job = situation.job_of(run)
    if job is None:
        return None if situation.postponement else Plan(job=LaunchJob(run.id, run.launch))
    if not job.gone and not job.deleting and job.template != template_digest(situation.task.spec):
        status = open_run_status(
            situation,
            run.id,
            run.scheduled_time,
            interruptions=run.interruptions,
            replaces="the spec was changed before the run started",
        )
        return Plan(status=status, opens_run=True)
    if situation.task.spec.get("incarnation", 0) > situation.task.status.get("incarnation", 0):
        # Raised before the run has started: this run is the new incarnation's, and no second one follows.
        return Plan(status=situation.observed())
    return None


def open_or_launch_a_run(situation: Situation) -> Plan | None:
    """Bring a due task on its way."""
    run = situation.run
    if run is None:
        if situation.room:
            return _wait_for_room(situation)
        due = due_time(situation.task)
        run_id = scheduled_run_id(int(due.timestamp()))
        return Plan(status=open_run_status(situation, run_id, due), opens_run=True)
    return None if run.claimed else _launch(situation, run)
