"""A launch that does not start: its cause is named in the condition Launched, and at the deadline the run fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.outcomes import Outcome, is_one_shot, make_error
from evertask.api.protocol import Condition, ErrorType, Phase, State
from evertask.api.times import format_time
from evertask_operator.decisions.plans import Note, Plan
from evertask_operator.resources.conditions import find_condition
from evertask_operator.resources.jobs import seconds

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation

Json = dict[str, Any]

GRACE = timedelta(seconds=2)
"""Troubles that pass by themselves within this time after the launch are not worth a write."""

FIRST_DIAGNOSIS = timedelta(seconds=6)
"""A pod that says nothing for this long is asked about: its Warning events are read."""

INIT_CONTAINER_RUNS = "InitContainerRuns"
"""Reason of a pod whose init container takes its time, or has no end."""

_NORMAL_WAITS = frozenset({"", "ContainerCreating", "PodInitializing"})

_STEADY_NAMES = {"ErrImagePull": "ImagePullBackOff"}
"""The kubelet says these two by turns: one name, so that the status is written once."""


def _advice(reason: str) -> str:
    if reason in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}:
        return "; check the image's name and tag in spec.podTemplate and the namespace's pull secrets"
    if reason in {"CreateContainerConfigError", "CreateContainerError"}:
        return "; check the Secrets, ConfigMaps and securityContext that spec.podTemplate names"
    return ""


def stuck_because(situation: Situation, run: OpenRun) -> tuple[str, str] | None:
    """Reason and message why the pod does not start; None while nothing speaks against it."""
    if situation.postponement:
        return "JobPostponed", situation.postponement
    pod = situation.pod_of(run)
    if pod and pod.unschedulable:
        return "Unschedulable", f"no node can take pod {pod.name}: {pod.unschedulable}"
    if pod and pod.waiting_reason not in _NORMAL_WAITS:
        told = f"{pod.waiting_reason}: {pod.waiting_message}" if pod.waiting_message else pod.waiting_reason
        reason = _STEADY_NAMES.get(pod.waiting_reason, pod.waiting_reason)
        return reason, f"pod {pod.name} does not start: {told}{_advice(pod.waiting_reason)}"
    if situation.diagnosis:
        return situation.diagnosis.reason, situation.diagnosis.message
    if pod and pod.init_running and situation.now >= run.launch_time + FIRST_DIAGNOSIS:
        return INIT_CONTAINER_RUNS, (
            f"pod {pod.name} waits for its init container {pod.init_running}, which has not ended; "
            "if it should have, read its log"
        )
    return None


def _deadline(situation: Situation, run: OpenRun) -> datetime:
    """When the launch fails. Waiting for a quota happens before the Job exists, and is not counted."""
    limit = seconds(situation.task.spec, "startDeadline", protocol.DEFAULT_START_DEADLINE_SECONDS)
    job = situation.job_of(run)
    since = max(run.launch_time, run.begins_at, job.created) if job else max(situation.now, run.begins_at)
    return since + timedelta(seconds=limit)


def _too_late(situation: Situation, run: OpenRun, stuck: tuple[str, str] | None) -> Plan:
    limit = situation.task.spec.get("startDeadline", "15m")
    cause = stuck[1] if stuck else "its pod did not report in time"
    message = f"the handler did not start within spec.startDeadline ({limit}): {cause}"
    now = format_time(situation.now)
    error = make_error(ErrorType.START_DEADLINE_EXCEEDED, message, time=now)
    note = Note("Warning", ErrorType.START_DEADLINE_EXCEEDED, message)
    return situation.end_run(run, Outcome(Phase.FAILED, now, error=error), note)


def _say(situation: Situation, value: str, reason: str, message: str) -> Plan:
    condition = find_condition(situation.task.status, Condition.LAUNCHED)
    if condition and condition["status"] == value and condition["reason"] == reason:
        return Plan()  # said already; messages that only change their wording are not worth a write
    status = situation.observed(
        message=None if value == "True" else message,
        conditions=situation.conditions(Condition.LAUNCHED, value, reason, message),
    )
    return Plan(status=status, notes=(Note("Warning", reason, message),) if value == "False" else ())


def _ask(situation: Situation, run: OpenRun) -> str:
    """UID of what should be asked about; empty when it is not the time or there is nothing to ask."""
    if situation.now < run.launch_time + FIRST_DIAGNOSIS or situation.diagnosis:
        return ""
    pod, job = situation.pod_of(run), situation.job_of(run)
    if pod and pod.phase == "Running":
        return ""  # it is up; what it waits for stands in no event
    return pod.uid if pod else job.uid if job else ""


def watch_a_launch(situation: Situation) -> Plan | None:
    """Watch over an open run until it is claimed; afterwards correct what the condition says."""
    run = situation.run
    if run is None:
        return None
    if run.claimed:
        condition = find_condition(situation.task.status, Condition.LAUNCHED)
        if condition and condition["status"] != "True":
            status = situation.observed(
                conditions=situation.conditions(
                    Condition.LAUNCHED, "True", "Launched", f"in pod {run.pod_name}"
                )
            )
            return Plan(status=status)
        return Plan()
    stuck, deadline = stuck_because(situation, run), _deadline(situation, run)
    if deadline <= situation.now:
        return _too_late(situation, run, stuck)
    settled = run.launch_time + GRACE
    if stuck and situation.now < settled:
        return Plan(wake=min(settled, deadline))
    if stuck:
        plan = _say(situation, "False", *stuck)
        return Plan(status=plan.status, notes=plan.notes, wake=deadline)
    looks = [deadline, run.launch_time + FIRST_DIAGNOSIS]
    if is_one_shot(situation.task.spec) and situation.task.state is State.PENDING:
        looks.append(run.due_time + GRACE)  # its pod was made before its time, and should be up by then
    if looks[2:] and looks[2] <= situation.now:
        message = f"due; starts in Job {situation.task.status.get('job')}"
        return Plan(status=situation.observed(state=str(State.QUEUED), message=message, nextRunTime=None))
    return Plan(diagnose=_ask(situation, run), wake=min(at for at in looks if at > situation.now))
