"""What has become due is taken up: the watermark moves over it; each occurrence gets a turn, is skipped, or missed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import MAX_WAITING, Condition, run_now_run_id
from evertask.api.times import format_time
from evertask_operator.decisions.plans import Note
from evertask_operator.decisions.series.activity import (
    finished_runs,
    going_on,
    has_one_that_starts,
    has_runs_left,
    prepared,
    waits_for_a_delayed_run,
    was_going_on,
)
from evertask_operator.decisions.series.catching_up import catch_up, is_missed, told
from evertask_operator.decisions.series.drafts import withdrawn
from evertask_operator.decisions.series.occurrences import (
    AT_ONCE,
    due_occurrences,
    is_new_schedule,
    schedule_digest,
    series_of,
    watermark,
)
from evertask_operator.decisions.series.turns import CATCH_UP, OVERLAP, RUN_NOW, Turn, read_turns, write_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evertask_operator.decisions.series.drafts import Draft
    from evertask_operator.decisions.series.occurrences import Occurrence
    from evertask_operator.decisions.situation import Situation

SKIPS_ARE_SETTLED_AFTER = timedelta(seconds=30)
"""Occurrences that are skipped while a run goes on are counted together: one write for all of them."""


def take_up_what_is_due(draft: Draft) -> Draft:
    """Deal with every occurrence between the watermark and now."""
    draft = _note_the_schedule(draft)
    situation = draft.situation
    if not has_runs_left(situation):
        return draft
    due = due_occurrences(situation, watermark(situation))
    if not due:
        return draft
    missed = [one for one in due if _was_missed(situation, one)]
    current = sorted(set(due) - set(missed))
    if not missed and _can_be_settled_later(situation, current):
        return draft.wake(current[0].due + SKIPS_ARE_SETTLED_AFTER)
    draft = draft.change(lastScheduledTime=format_time(due[-1].scheduled))
    if missed:
        draft = _catch_up(draft, missed, is_newest=not current and len(due) < AT_ONCE)
    for one in current:
        draft = _give_a_turn(draft, one)
    return draft


def _note_the_schedule(draft: Draft) -> Draft:
    """A schedule that was edited begins anew now; what was prepared by the old one is taken back."""
    digest = schedule_digest(draft.situation.task)
    if draft.status.get("scheduleDigest") == digest:
        return draft
    if is_new_schedule(draft.situation):
        now = format_time(draft.situation.now)
        draft = withdrawn(draft, [run.id for run in prepared(draft.situation)]).change(
            lastScheduledTime=now, waiting=None
        )
    return draft.change(scheduleDigest=digest)


def _was_missed(situation: Situation, one: Occurrence) -> bool:
    """Missed by an outage; what came due while a run went on is the overlap policy's, unless All wants every one."""
    if not is_missed(situation, one):
        return False
    if one.due < situation.awake_since and series_of(situation.task).catch_up_policy == "All":
        return True
    return not was_going_on(situation, one.due)


def _can_be_settled_later(situation: Situation, current: Sequence[Occurrence]) -> bool:
    series = series_of(situation.task)
    if series.overlap != "Skip" or series.catch_up_policy == "All" or finished_runs(situation.task.status):
        return False
    return bool(going_on(situation)) and situation.now < current[0].due + SKIPS_ARE_SETTLED_AFTER


def _catch_up(draft: Draft, missed: Sequence[Occurrence], *, is_newest: bool) -> Draft:
    situation = draft.situation
    caught = catch_up(situation, missed, is_newest=is_newest)
    turns = read_turns(draft.status)
    waits = [turn for turn in turns if turn.reason == CATCH_UP]
    waits += [Turn.of(one, CATCH_UP) for one in caught.run]
    surplus = max(0, len(waits) - series_of(situation.task).catch_up_limit)
    message = told(situation, missed, caught)
    others = [turn for turn in turns if turn.reason != CATCH_UP]
    draft = draft.change(
        waiting=write_turns([*waits[surplus:], *others][:MAX_WAITING]),
        conditions=situation.conditions(Condition.MISSED_RUNS, "True", "Missed", message),
    )
    draft = draft.count("missed", caught.dropped + surplus)
    return draft.announce(Note("Warning", "MissedRuns", message))


def _give_a_turn(draft: Draft, one: Occurrence) -> Draft:
    """Treat an occurrence by the overlap policy."""
    turns, overlap = read_turns(draft.status), series_of(draft.situation.task).overlap
    is_overlap = bool(turns) or was_going_on(draft.situation, one.due)
    reason = OVERLAP
    if is_overlap and overlap == "Skip":
        if not any(turn.reason == CATCH_UP for turn in turns) and not waits_for_a_delayed_run(
            draft.situation
        ):
            return draft.count("skipped", 1)
        reason = CATCH_UP
    if overlap == "Replace":
        if has_one_that_starts(draft.situation):
            return draft.count("skipped", 1)
        draft, turns = _replace(draft, turns)
    if len(turns) >= MAX_WAITING:
        return draft.count("skipped", 1)
    return draft.change(waiting=write_turns([*turns, Turn.of(one, reason)]))


def _replace(draft: Draft, turns: list[Turn]) -> tuple[Draft, list[Turn]]:
    """Only the newest waits under Replace; those that are caught up with go before it."""
    kept = [turn for turn in turns if turn.reason == CATCH_UP]
    return draft.count("skipped", len(turns) - len(kept)), kept


def take_up_run_now(draft: Draft) -> Draft:
    """Deal with a new token in ``spec.runNow``."""
    situation = draft.situation
    token = situation.task.spec.get("runNow")
    if not token or token == (draft.status.get("runNow") or {}).get("token"):
        return draft
    run_id, turns = run_now_run_id(token), read_turns(draft.status)
    is_overlap = bool(turns or going_on(situation))
    answer = {"token": token, "time": format_time(situation.now), "run": run_id, "answer": "Waiting"}
    overlap = series_of(situation.task).overlap
    is_skipped = is_overlap and (
        overlap == "Skip" or (overlap == "Replace" and has_one_that_starts(situation))
    )
    if (
        is_skipped
        or len(turns) >= MAX_WAITING
        or not has_runs_left(situation)
        or run_id in (draft.status.get("runs") or {})
    ):
        return draft.change(runNow={**answer, "run": None, "answer": "Skipped"})
    if overlap == "Replace":
        draft, turns = _replace(draft, turns)
    turn = Turn(situation.now, RUN_NOW, run_id)
    return draft.change(waiting=write_turns([*turns, turn]), runNow=answer)
