"""What write 6 sets: the outcome, what the run leaves besides it, a one-shot's last transitions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.audit import level_of, transition, with_transitions
from evertask.api.outcomes import apply_outcome, is_one_shot
from evertask.api.protocol import Phase, State
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.verdicts import Verdict


def outcome_change(task: Mapping[str, Any], holder: Holder, verdict: Verdict, left: Json) -> Json:
    """Say what to set.

    Args:
        task: as it was right after the claim.
        holder: this pod and its run.
        verdict: how the run ended.
        left: further fields of the run (``RunRecord.fields``).

    Returns:
        A merge patch for ``status``.
    """
    one_shot = is_one_shot(task["spec"])
    change = apply_outcome(task["status"], holder.run, verdict.outcome, one_shot=one_shot)
    run: Json = change["runs"][holder.run]
    run |= left
    if verdict.only_if_cancelled and verdict.outcome.start_time is None:
        # The claim has said when the handler would start; it never did.
        run["startTime"] = None
    if one_shot and (transitions := _transitions(task, holder, verdict, change)) is not None:
        change["transitions"] = transitions
    return change


def _transitions(
    task: Mapping[str, Any], holder: Holder, verdict: Verdict, change: Mapping[str, Any]
) -> list[Json] | None:
    outcome, run = verdict.outcome, holder.run
    message = change["message"] if outcome.phase is not Phase.SUCCEEDED else None
    new = [
        transition(State.IN_PROGRESS, _start(holder.run_in(task), verdict), run=run),
        transition(State(change["state"]), outcome.end_time, run=run, message=message),
    ]
    return with_transitions(task["status"].get("transitions") or (), new, level_of(task["spec"]))


def _start(entry: Mapping[str, Any], verdict: Verdict) -> str:
    """Say since when the task was in progress: since the handler's start, or the claim where it did not start."""
    end = verdict.outcome.end_time
    if verdict.outcome.start_time is not None:
        return verdict.outcome.start_time
    claimed: str = entry.get("startTime") or end
    # A run that was claimed before its time may have ended before it too.
    return min(claimed, end, key=parse_time)
