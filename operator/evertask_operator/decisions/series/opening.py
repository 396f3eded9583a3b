"""Opening the runs of a series (write 2): those whose turn has come, and those whose pod is made before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import MAX_OPEN_RUNS, Condition, Phase, scheduled_run_id
from evertask.api.times import format_time, parse_time
from evertask_operator.decisions.backoff import launch_of_the_next_attempt
from evertask_operator.decisions.cancellation import end_before_the_next_attempt
from evertask_operator.decisions.launch import new_launch
from evertask_operator.decisions.series.activity import (
    going_on,
    has_runs_left,
    prepared,
    waits_for_a_delayed_run,
)
from evertask_operator.decisions.series.drafts import withdrawn
from evertask_operator.decisions.series.occurrences import following, series_of, watermark
from evertask_operator.decisions.series.turns import (
    CATCH_UP,
    OVERLAP,
    ROOM,
    RUN_NOW,
    Turn,
    read_turns,
    write_turns,
)
from evertask_operator.resources.conditions import is_set

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.series.drafts import Draft
    from evertask_operator.decisions.series.occurrences import Occurrence
    from evertask_operator.decisions.situation import OpenRun, Situation

PREPARED_AT_ONCE = 3
"""Pods made before their time for one series: enough for one whose interval is shorter than the lead."""

REPLACED = "Replaced"
"""``status.runs.<id>.stop`` of a run that makes way for a later one."""


def settle_held_runs(draft: Draft) -> Draft:
    """A held run whose time has come while the run before is not over: the overlap policy decides."""
    overlap = series_of(draft.situation.task).overlap
    for run in draft.situation.runs:
        if run.phase is not Phase.HELD:
            continue
        if run.due_time > draft.situation.now:
            draft = draft.wake(run.due_time)
            continue
        before = _before(draft.situation, run)
        if (
            overlap == "Allow"
            or not before
            or (overlap == "Replace" and not any(one.launched for one in before))
        ):
            continue  # it is let go, or those before it make way
        draft = withdrawn(draft, [run.id])
        turns, delayed = read_turns(draft.status), waits_for_a_delayed_run(draft.situation)
        if overlap == "Replace" or (overlap == "Skip" and not delayed):
            draft = draft.count("skipped", 1)
        else:
            turn = Turn(run.scheduled_time, OVERLAP if overlap == "Queue" else CATCH_UP, run.id)
            draft = draft.change(waiting=write_turns(sorted([*turns, turn])))
    return draft


def _before(situation: Situation, run: OpenRun) -> list[OpenRun]:
    """The open runs that go before a run: those with a pod, or in Backoff, and those that are due earlier."""
    return [
        other
        for other in situation.runs
        if other.id != run.id and (other.claimed or other.in_backoff or _order(other) < _order(run))
    ]


def _order(run: OpenRun) -> tuple[bool, datetime, datetime]:
    return not run.has_failed_before, run.due_time, run.scheduled_time


def let_runs_go_in_order(draft: Draft) -> Draft:
    """Hold the runs that must not be let in yet, and let the others go; under Allow none is held."""
    allow = series_of(draft.situation.task).overlap == "Allow"
    for run in draft.situation.runs:
        if not run.launched:
            continue
        phase = Phase.LAUNCHING if allow or not _before(draft.situation, run) else Phase.HELD
        if phase is not run.phase:
            draft = draft.change(runs={run.id: {"phase": str(phase)}})
    return draft


def make_way(draft: Draft) -> Draft:
    """Under Replace a run that has started is stopped when another's time has come; in Backoff it is over at once."""
    if series_of(draft.situation.task).overlap != "Replace":
        return draft
    turns, runs = read_turns(draft.status), going_on(draft.situation)
    is_held = any(run.phase is Phase.HELD for run in runs)
    if not is_held and not any(turn.reason != CATCH_UP for turn in turns):
        return draft
    for run in runs:
        if run.in_backoff:
            draft = draft.take(end_before_the_next_attempt(draft.situation, replace(run, stop=REPLACED)))
        elif run.claimed and not run.stop:
            draft = draft.change(runs={run.id: {"stop": REPLACED}})
    return draft


def launch_next_attempts(draft: Draft) -> Draft:
    """Launch a run in Backoff again, a lead before its next attempt; one at a time, since each needs a slot."""
    situation = draft.situation
    for run in situation.runs:
        if not run.in_backoff:
            continue
        open_at = run.begins_at - situation.lead
        if open_at > situation.now:
            draft = draft.wake(open_at)
        elif situation.room or draft.opens_run is not None:
            draft = draft.wake(run.begins_at)
        else:
            launch = launch_of_the_next_attempt(draft.situation, run)
            draft = replace(draft.change(**launch), opens_run=run.begins_at)
    return draft


def serve_the_next_turn(draft: Draft) -> Draft:
    """Open the run of the turn that is first in line, when it may run now."""
    turns = read_turns(draft.status)
    if not turns or draft.opens_run is not None or not has_runs_left(draft.situation):
        return draft
    head = turns[0]
    if head.run_id in (draft.status.get("runs") or {}):
        return draft.change(waiting=write_turns(turns[1:])).count("skipped", 1)
    if not _may_run(draft.situation, head):
        return draft
    if draft.situation.room:
        reason = CATCH_UP if head.reason == CATCH_UP else ROOM
        return draft.change(waiting=write_turns([head._replace(reason=reason), *turns[1:]]))
    draft = draft.change(waiting=write_turns(turns[1:]))
    if head.reason == RUN_NOW:
        draft = draft.change(runNow={"answer": "Started"})
    elif head.reason != CATCH_UP and not read_turns(draft.status):
        draft = _nothing_is_missed_any_more(draft)
    launch = new_launch(draft.situation, head.run_id, head.scheduled)
    return replace(draft.change(**launch), opens_run=head.scheduled)


def _may_run(situation: Situation, turn: Turn) -> bool:
    if series_of(situation.task).overlap == "Allow" and turn.reason != CATCH_UP:
        return len(situation.runs) < MAX_OPEN_RUNS
    return not going_on(situation)


def _nothing_is_missed_any_more(draft: Draft) -> Draft:
    if not is_set(draft.status, Condition.MISSED_RUNS, "True"):
        return draft
    message = "the occurrences since then were on time"
    return draft.change(
        conditions=draft.situation.conditions(Condition.MISSED_RUNS, "False", "OnTime", message)
    )


def prepare_the_next(draft: Draft) -> Draft:
    """Make the pod of the next occurrence a lead before its time; else look again when it is time to."""
    situation = draft.situation
    one = following(situation, watermark_of(draft))
    if one is None or not has_runs_left(situation):
        return draft
    if one.due <= situation.now:
        return draft  # its skip is settled later
    open_at = one.due - situation.lead
    if open_at > situation.now:
        return draft.wake(open_at)
    if draft.opens_run is not None or not _should_be_prepared(draft, one):
        return draft.wake(one.due)
    run_id = scheduled_run_id(int(one.scheduled.timestamp()))
    if run_id in (draft.status.get("runs") or {}):
        return draft.wake(one.due)
    free = series_of(situation.task).overlap == "Allow" or not situation.runs
    launch = new_launch(
        situation, run_id, one.scheduled, due=one.due, phase=Phase.LAUNCHING if free else Phase.HELD
    )
    draft = draft.change(lastScheduledTime=format_time(one.scheduled), **launch)
    return replace(_nothing_is_missed_any_more(draft), opens_run=one.due).wake(one.due)


def watermark_of(draft: Draft) -> datetime:
    """The watermark of the status as it is drafted."""
    text = draft.status.get("lastScheduledTime")
    return parse_time(text) if text else watermark(draft.situation)


def _should_be_prepared(draft: Draft, one: Occurrence) -> bool:
    situation = draft.situation
    if situation.room or len(prepared(situation)) >= PREPARED_AT_ONCE:
        return False
    overlap = series_of(situation.task).overlap
    if overlap == "Allow":
        return len(situation.runs) < MAX_OPEN_RUNS
    if read_turns(draft.status):
        return False
    return overlap == "Replace" or all(
        _expected_end(situation, run) <= one.due for run in going_on(situation)
    )


def _usual_duration(situation: Situation) -> timedelta | None:
    for entry in situation.history[:1] if situation.keeps_all_runs else ():
        if entry.get("startTime") and entry.get("endTime"):
            return parse_time(entry["endTime"]) - parse_time(entry["startTime"])
    return None


def _expected_end(situation: Situation, run: OpenRun) -> datetime:
    """When a run should be over, as far as the one before it tells.

    Where runs leave no entry, it is thought to take as long again as it has taken.
    """
    started, usual, now = max(run.begins_at, run.launch_time), _usual_duration(situation), situation.now
    if usual is None:
        so_far = timedelta(0) if situation.keeps_all_runs else max(now - started, timedelta(0))
        return max(now, started) + so_far
    return started + usual
