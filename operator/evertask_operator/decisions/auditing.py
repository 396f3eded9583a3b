"""``status.transitions``: each change of the state is noted in the write that makes it, as far as auditLevel keeps it.

Runners note the changes that they make to a one-shot. The claim of a run is noted with the next write that is made
anyway: the state says InProgress, and the newest entry does not say so yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evertask.api.audit import level_of, transition, with_transitions
from evertask.api.protocol import OPEN_PHASES, TERMINAL_STATES, State
from evertask.api.times import format_time, parse_time
from evertask_operator.decisions.merging import merged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask_operator.decisions.plans import Plan
    from evertask_operator.decisions.situation import Situation

Json = dict[str, Any]


def with_changes_of_state(situation: Situation, plan: Plan) -> Plan:
    """Give the plan, its status with the changes of the state that it makes or finds."""
    if plan.status is None:
        return plan
    known, status = situation.task.transition_entries, merged(situation.task.status, plan.status)
    new = [*_the_claim(situation, known, status), *_the_change(situation, plan.status, status)]
    entries = with_transitions(known, new, level_of(situation.task.spec)) if new else None
    return plan if entries is None else replace(plan, status={**plan.status, "transitions": entries})


def _the_claim(situation: Situation, known: list[Json], status: Json) -> list[Json]:
    """A runner has claimed a run, and no entry says so."""
    newest = known[0]["state"] if known else None
    if situation.task.state is not State.IN_PROGRESS or newest == State.IN_PROGRESS:
        return []
    runs: dict[str, Json] = {}
    for run_id, run in (situation.task.status.get("runs") or {}).items():
        # What the plan has learned from a termination message is nearer to the truth.
        found = {**run, **((status.get("runs") or {}).get(run_id) or {})}
        if run.get("podName") or run.get("failedAttempts"):
            runs[run_id] = found
    if not runs:
        return []
    first = min(runs, key=lambda run_id: _started(runs[run_id], situation.now))
    started = _started(runs[first], situation.now)
    if known:  # where an attempt has failed, it may have started before what was noted last
        started = max(started, min(parse_time(known[0]["time"]), situation.now))
    return [transition(State.IN_PROGRESS, format_time(started), run=first)]


def _started(run: Mapping[str, Any], now: datetime) -> datetime:
    """When a handler started: a runner wrote it, by its own clock, and a little ahead where it waits for its time.

    One that was told to stop before its handler started has an end only.
    """
    try:
        return min(parse_time(run.get("startTime") or run.get("firstStartTime") or run["endTime"]), now)
    except (KeyError, ValueError):
        return now


def _the_change(situation: Situation, change: Json, status: Json) -> list[Json]:
    state = State(status.get("state") or State.PENDING)
    if state is situation.task.state:
        return []
    time = status.get("finishTime") if state in TERMINAL_STATES else None
    message = status.get("message")
    says_more = message if message and not _says_no_more(message, status) else None
    run = _run_of(state, change)
    return [transition(state, time or format_time(situation.now), run=run, message=says_more)]


def _says_no_more(message: str, status: Mapping[str, Any]) -> bool:
    """Tell whether a message says what other fields say, too, for as long as it matters."""
    plain = ("waits", f"waits until {status.get('nextRunTime')}", f"starts in Job {status.get('job')}")
    return message in plain


def _run_of(state: State, change: Mapping[str, Any]) -> str | None:
    """The run that a change is about: a task that goes back to waiting is about none."""
    if state is State.PENDING:
        return None
    runs = [
        run_id
        for run_id, run in (change.get("runs") or {}).items()
        if run and (state in TERMINAL_STATES or run.get("phase") in OPEN_PHASES)
    ]
    return runs[0] if len(runs) == 1 else None
