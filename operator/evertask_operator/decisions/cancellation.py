"""A cancelled task: intent first, then the Job goes, then the outcome is written when no pod is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.outcomes import Outcome
from evertask.api.protocol import Phase, State
from evertask.api.times import format_time
from evertask_operator.decisions import death, fencing
from evertask_operator.decisions.announcing import announce_end
from evertask_operator.decisions.plans import DeleteJob, Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import OpenRun, Situation
    from evertask_operator.records import PodRecord


def _never_started(situation: Situation) -> Plan:
    """Nobody can claim the run any more (the claim tests ``spec.cancel``), so it is over at once."""
    run = situation.run
    now, message = format_time(situation.now), "cancelled before it started"
    status = situation.observed(
        state=str(State.CANCELLED),
        message=message,
        finishTime=now,
        nextRunTime=None,
    )
    if run:
        status["runs"] = {run.id: {"phase": str(Phase.CANCELLED), "endTime": now}}
    return Plan(status=status, notes=announce_end(situation.task.spec, Phase.CANCELLED, message))


def settle_a_cancelled_task(situation: Situation) -> Plan | None:
    """End a one-shot task whose cancellation was asked for."""
    if not situation.task.spec.get("cancel"):
        return None
    run = situation.run
    if run is not None and run.has_failed_before and not run.claimed:
        return end_before_the_next_attempt(situation, run)
    if run is None or not run.claimed:
        return _never_started(situation)
    return stop_a_claimed_run(situation, run)


def end_before_the_next_attempt(situation: Situation, run: OpenRun) -> Plan:
    """End a run whose attempts have failed and whose next one nobody can begin any more."""
    message = "replaced by a later run" if run.stop else "cancelled before its next attempt"
    return situation.end_run(run, Outcome(Phase.CANCELLED, format_time(situation.now), message=message))


def stop_a_claimed_run(situation: Situation, run: OpenRun) -> Plan:
    """Delete the Job of a run, and end the run when no pod of it is left; what it committed meanwhile stands."""
    committed = death.outcome_in_termination_message(situation, run)
    if committed:
        return situation.end_run(run, committed)
    job, pod = situation.job_of(run), situation.pod_of(run)
    if job and not job.deleting and not job.gone:
        return Plan(deletions=(DeleteJob(job, foreground=True),))
    if fenced := _fenced(situation, run, pod):
        return fenced
    if (pod and not pod.ended) or (job and not job.gone):
        return Plan()  # the pod has its grace period
    if not situation.verified and pod is None:
        return Plan(verify=True)
    message = "replaced by a later run" if run.stop else "cancelled while it ran"
    return situation.end_run(run, Outcome(Phase.CANCELLED, format_time(situation.now), message=message))


def _fenced(situation: Situation, run: OpenRun, pod: PodRecord | None) -> Plan | None:
    """A pod on a node that does not answer has stopped its handler by itself, where ``fenceAfter`` says so."""
    if pod is None or pod.over_for_the_run or "fenceAfter" not in situation.task.spec:
        return None
    given_up_at = fencing.given_up_at(situation, run, pod)
    if given_up_at is None:
        return None
    if given_up_at > situation.now:
        return Plan(wake=given_up_at)
    why = "replaced by a later run" if run.stop else "cancelled while it ran"
    message = (
        f"{why}; the node of pod {pod.name} does not answer, and its handler has stopped by spec.fenceAfter"
    )
    return situation.end_run(run, Outcome(Phase.CANCELLED, format_time(situation.now), message=message))
