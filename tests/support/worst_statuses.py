"""The largest status that EverTask itself writes, for a handler that fills every text that it has a say in.

The API server stores a status as JSON in which control characters, ``<``, ``>``, ``&`` and two separators of lines take
six bytes each: more than any other character.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from evertask.api import protocol
from evertask.api.audit import AuditLevel, transition, with_transitions
from evertask.api.outcomes import Outcome, apply_outcome, bounded, fold_outcome, make_error
from evertask.api.protocol import Condition, Phase, State
from evertask.api.times import format_time
from evertask_operator.decisions.merging import merged

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TIME = format_time(NOW + timedelta(microseconds=123456))
RUN = "s1795521600"
LONG = 40_000
"""Characters of what a handler says: more than any bound."""


def stored_bytes(value: Any) -> int:
    """Give the size of a value as the API server stores it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    escaped = (
        sum(text.count(char) for char in "<>&") * 5 + sum(text.count(char) for char in "\u2028\u2029") * 3
    )
    return len(text.encode()) + escaped


def worst_run(character: str) -> Json:
    """Give an open run in which all that it may have is as long as it may be."""
    text = character * LONG
    failure = {
        "attempt": 1_000_000,
        "time": TIME,
        "type": bounded(text, protocol.ERROR_TYPE_LIMIT),
        "message": bounded(text, protocol.HISTORY_MESSAGE_LIMIT),
        "delay": "87599h59m59.999999s",
    }
    callback = {"callback": "on_completed", "message": bounded(text, protocol.HISTORY_MESSAGE_LIMIT)}
    times = ("scheduledTime", "dueTime", "launchTime", "readyTime", "startTime", "nextAttemptTime")
    return {
        **dict.fromkeys(times, TIME),
        "launch": 999_999_999,
        "phase": str(Phase.RUNNING),
        "podName": "p" * 253,
        "attempt": 1_000_000,
        "failedAttempts": 1_000_000,
        "failures": [failure] * protocol.MAX_FAILURES,
        "interruptions": 9999,
        "progress": {"percent": 100, "message": bounded(text, protocol.MESSAGE_LIMIT), "time": TIME},
        "callbackErrors": [callback] * protocol.MAX_CALLBACK_ERRORS,
        "children": ["c" * 253] * protocol.MAX_CHILDREN,
        "childrenCount": 2**53,
    }


def worst_error(character: str) -> Json:
    """Give an error with all that it may have."""
    text = character * LONG
    return make_error(text, text, time=TIME, traceback=text, attempt=1_000_000, log_tail=text)


def worst_result(character: str) -> Json:
    """Give a result that is just not refused: the runner counts bytes of JSON."""
    one = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    return {"result": character * ((protocol.RESULT_LIMIT - 20) // one)}


def worst_one_shot(character: str, phase: Phase) -> Json:
    """Give the status of a one-shot that has ended."""
    success, text = phase is Phase.SUCCEEDED, character * LONG
    outcome = Outcome(
        phase,
        TIME,
        worst_result(character) if success else None,
        None if success else worst_error(character),
        1_000_000,
        text,
    )
    before = {"runs": {RUN: worst_run(character)}, **_around(character)}
    return merged(before, apply_outcome(before, RUN, outcome, one_shot=True))


def worst_series(character: str) -> Json:
    """Give the status of a series that has one open run, and past ones that have all failed."""
    status: Json = _around(character)
    outcome = Outcome(Phase.FAILED, TIME, None, worst_error(character), 1_000_000, character * LONG)
    for _ in range(protocol.HISTORY_LIMIT + 2):
        status = merged(status, {"runs": {RUN: worst_run(character)}})
        status = merged(status, apply_outcome(status, RUN, outcome, one_shot=False))
        status = merged(status, fold_outcome(status, status.get("history") or [], RUN, NOW))
    waiting = [{"scheduledTime": TIME, "reason": "CatchUp", "run": RUN}] * protocol.MAX_WAITING
    open_runs = {RUN: worst_run(character)}
    return status | {"runs": open_runs, "waiting": waiting, "result": worst_result(character)}


def _around(character: str) -> Json:
    text, states = character * LONG, (State.QUEUED, State.IN_PROGRESS, State.FAILED)
    changes = [transition(states[n % 3], TIME, run=RUN, message=text) for n in range(60)]
    condition = {
        "status": "False",
        "reason": "r" * 64,
        "message": bounded(text, protocol.MESSAGE_LIMIT),
        "lastTransitionTime": TIME,
        "observedGeneration": 2**53,
    }
    entries: list[Json] = []
    for change in changes:
        entries = with_transitions(entries, [change], AuditLevel.FULL) or entries
    return {
        "state": str(State.IN_PROGRESS),
        "message": bounded(text, protocol.MESSAGE_LIMIT),
        "transitions": entries,
        "conditions": [{"type": str(type_), **condition} for type_ in Condition],
        "launches": 999_999_999,
    }
