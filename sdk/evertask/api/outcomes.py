"""What an outcome does to a status: one rule for the runner (write 6) and the operator (write 7).

Standard library only. A status is the plain JSON of ``status``; the answer is what to set in it, with
``None`` for a field to remove, which is at once a JSON merge patch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.api.protocol import Phase, State

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_FINAL_STATE = {
    Phase.SUCCEEDED: State.COMPLETED,
    Phase.FAILED: State.FAILED,
    Phase.CANCELLED: State.CANCELLED,
}


class Outcome(NamedTuple):
    """How a run ended."""

    phase: Phase
    """Succeeded, Failed or Cancelled."""
    end_time: str
    """RFC 3339."""
    result: Any = None
    """JSON value; None when there is none."""
    error: Json | None = None
    """``status.error``: type, message, traceback, attempt, time, logTail."""
    attempt: int | None = None
    message: str | None = None
    """One sentence for a person; made from the error when absent."""


def is_one_shot(spec: Mapping[str, Any]) -> bool:
    """Tell whether the task ends with its run."""
    return "recurrence" not in spec


def bounded(text: str, limit: int) -> str:
    """Cut a text to a number of characters; the cut shows."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def bounded_tail(text: str, limit: int) -> str:
    """Keep the last characters of a text; the cut shows."""
    return text if len(text) <= limit else "…" + text[-(limit - 1) :]


def make_error(
    type_: str,
    message: str,
    *,
    time: str,
    traceback: str | None = None,
    attempt: int | None = None,
    log_tail: str | None = None,
) -> Json:
    """Build ``status.error`` within its bounds."""
    error: Json = {
        "type": bounded(type_, protocol.ERROR_TYPE_LIMIT),
        "message": bounded(message, protocol.ERROR_MESSAGE_LIMIT),
        "time": time,
    }
    if traceback:
        error["traceback"] = bounded_tail(traceback, protocol.TRACEBACK_LIMIT)
    if attempt is not None:
        error["attempt"] = attempt
    if log_tail:
        error["logTail"] = bounded_tail(log_tail, protocol.LOG_TAIL_LIMIT)
    return error


def _message(outcome: Outcome) -> str:
    if outcome.message:
        return outcome.message
    if outcome.error:
        return f"{outcome.error['type']}: {outcome.error.get('message', '')}".rstrip(": ")
    return {
        Phase.SUCCEEDED: "the handler returned",
        Phase.CANCELLED: "cancelled while it ran",
        Phase.FAILED: "the run failed",
    }[outcome.phase]


def _counts(old: Mapping[str, int], phase: Phase) -> dict[str, int]:
    succeeded = phase is Phase.SUCCEEDED
    counts = dict(old)
    counts["runs"] = counts.get("runs", 0) + 1
    which = "succeeded" if succeeded else "failed"
    counts[which] = counts.get(which, 0) + 1
    counts["consecutiveFailures"] = 0 if succeeded else counts.get("consecutiveFailures", 0) + 1
    return counts


def apply_outcome(status: Mapping[str, Any], run_id: str, outcome: Outcome, *, one_shot: bool) -> Json:
    """Say what to set in a status when a run ends.

    Args:
        status: the status as it was read.
        run_id: the run that ended.
        outcome: how it ended.
        one_shot: the task ends with its run, so the state becomes terminal in the same write. For a series
            only the run changes; the operator folds it.

    Returns:
        A merge patch for ``status``: the run in ``runs``, and the fields that belong to the whole task.
    """
    run: Json = {"phase": str(outcome.phase), "endTime": outcome.end_time}
    if outcome.attempt is not None:
        run["attempt"] = outcome.attempt
    change: Json = {"runs": {run_id: run}, "result": outcome.result, "error": outcome.error}
    if not one_shot:
        return change
    change["state"] = str(_FINAL_STATE[outcome.phase])
    change["message"] = bounded(_message(outcome), protocol.MESSAGE_LIMIT)
    change["finishTime"] = outcome.end_time
    change["nextRunTime"] = None
    if outcome.phase is not Phase.CANCELLED:
        change["counts"] = _counts(status.get("counts") or {}, outcome.phase)
        key = "lastSuccessTime" if outcome.phase is Phase.SUCCEEDED else "lastFailureTime"
        change[key] = outcome.end_time
    return change
