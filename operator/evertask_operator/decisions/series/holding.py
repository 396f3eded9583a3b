"""What keeps a series from being started: it is suspended, or cannot run as it is written. Claimed runs go on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import RUN_ID_PREFIX_RUN_NOW, Condition, State
from evertask.api.times import format_time
from evertask.recurrence import RecurrenceError, count_between
from evertask_operator.decisions.admission import fault_of
from evertask_operator.decisions.due import armed_at
from evertask_operator.decisions.plans import Note
from evertask_operator.decisions.series.drafts import withdrawn
from evertask_operator.decisions.series.occurrences import series_of, watermark
from evertask_operator.decisions.suspension import HELD
from evertask_operator.resources.conditions import is_set

if TYPE_CHECKING:
    from evertask_operator.decisions.series.drafts import Draft
    from evertask_operator.decisions.situation import Situation

COUNTED_AT_MOST = 10_000
"""Occurrences that are counted one by one when a long suspension ends."""


def fault_of_series(situation: Situation) -> tuple[str, str] | None:
    """Reason and message why a series cannot run as it is written; None when it can."""
    try:
        series_of(situation.task)
    except RecurrenceError as error:
        return error.reason, str(error)
    return fault_of(situation)


def take_back_unclaimed_runs(draft: Draft) -> Draft:
    """Withdraw every run that has not started; the watermark goes back to before them.

    The launch of a next attempt is taken back too, and its run waits again.
    """
    for run in draft.situation.runs:
        if run.launched and run.has_failed_before:
            draft = draft.change(runs={run.id: run.taken_back})
    unclaimed = [run for run in draft.situation.runs if not run.is_under_way]
    if not unclaimed:
        return draft
    draft = withdrawn(draft, [run.id for run in unclaimed])
    asked = [run for run in unclaimed if run.id.startswith(RUN_ID_PREFIX_RUN_NOW)]
    if asked:
        draft = draft.change(runNow=None)  # its token is taken up again
    scheduled = [run.scheduled_time for run in unclaimed if run not in asked]
    if scheduled:
        before = min(*scheduled, draft.situation.now + timedelta(microseconds=1)) - timedelta(microseconds=1)
        draft = draft.change(lastScheduledTime=format_time(before))
    return draft


def _held(draft: Draft, message: str) -> Draft:
    """A series that is not started: what is claimed goes on, and says so itself."""
    runs = draft.situation.runs
    state = State.IN_PROGRESS if any(run.is_under_way for run in runs) else State.PENDING
    shown = draft.status.get("message") if any(run.claimed for run in runs) else message
    return draft.change(**draft.situation.observed(state=str(state), message=shown, nextRunTime=None))


def hold_a_faulty_series(draft: Draft, reason: str, message: str) -> Draft:
    """Hold a series that cannot run as it is written."""
    was_said = is_set(draft.status, Condition.ACCEPTED, "False") and draft.status.get("message") == message
    draft = take_back_unclaimed_runs(draft)
    draft = draft.change(conditions=draft.situation.conditions(Condition.ACCEPTED, "False", reason, message))
    return _held(draft if was_said else draft.announce(Note("Warning", reason, message)), message)


def hold_a_suspended_series(draft: Draft) -> Draft:
    """Hold a suspended series: its unclaimed runs are taken back, what waits no longer does."""
    turns = len(draft.status.get("waiting") or ())
    draft = take_back_unclaimed_runs(draft).count("skipped", turns)
    draft = draft.change(
        waiting=None,
        conditions=draft.situation.conditions(Condition.SUSPENDED, "True", "Suspended", HELD),
    )
    return _held(draft, HELD)


def resume(draft: Draft) -> Draft:
    """Note that a series goes on: what was due meanwhile is skipped."""
    if not is_set(draft.status, Condition.SUSPENDED, "True"):
        return draft
    situation = draft.situation
    mark, now = watermark(situation), situation.now
    skipped = count_between(series_of(situation.task), mark, now, armed_at(situation.task), COUNTED_AT_MOST)
    return draft.count("skipped", skipped).change(
        lastScheduledTime=format_time(max(mark, now)),
        conditions=situation.conditions(Condition.SUSPENDED, "False", "Resumed", "resumed"),
    )
