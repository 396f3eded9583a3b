"""What to do about a series: a task that runs again and again.

One pass goes through the steps in order. Each adds to a draft of the status, which is written once: what has become
due is taken up, finished runs are folded, runs whose pods ended are settled, the next turn is served, the pod of the
next occurrence is made before its time. When the status needs no write, the runs themselves are looked after: their
Jobs are made, and those that do not start are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.audit import level_of
from evertask.api.outcomes import fold_outcome
from evertask.api.protocol import Phase
from evertask_operator.decisions import cancellation, death, launch, starting
from evertask_operator.decisions.announcing import announce_end
from evertask_operator.decisions.plans import Plan
from evertask_operator.decisions.series import ending, holding, opening, taking_up
from evertask_operator.decisions.series.activity import finished_runs
from evertask_operator.decisions.series.drafts import Draft
from evertask_operator.decisions.series.summary import summarise

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation

Json = dict[str, Any]


def decide_about_series(situation: Situation) -> Plan:
    """Say what to do about a series that is not finished."""
    draft = Draft(situation)
    if situation.task.spec.get("cancel"):
        draft = _cancel(draft)
    elif fault := holding.fault_of_series(situation):
        draft = _settle_ended_pods(_fold(draft))
        draft = holding.hold_a_faulty_series(draft, *fault)
    elif situation.task.spec.get("suspend"):
        draft = _settle_ended_pods(_fold(draft))
        draft = holding.hold_a_suspended_series(draft)
    else:
        draft = _go_on(draft)
    return _plan(situation, draft)


def _go_on(draft: Draft) -> Draft:
    draft = taking_up.take_up_what_is_due(holding.resume(draft))
    draft = taking_up.take_up_run_now(draft)
    draft = _settle_ended_pods(_fold(draft))
    draft = ending.drop_turns_after_the_end(draft)
    draft = opening.settle_held_runs(draft)
    draft = opening.make_way(draft)
    draft = opening.launch_next_attempts(draft)
    draft = opening.serve_the_next_turn(draft)
    draft = opening.let_runs_go_in_order(draft)
    draft = opening.prepare_the_next(draft)
    draft = ending.end_a_series_that_is_over(draft)
    return _look_after_launches(summarise(draft))


def _fold(draft: Draft) -> Draft:
    """Write 7: what runners have reported goes into history and counts."""
    spec = draft.situation.task.spec
    for run_id, run in finished_runs(draft.status).items():
        fold = fold_outcome(
            draft.status, draft.situation.history, run_id, draft.situation.now, level=level_of(spec)
        )
        draft = draft.change(**fold)
        if run["phase"] == Phase.FAILED or not spec.get("cancel"):
            draft = draft.announce(*announce_end(spec, Phase(run["phase"]), run.get("message")))
    return draft


def _settle_ended_pods(draft: Draft) -> Draft:
    for run in draft.situation.runs:
        about = draft.situation.about(run)
        draft = draft.take(death.settle_a_run_whose_pod_ended(about))
        if run.stop and run.claimed and run.id in draft.situation.task.open_runs:
            draft = draft.take(cancellation.stop_a_claimed_run(about, run))
    return draft


def _cancel(draft: Draft) -> Draft:
    draft = _fold(draft)
    for run in draft.situation.runs:
        if run.has_failed_before and not run.claimed:
            draft = draft.take(cancellation.end_before_the_next_attempt(draft.situation, run))
    draft = holding.take_back_unclaimed_runs(draft).change(waiting=None)
    for run in draft.situation.runs:
        draft = draft.take(cancellation.stop_a_claimed_run(draft.situation.about(run), run))
    draft = ending.end_a_cancelled_series(draft)
    return draft.change(**draft.situation.observed())


def _look_after_launches(draft: Draft) -> Draft:
    for run in draft.situation.runs:
        if not run.launched:
            continue
        about = draft.situation.about(run)
        draft = draft.take(launch.launch_an_open_run(about) or starting.watch_a_launch(about))
    return draft


def _plan(situation: Situation, draft: Draft) -> Plan:
    """A status that changed is written first; everything else follows when the task is looked at again."""
    wake = min((when for when in draft.wakes if when > situation.now), default=None)
    if draft.verify:
        return Plan(verify=True)
    if draft.status != situation.task.status:
        return Plan(status=draft.patch, notes=draft.notes, opens_run=draft.opens_run, wake=wake)
    return Plan(job=draft.job, deletions=draft.deletions, diagnose=draft.diagnose, wake=wake)
