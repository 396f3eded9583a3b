"""A run whose pod ended: what the pod left behind decides.

In this order: the outcome in its termination message; a disruption (the run is relaunched or fails, by
``onInterruption`` and ``maxInterruptions``); a deletion by hand (the run is cancelled); the pod's own end (out of
memory, exit code, deadline), which the retry policy may let be followed by another attempt; and where nothing is left
to look at, ``OutcomeUnknown``.
"""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import ErrorType, Phase
from evertask.api.times import format_time
from evertask_operator.decisions import fencing, retrying
from evertask_operator.decisions.launch import relaunch
from evertask_operator.decisions.plans import Note, Plan
from evertask_operator.decisions.termination_messages import parse_object, parse_outcome

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import OpenRun, Situation
    from evertask_operator.records import JobRecord, PodRecord

_UNCLAIMED_EXITS_ALLOWED = 3
"""A pod may end without taking its run, well (it met a suspension that is over) or killed by a signal: nothing has run,
and another one takes it. Not again and again."""

_DISRUPTED_JOB = "PodFailurePolicy"
_SIGNAL_BASE = 128


def outcome_in_termination_message(situation: Situation, run: OpenRun) -> Outcome | None:
    """The outcome that a runner could not commit, but left in its termination message."""
    pod = situation.pod_of(run)
    if pod is None or not pod.over_for_the_run:
        return None
    outcome = parse_outcome(pod.termination_message, run.id, run.launch)
    if outcome and outcome.phase is Phase.CANCELLED and not situation.task.spec.get("cancel"):
        return None
    return outcome


def settle_a_run_whose_pod_ended(situation: Situation) -> Plan | None:
    """Settle an open run whose pod cannot report any more."""
    run = situation.run
    if run is None or run.in_backoff:
        return None
    committed = outcome_in_termination_message(situation, run)
    if committed:
        return situation.end_run(run, committed)
    pod, job = situation.pod_of(run), situation.job_of(run)
    if pod is None:
        return _without_pod(situation, run, job)
    if pod.over_for_the_run:
        return _with_ended_pod(situation, run, pod, job)
    return _on_a_silent_node(situation, run, pod)


def _on_a_silent_node(situation: Situation, run: OpenRun, pod: PodRecord) -> Plan | None:
    """A pod that should be gone and is not: with a fence it is given up when it must have stopped by itself."""
    lost_at = fencing.given_up_at(situation, run, pod)
    if lost_at is None:
        return None
    if lost_at > situation.now:
        return Plan(wake=lost_at)
    is_fenced = run.claimed and "fenceAfter" in situation.task.spec
    fenced = ", and its handler has stopped by spec.fenceAfter" if is_fenced else ""
    if pod.disruption:
        why = f"pod {pod.name} is lost ({pod.disruption}): its node does not answer{fenced}"
        return interrupted(situation, run, why)
    return _deleted(situation, run, f"pod {pod.name}")


def _without_pod(situation: Situation, run: OpenRun, job: JobRecord | None) -> Plan | None:
    over = job is not None and (job.gone or job.deleting or job.complete or bool(job.failed_reason))
    if not run.claimed and not over:
        return None  # its pod is still to come
    if not situation.verified:
        return Plan(verify=True)  # the pod may be there and hold the outcome: a watch can be late
    if job and job.failed_reason == _DISRUPTED_JOB:
        return interrupted(situation, run, _job_text(job))
    if job and (job.gone or job.deleting):
        return _deleted(situation, run, f"Job {job.name}")
    if job and job.failed_reason:
        return _deleted(situation, run, f"the pod of Job {job.name}")
    if job and not job.complete:
        return Plan(wake=situation.now + timedelta(seconds=5))  # the Job will say how its pod ended
    if not run.claimed:
        return interrupted(situation, run, "the launch's pod ended without taking the run")
    why = f"pod {run.pod_name} is gone, and nothing tells how it ended"
    return interrupted(situation, run, why, error_type=ErrorType.OUTCOME_UNKNOWN)


def _with_ended_pod(situation: Situation, run: OpenRun, pod: PodRecord, job: JobRecord | None) -> Plan:
    if pod.disruption or (job and job.failed_reason == _DISRUPTED_JOB):
        return interrupted(
            situation, run, f"pod {pod.name} was disrupted ({pod.disruption or _job_text(job)})"
        )
    if pod.delete_by or (job and (job.deleting or job.gone)):
        return _deleted(situation, run, f"pod {pod.name}")
    if pod.exit_code == protocol.EXIT_INTERRUPTED:
        return interrupted(situation, run, f"pod {pod.name} was told to stop (exit code 143)")
    if _may_be_taken_by_another(run, pod):
        return _relaunch(situation, run, f"pod {pod.name} ended without taking the run")
    type_, message = cause_of_death(pod, claimed=run.claimed)
    log_tail = _log_tail(pod)
    again = retrying.retry_a_run_whose_pod_died(situation, run, pod, type_, message, log_tail=log_tail)
    if again is not None:
        return again
    attempt = retrying.attempt_of(run, pod) if run.claimed else None
    return _failed(situation, run, type_, message, log_tail=log_tail, attempt=attempt)


def _may_be_taken_by_another(run: OpenRun, pod: PodRecord) -> bool:
    code = pod.exit_code
    is_no_answer = code is not None and (code == 0 or code > _SIGNAL_BASE)
    return not run.claimed and is_no_answer and run.interruptions < _UNCLAIMED_EXITS_ALLOWED


def _job_text(job: JobRecord | None) -> str:
    """What a failed Job says of its pod."""
    return (job.failed_message or job.failed_reason) if job else ""


def _log_tail(pod: PodRecord) -> str | None:
    return pod.termination_message if parse_object(pod.termination_message) is None else None


def _runner_said(pod: PodRecord) -> str:
    """An error that the runner left without an outcome (it could not reach its run)."""
    said = parse_object(pod.termination_message) or {}
    error = said.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _how(pod: PodRecord) -> str:
    """The exit code of the container that ended, and the signal that it stands for."""
    number = (pod.exit_code or 0) - _SIGNAL_BASE
    name = f" ({signal.Signals(number).name})" if number in {s.value for s in signal.Signals} else ""
    return f"exit code {pod.exit_code}{name}"


def cause_of_death(pod: PodRecord, *, claimed: bool) -> tuple[ErrorType, str]:
    """Name the end of a pod that left no outcome, in words that a person can act on."""
    if pod.init_failed:
        return ErrorType.POD_FAILED, (
            f"the init container {pod.init_failed} of pod {pod.name} ended with {_how(pod)}, so that the handler could "
            "not be started; read its log, and correct it in spec.podTemplate"
        )
    if pod.exit_reason == "OOMKilled":
        return ErrorType.OUT_OF_MEMORY, (
            f"pod {pod.name} was killed for want of memory; raise resources.limits.memory of the container "
            f"{protocol.CONTAINER_NAME} in spec.podTemplate, or use less"
        )
    if pod.reason == "DeadlineExceeded":
        return ErrorType.POD_DEADLINE_EXCEEDED, (
            f"pod {pod.name} was still running after its deadline (startDeadline + timeout + gracePeriod + margin)"
        )
    if pod.exit_reason in {"StartError", "ContainerCannotRun"}:
        return ErrorType.POD_FAILED, f"the container could not be started: {pod.termination_message}"
    said = _runner_said(pod)
    if said:
        return ErrorType.POD_FAILED, said
    if pod.exit_code is None:
        return (
            ErrorType.POD_FAILED,
            f"pod {pod.name} failed: {pod.reason or 'no reason given'} {pod.message}".strip(),
        )
    how = _how(pod)
    if not claimed:
        return ErrorType.POD_FAILED, (
            f"pod {pod.name} ended with {how} before it took the run; does its image contain the EverTask runner "
            "and leave the container's command alone?"
        )
    return ErrorType.POD_FAILED, f"pod {pod.name} ended with {how} and reported nothing"


def _failed(
    situation: Situation,
    run: OpenRun,
    type_: ErrorType,
    message: str,
    *,
    log_tail: str | None = None,
    attempt: int | None = None,
) -> Plan:
    now = format_time(situation.now)
    error = make_error(type_, message, time=now, log_tail=log_tail, attempt=attempt)
    outcome = Outcome(Phase.FAILED, now, error=error, attempt=attempt)
    return situation.end_run(run, outcome, Note("Warning", type_, message))


def _deleted(situation: Situation, run: OpenRun, what: str) -> Plan:
    why = "replaced by a later run" if run.stop else f"cancelled: {what} was deleted by hand"
    outcome = Outcome(Phase.CANCELLED, format_time(situation.now), message=why)
    return situation.end_run(run, outcome)


def _relaunch(situation: Situation, run: OpenRun, why: str) -> Plan:
    note = Note("Warning", "Interrupted", f"{why}; the run is relaunched")
    return relaunch(situation, run, why, interruptions=run.interruptions + 1, note=note)


def interrupted(
    situation: Situation, run: OpenRun, why: str, *, error_type: ErrorType = ErrorType.INTERRUPTED
) -> Plan:
    """Relaunch a run whose pod was lost, or fail it: its handler must not start again, or it has lost too many.

    One that makes way for a later run is over instead.
    """
    if run.stop:
        return _deleted(situation, run, why)
    if run.claimed and situation.task.spec.get("onInterruption") == "Fail":
        message = f"{why}; the handler may have run, and spec.onInterruption is Fail"
        return _failed(situation, run, error_type, message)
    most, lost = (
        situation.task.spec.get("maxInterruptions", protocol.DEFAULT_MAX_INTERRUPTIONS),
        run.interruptions + 1,
    )
    if lost > most:
        message = (
            f"{why}; that is interruption {lost} of this run, and spec.maxInterruptions ({most}) allows no more: "
            "raise it, or see to it that pods of this size and duration are not lost"
        )
        return _failed(situation, run, ErrorType.INTERRUPTED, message)
    return _relaunch(situation, run, why)
