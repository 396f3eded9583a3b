"""What an outcome does to a status: one rule for the runner (write 6) and the operator (write 7).

A one-shot ends with its run, in the same write (``apply_outcome``). A series goes on: the same write changes the run
alone, and the operator folds it into history and counts afterwards (``fold_outcome``).

Standard library only. A status is the plain JSON of ``status``; the answer is what to set in it, with
``None`` for a field to remove, which is at once a JSON merge patch.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.api.audit import AuditLevel, keeps_run
from evertask.api.durations import MAX_DURATION, format_duration
from evertask.api.protocol import Phase, State
from evertask.api.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

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
    start_time: str | None = None
    """RFC 3339: when the handler really started, where that is known better than the claim knew it."""


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


def _error_message(error: Mapping[str, Any]) -> str:
    return f"{error['type']}: {error.get('message', '')}".rstrip(": ")


def _message(outcome: Outcome) -> str:
    if outcome.message:
        return outcome.message
    if outcome.error:
        return _error_message(outcome.error)
    return {
        Phase.SUCCEEDED: "the handler returned",
        Phase.CANCELLED: "cancelled while it ran",
        Phase.FAILED: "the run failed",
    }[outcome.phase]


def attempts_of(run: Mapping[str, Any], attempt: int | None = None) -> int:
    """Say how often the handler of a run was called, zero where it never was.

    Args:
        run: its entry in ``status.runs``.
        attempt: the newest attempt, where more is known than the entry says.
    """
    # Without a pod, after a failed attempt, the entry has no attempt: then all of them have failed.
    count: int = attempt or run.get("attempt") or run.get("failedAttempts") or 0
    return count


def _with_retries(old: Mapping[str, int], attempts: int) -> dict[str, int]:
    """Count each attempt but the first."""
    return {**old, "retries": old.get("retries", 0) + attempts - 1} if attempts > 1 else dict(old)


def _counts(old: Mapping[str, int], phase: Phase, attempts: int) -> dict[str, int]:
    succeeded = phase is Phase.SUCCEEDED
    counts = _with_retries(old, attempts)
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
    before: Json = (status.get("runs") or {}).get(run_id) or {}
    attempts = attempts_of(before, outcome.attempt)
    if outcome.attempt is not None:
        run["attempt"] = outcome.attempt
    if "nextAttemptTime" in before:
        run["nextAttemptTime"] = None
    if outcome.start_time is not None:
        run["startTime"] = outcome.start_time
    change: Json = {"runs": {run_id: run}, "result": outcome.result, "error": outcome.error}
    if not one_shot:
        if outcome.phase is not Phase.SUCCEEDED or outcome.message:
            # Until the fold the run keeps it: status.error may be that of another run by then.
            run["message"] = bounded(_message(outcome), protocol.MESSAGE_LIMIT)
        return change
    change["state"] = str(_FINAL_STATE[outcome.phase])
    change["message"] = bounded(_message(outcome), protocol.MESSAGE_LIMIT)
    change["finishTime"] = outcome.end_time
    change["nextRunTime"] = None
    old: Mapping[str, int] = status.get("counts") or {}
    if outcome.phase is Phase.CANCELLED:
        if attempts > 1:
            change["counts"] = _with_retries(old, attempts)
    else:
        change["counts"] = _counts(old, outcome.phase, attempts)
        key = "lastSuccessTime" if outcome.phase is Phase.SUCCEEDED else "lastFailureTime"
        change[key] = outcome.end_time
    return change


def fold_outcome(
    status: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    run_id: str,
    now: datetime,
    *,
    level: AuditLevel = AuditLevel.FULL,
) -> Json:
    """Fold a run of a series that is over: out of ``runs``, into history and counts.

    Where several runs are over, fold them in the order of their ends: the history is newest first.

    Args:
        status: the status as it was read; its run has one of the phases Succeeded, Failed and Cancelled.
        history: the entries so far, newest first.
        run_id: the run to fold.
        now: aware; stands in for the end of a run that has none.
        level: of the task: whether the run is kept in the history.

    Returns:
        A merge patch for ``status``: ``runs``, ``history`` (where it changes), ``counts``, and the time of
        success or failure.

    Raises:
        KeyError: there is no such run.
        ValueError: the run is not over.
    """
    run = status["runs"][run_id]
    phase = Phase(run["phase"])
    if phase in protocol.OPEN_PHASES:
        raise ValueError(f"run {run_id} is {phase}; only a run that has an outcome can be folded")
    end_time = run.get("endTime") or format_time(now)
    entry = _history_entry(run_id, run, end_time, status.get("error") or {})
    old: Mapping[str, int] = status.get("counts") or {}
    change: Json = {"runs": {run_id: None}}
    if keeps_run(level, phase):
        change["history"] = _bounded_history([entry, *map(dict, history)])
    attempts = attempts_of(run)
    if phase is Phase.CANCELLED:
        cancelled = {"cancelled": old.get("cancelled", 0) + 1}
        return change | {"counts": _with_retries(old, attempts) | cancelled}
    counts = _counts(old, phase, attempts) | {"incarnationRuns": old.get("incarnationRuns", 0) + 1}
    key = "lastSuccessTime" if phase is Phase.SUCCEEDED else "lastFailureTime"
    return change | {"counts": counts, key: end_time}


def _history_entry(run_id: str, run: Mapping[str, Any], end_time: str, error: Mapping[str, Any]) -> Json:
    message, past_error = run.get("message"), None
    if run["phase"] == Phase.FAILED and error:
        message = message or _error_message(error)
        past_error = {"type": error["type"]}
        if traceback := error.get("traceback"):
            past_error["traceback"] = bounded_tail(traceback, protocol.HISTORY_TRACEBACK_LIMIT)
    # A run that was given back between two attempts has started long before its last pod did.
    started, attempts = run.get("firstStartTime") or run.get("startTime"), attempts_of(run)
    entry = {
        "run": run_id,
        "scheduledTime": run.get("scheduledTime"),
        "startTime": started,
        "lateness": _lateness(run.get("dueTime") or run.get("scheduledTime"), started),
        "endTime": end_time,
        "outcome": str(run["phase"]),
        "message": bounded(message, protocol.HISTORY_MESSAGE_LIMIT) if message else None,
        "error": past_error,
        "callbackErrors": run.get("callbackErrors"),
        "childrenCount": run.get("childrenCount"),
        "attempts": attempts if attempts > 1 else None,
    }
    return {field: value for field, value in entry.items() if value is not None}


def _lateness(scheduled: str | None, started: str | None) -> str | None:
    """Say how long after its time the handler started; None where it did not, or a time cannot be read."""
    if not scheduled or not started:
        return None
    try:
        late = parse_time(started) - parse_time(scheduled)
    except ValueError:  # the schema's date-time is wider than ours, and a runner writes its start itself
        return None
    return format_duration(min(max(late, timedelta(0)), MAX_DURATION))


def _bounded_history(entries: list[Json]) -> list[Json]:
    """Drop the oldest entries until the rest is within its bounds; the newest always stays."""
    kept = entries[: protocol.HISTORY_LIMIT]
    while len(kept) > 1 and _size(kept) > protocol.HISTORY_BYTES:
        kept.pop()
    return kept


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
