"""How a series ends: by ``maxRuns``, by ``until``, because nothing follows, or cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, Phase, State
from evertask.api.times import format_time
from evertask_operator.decisions.announcing import announce_end
from evertask_operator.decisions.series.activity import finished_runs, has_runs_left
from evertask_operator.decisions.series.occurrences import following, series_of
from evertask_operator.decisions.series.opening import watermark_of
from evertask_operator.decisions.series.turns import read_turns, write_turns

if TYPE_CHECKING:
    from evertask_operator.decisions.series.drafts import Draft


def drop_turns_after_the_end(draft: Draft) -> Draft:
    """Nothing starts at ``until`` or after it, and nothing once ``maxRuns`` is reached."""
    until, turns = series_of(draft.situation.task).until, read_turns(draft.status)
    if until is not None and turns and until <= draft.situation.now:
        return draft.change(waiting=write_turns([])).count("skipped", len(turns))
    return draft


def end_a_series_that_is_over(draft: Draft) -> Draft:
    """Complete a series when nothing runs, nothing waits and nothing follows."""
    situation = draft.situation
    if situation.runs or finished_runs(draft.status):
        return draft
    runs_left, series = has_runs_left(situation), series_of(situation.task)
    if runs_left and (read_turns(draft.status) or following(situation, watermark_of(draft))):
        return draft
    if not runs_left:
        reason, why = "MaxRunsReached", f"recurrence.maxRuns ({series.max_runs}) is reached"
    elif series.until is not None:
        reason, why = "UntilReached", f"recurrence.until ({format_time(series.until)}) is reached"
    else:
        reason, why = "NothingFollows", "the schedule has no further occurrence"
    return _ended(draft, State.COMPLETED, f"the series has ended: {why}", reason, why)


def end_a_cancelled_series(draft: Draft) -> Draft:
    """Close a cancelled series when none of its runs is open any more."""
    if draft.situation.runs or finished_runs(draft.status):
        return draft
    message = "cancelled: the series has ended"
    draft = draft.announce(*announce_end(draft.situation.task.spec, Phase.CANCELLED, message))
    return _ended(draft, State.CANCELLED, message, "Cancelled", "spec.cancel asked for it")


def _ended(draft: Draft, state: State, message: str, reason: str, why: str) -> Draft:
    situation = draft.situation
    return draft.change(
        state=str(state),
        message=message,
        finishTime=format_time(situation.now),
        nextRunTime=None,
        waiting=None,
        conditions=situation.conditions(Condition.SERIES_ENDED, "True", reason, why),
    )
