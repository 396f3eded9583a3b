"""A pod that died as a whole (out of memory, ``os._exit``, a crash of the runner): is its run tried again, and when.

While a runner lives it decides itself. Where it died with its handler, the operator does: by ``spec.retry``, else by
what the runner has left in the termination message of the handler class's own policy, else by the operator's default.
The attempt that follows has a pod of its own, so the run goes through Backoff however short the delay is.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.durations import format_duration, parse_duration
from evertask.api.outcomes import bounded, bounded_tail, is_one_shot
from evertask.api.protocol import ErrorType, Phase
from evertask.api.times import format_time
from evertask.retries import Failure, Retry
from evertask_operator.decisions import backoff
from evertask_operator.decisions.launch import WITHOUT_A_POD
from evertask_operator.decisions.plans import Note, Plan
from evertask_operator.decisions.termination_messages import parse_exits

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation
    from evertask_operator.records import PodRecord

Json = dict[str, Any]

OUT_OF_MEMORY_CODE = 137
"""How ``retry.onExit`` names a container that was killed for want of memory."""

_CODES_OF_THE_RUNNER = frozenset(
    {protocol.EXIT_REPORTED, protocol.EXIT_UNREPORTED, protocol.EXIT_MISCONFIGURED}
)
"""Exit codes by which the runner says something else than that the handler's process died."""

LEAST_LOG = 40
"""Characters of a log that are worth being told."""

ATTEMPT_FAILED = "AttemptFailed"
"""Reason of the Event."""


def attempt_of(run: OpenRun, pod: PodRecord) -> int:
    """Number of the attempt that a claimed run's pod died in: its note may be newer than what was written."""
    said = parse_exits(pod.termination_message, run.id, run.launch)
    return max(run.failed_attempts + 1, said.attempt if said else 1)


def retry_a_run_whose_pod_died(
    situation: Situation,
    run: OpenRun,
    pod: PodRecord,
    type_: ErrorType,
    message: str,
    *,
    log_tail: str | None,
) -> Plan | None:
    """Let a run wait for its next attempt; None where there is none.

    Args:
        situation: the task as it is.
        run: the claimed run.
        pod: its pod, which has ended.
        type_: how it ended.
        message: the same for a person.
        log_tail: the end of its log, which goes with its Job.
    """
    code = _exit_code(pod, type_)
    if code is None or not run.claimed or run.stop:
        return None
    policy, attempt = _policy_of(situation, run, pod), attempt_of(run, pod)
    failure = Failure(attempt, None, str(type_), exit_code=code)
    delay = policy.delay_before(attempt, _luck(situation, run)) if policy.is_retried(failure) else None
    if delay is None:
        return None
    due = situation.now + delay
    if (end := _end_of_the_run(situation, run)) is not None and due >= end:
        return None
    failed = {
        "attempt": attempt,
        "time": format_time(situation.now),
        "type": str(type_),
        "message": _with_log(bounded(message, protocol.HISTORY_MESSAGE_LIMIT), log_tail),
        "delay": format_duration(delay),
    }
    return _given_back(situation, run, failed, due, of=policy.retries + 1)


def _with_log(message: str, log_tail: str | None) -> str:
    begin = f"{message}; its log ends: "
    room = protocol.HISTORY_MESSAGE_LIMIT - len(begin)
    return begin + bounded_tail(log_tail.strip(), room) if log_tail and room >= LEAST_LOG else message


def _exit_code(pod: PodRecord, type_: ErrorType) -> int | None:
    """How the handler's process ended, as ``retry.onExit`` names it; None where it is no process that died."""
    if type_ is ErrorType.OUT_OF_MEMORY:
        return OUT_OF_MEMORY_CODE
    if type_ is not ErrorType.POD_FAILED or pod.exit_code in _CODES_OF_THE_RUNNER:
        return None
    return pod.exit_code


def _policy_of(situation: Situation, run: OpenRun, pod: PodRecord) -> Retry:
    if "retry" in situation.task.spec:
        return Retry.from_spec(situation.task.spec["retry"])
    if said := parse_exits(pod.termination_message, run.id, run.launch):
        return said.retry
    return situation.settings.defaults.policy


def _luck(situation: Situation, run: OpenRun) -> float:
    """From 0 to 1, for the jitter: the same for the same launch, so that deciding twice decides the same."""
    digest = hashlib.sha256(f"{situation.task.uid}/{run.id}/{run.launch}".encode()).digest()
    return int.from_bytes(digest[:4]) / 0xFFFFFFFF


def _end_of_the_run(situation: Situation, run: OpenRun) -> datetime | None:
    """When ``runTimeout`` is over; None where there is none."""
    limit = parse_duration(situation.task.spec.get("runTimeout", "0s"))
    if limit == timedelta(0) or run.first_start_time is None:
        return None
    return run.first_start_time + limit


def _given_back(situation: Situation, run: OpenRun, failed: Json, due: datetime, *, of: int) -> Plan:
    """What the runner would write (write 9), had it lived."""
    given: Json = {
        "phase": str(Phase.BACKOFF),
        "failedAttempts": failed["attempt"],
        "failures": [failed, *run.failures][: protocol.MAX_FAILURES],
        "nextAttemptTime": format_time(due),
        **dict.fromkeys(WITHOUT_A_POD),
    }
    if run.first_start_time is not None:
        given["firstStartTime"] = format_time(run.first_start_time)
    message = backoff.sentence(failed, due, of=of)
    said = {"message": message} if is_one_shot(situation.task.spec) else {}
    status = situation.observed(runs={run.id: given}, **said)
    return Plan(status=status, notes=(Note("Warning", ATTEMPT_FAILED, message),))
