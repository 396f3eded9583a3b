"""What the end of a handler means for its run. Pure.

The rules, in this order: a handler that returned has succeeded, whatever was asked meanwhile. After a timeout
anything else is a TimeoutError, unless the handler had failed before it heard of it. After SIGTERM a handler that
obeyed, or was killed, or whose process died, is cancelled (if somebody asked for that: the write tests it), and one
that raised something of its own has failed. Otherwise what it raised is the error, and a process that died without a
word is described by its death.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.durations import format_duration
from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import ErrorType, Phase
from evertask_runner.clocks import rfc3339
from evertask_runner.supervision import Ended, Stop

if TYPE_CHECKING:
    from evertask_runner.json_lines import Json


class Durations(NamedTuple):
    """The limits as the spec wrote them, for messages."""

    timeout: str
    grace: str
    start_deadline: str
    run_timeout: str = "0s"
    retrying: bool = False
    """Whether the attempt follows a failed one."""


class Verdict(NamedTuple):
    """What to write."""

    outcome: Outcome
    only_if_cancelled: bool
    """The outcome stands only if ``spec.cancel`` is true; otherwise this is an interruption."""


def judge(ended: Ended, durations: Durations, *, attempt: int, now: str, out_of_memory: bool) -> Verdict:
    """Judge the end of a handler.

    Args:
        ended: what is known.
        durations: the limits, for messages.
        attempt: of the handler, from 1.
        now: RFC 3339, the end time of the run.
        out_of_memory: the kernel has killed a process of this container for want of memory meanwhile.
    """
    message = ended.message
    if message is not None and message["kind"] == "failed" and message.get("heard", "") is None:
        # The request to stop came when the handler had failed already.
        ended = ended._replace(stop=None)
    start = rfc3339(ended.start) if ended.start is not None else None
    outcome = Outcome(Phase.SUCCEEDED, now, attempt=attempt, start_time=start)
    if message is not None and message["kind"] == "succeeded":
        return Verdict(outcome._replace(result=message["result"]), only_if_cancelled=False)
    stopped = message is None or message["kind"] == "stopped"
    if ended.stop is Stop.FENCED or (ended.stop is Stop.TERMINATION and stopped):
        text = f"cancelled; the handler {_how_it_was_cancelled(ended, durations, attempt)}"
        # An attempt that never began is none.
        attempt = max(1, attempt - 1) if ended.start is None else attempt
        outcome = outcome._replace(phase=Phase.CANCELLED, message=text, attempt=attempt)
        return Verdict(outcome, only_if_cancelled=True)
    error = _error(ended, durations, now, out_of_memory=out_of_memory)
    error["attempt"] = attempt
    return Verdict(outcome._replace(phase=Phase.FAILED, error=error), only_if_cancelled=False)


def finally_failed(verdict: Verdict, retries: int) -> Verdict:
    """Say for a person that no other attempt follows, where some have failed before."""
    error = verdict.outcome.error
    if not retries or error is None or verdict.outcome.message:
        return verdict
    text = f"{error['type']}: {error.get('message', '')}".rstrip(": ")
    message = f"{text} (attempt {verdict.outcome.attempt}, and no other follows)"
    return verdict._replace(outcome=verdict.outcome._replace(message=message))


def too_late_for_another(verdict: Verdict, durations: Durations) -> Verdict:
    """Say that an attempt is the last because the next would begin after ``runTimeout``."""
    error = verdict.outcome.error or {}
    text = f"{error.get('type')}: {error.get('message', '')}".rstrip(": ")
    message = f"{text}; not tried again, for that would be after spec.runTimeout {durations.run_timeout}"
    return verdict._replace(outcome=verdict.outcome._replace(message=message))


def cancelled_in_delay(attempt: int, now: str, start: float | None) -> Verdict:
    """Judge a run that was cancelled while it waited for an attempt.

    Args:
        attempt: that would have been the next.
        now: RFC 3339.
        start: Unix time at which the handler was first called in this pod; None when it was not.
    """
    outcome = Outcome(
        Phase.CANCELLED,
        now,
        attempt=max(1, attempt - 1),
        message=f"cancelled; the handler waited for its attempt {attempt}",
        start_time=rfc3339(start) if start is not None else None,
    )
    return Verdict(outcome, only_if_cancelled=True)


def _error(ended: Ended, durations: Durations, now: str, *, out_of_memory: bool) -> Json:
    raised: Json | None = ended.message["error"] if ended.message else None
    if raised is not None and ended.message is not None and ended.message.get("policyFailed"):
        return raised
    if ended.stop is Stop.RUN_TIMEOUT:
        text = f"the run took longer than spec.runTimeout {durations.run_timeout}; "
        began = f"the handler {_how_it_stopped(ended, durations)}"
        text += began if ended.start is not None else "an attempt was still to begin"
        return make_error(ErrorType.TIMEOUT, text, time=now, traceback=(raised or {}).get("traceback"))
    if ended.stop is Stop.TIMEOUT:
        limit = f"spec.timeout {durations.timeout}"
        if ended.timeout is not None:
            limit = f"its own timeout {format_duration(timedelta(seconds=ended.timeout))}"
        text = f"the handler took longer than {limit}; it {_how_it_stopped(ended, durations)}"
        return make_error(ErrorType.TIMEOUT, text, time=now, traceback=(raised or {}).get("traceback"))
    obeyed = ended.message is not None and ended.message["kind"] == "stopped"
    if ended.stop is Stop.START_DEADLINE and (raised is None or obeyed):
        return make_error(ErrorType.START_DEADLINE_EXCEEDED, _too_late(ended, durations), time=now)
    if raised is not None:
        return raised
    return _death(ended.wait_status, now, out_of_memory=out_of_memory)


def _too_late(ended: Ended, durations: Durations) -> str:
    after = f"after spec.startDeadline {durations.start_deadline}"
    if ended.prepared:
        callback = "on_retry" if durations.retrying else "on_started"
        return f"{callback} had not returned {after}; move slow work from it into the handler"
    return (
        f"the handler's module was still being imported, or its handler being made, {after}; "
        "move slow work from there into the handler"
    )


def _how_it_was_cancelled(ended: Ended, durations: Durations, attempt: int) -> str:
    if ended.start is not None:
        return _how_it_stopped(ended, durations)
    return f"waited for its attempt {attempt}" if durations.retrying else "had not started"


def _how_it_stopped(ended: Ended, durations: Durations) -> str:
    if ended.message is not None:
        error = ended.message["error"]
        if ended.message["kind"] == "stopped":
            return "stopped when it was asked to"
        return f"then raised {error['type']}: {error.get('message', '')}".rstrip(": ")
    if ended.killed:
        return f"was killed, because it had not stopped within spec.gracePeriod {durations.grace}"
    return "ended its process when it was asked to stop"


def describe_death(wait_status: int | None) -> str:
    """Say how a process ended, as the end of a sentence."""
    code = os.waitstatus_to_exitcode(wait_status) if wait_status is not None else 0
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"


def _death(wait_status: int | None, now: str, *, out_of_memory: bool) -> Json:
    code = os.waitstatus_to_exitcode(wait_status) if wait_status is not None else 0
    text = f"the handler's process {describe_death(wait_status)} before the handler returned"
    if code >= 0:
        return make_error(ErrorType.EXIT_CODE, f"{text} (os._exit?)", time=now)
    if -code == signal.SIGKILL and out_of_memory:
        text = "the kernel killed the handler's process: the container's memory limit was reached; raise it with "
        text += "podTemplate (containers[].resources.limits.memory), or use less"
        return make_error(ErrorType.OUT_OF_MEMORY, text, time=now)
    if -code == signal.SIGKILL:
        text += "; neither the runner nor the container's memory limit did that"
    return make_error(ErrorType.EXIT_CODE, text, time=now)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
