"""What the end of a handler means for its run. Pure.

The rules, in this order: a handler that returned has succeeded, whatever was asked meanwhile. After a timeout
anything else is a TimeoutError. After SIGTERM a handler that obeyed, or was killed, or whose process died, is
cancelled (if somebody asked for that: the write tests it), and one that raised something of its own has failed.
Otherwise what it raised is the error, and a process that died without a word is described by its death.
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
    start = rfc3339(ended.start) if ended.start is not None else None
    outcome = Outcome(Phase.SUCCEEDED, now, attempt=attempt, start_time=start)
    if message is not None and message["kind"] == "succeeded":
        return Verdict(outcome._replace(result=message["result"]), only_if_cancelled=False)
    if ended.stop is Stop.TERMINATION and (message is None or message["kind"] == "stopped"):
        how = "had not started" if ended.start is None else _how_it_stopped(ended, durations)
        text = f"cancelled; the handler {how}"
        return Verdict(outcome._replace(phase=Phase.CANCELLED, message=text), only_if_cancelled=True)
    error = _error(ended, durations, now, out_of_memory=out_of_memory)
    error["attempt"] = attempt
    return Verdict(outcome._replace(phase=Phase.FAILED, error=error), only_if_cancelled=False)


def _error(ended: Ended, durations: Durations, now: str, *, out_of_memory: bool) -> Json:
    raised: Json | None = ended.message["error"] if ended.message else None
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
        return f"on_started had not returned {after}; move slow work from it into the handler"
    return (
        f"the handler's module was still being imported, or its handler being made, {after}; "
        "move slow work from there into the handler"
    )


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
