"""Write 4: be let in to the run, or learn why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import Phase
from evertask.api.times import format_time
from evertask_runner.json_lines import decode_json
from evertask_runner.patches import Holder, claim_patch
from evertask_runner.persistence import NOT_FOUND, OK, UNPROCESSABLE, DeniedError, message_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.json_lines import Json
    from evertask_runner.persistence import Persistence

TRIES = 3
"""Refusals that nothing explains (the obstacle went away between claim and look) before the runner gives up."""

GONE = "the task is gone"


class Claimed(NamedTuple):
    """This pod is in."""

    task: Json
    """The whole object, as it was right after the claim."""


class NotClaimed(NamedTuple):
    """This pod is not in, and the run is not its business."""

    reason: str


def claim(persistence: Persistence, holder: Holder) -> Claimed | NotClaimed:
    """Claim the run.

    Raises:
        DeniedError: the API server refuses this pod's credentials, rights or its claim itself.
    """
    answer = None
    for _ in range(TRIES):
        answer = persistence.patch(claim_patch(holder, format_time(datetime.now(UTC))))
        if answer.status == OK:
            return Claimed(decode_json(answer.body))
        if answer.status == NOT_FOUND:
            return NotClaimed(GONE)
        if answer.status != UNPROCESSABLE:
            break
        found = _look(persistence, holder)
        if found is not None:
            return found
    assert answer is not None
    raise DeniedError(f"the claim is refused: {message_of(answer)}")


def _look(persistence: Persistence, holder: Holder) -> Claimed | NotClaimed | None:
    """Look why a claim was refused; None when nothing speaks against it any more."""
    answer = persistence.read()
    if answer.status == NOT_FOUND:
        return NotClaimed(GONE)
    if answer.status != OK:
        raise DeniedError(f"the task cannot be read: {message_of(answer)}")
    task: Json = decode_json(answer.body)
    if holder.holds(task) and holder.run_in(task).get("phase") == Phase.RUNNING:
        # The claim was made, and its answer was lost.
        return Claimed(task)
    obstacle = find_obstacle(task, holder)
    return NotClaimed(obstacle) if obstacle else None


def find_obstacle(task: Mapping[str, Any], holder: Holder) -> str | None:
    """Say what stands against this pod's claim, None when nothing does."""
    run = holder.run_in(task)
    if task["metadata"]["uid"] != holder.uid:
        return "the task was deleted, and another one has its name"
    if task["spec"].get("cancel"):
        return "the task is cancelled"
    if task["spec"].get("suspend"):
        return "the task is suspended"
    if not run:
        return f"the run {holder.run} was withdrawn"
    if run.get("launch") != holder.launch:
        return f"the run was given to launch {run.get('launch')}"
    if run.get("podName"):
        return f"the pod {run['podName']} holds the run"
    if run.get("phase") != Phase.LAUNCHING:
        return f"the run is {run.get('phase')}"
    return None
