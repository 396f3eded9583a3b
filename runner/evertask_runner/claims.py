"""Write 4: be let in to the run, or learn why not, or that it is too early to say."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import Phase
from evertask_runner import console
from evertask_runner.clocks import least_skew, rfc3339, skew_warning
from evertask_runner.json_lines import decode_json
from evertask_runner.patches import Holder, claim_patch
from evertask_runner.persistence import NOT_FOUND, OK, UNPROCESSABLE, DeniedError, message_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.http_messages import Answer
    from evertask_runner.json_lines import Json
    from evertask_runner.persistence import Persistence
    from evertask_runner.waiting import Appointment

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


class Held(NamedTuple):
    """This pod is not in yet: the operator has not let the run go, because the run before is not over."""


def claim(
    persistence: Persistence,
    holder: Holder,
    appointment: Appointment,
    ready_time: float | None = None,
    *,
    attempt: int = 1,
) -> Claimed | NotClaimed:
    """Claim the run; while it is held, wait.

    Args:
        persistence: of the task's status.
        holder: this pod and its run.
        appointment: when the run is due.
        ready_time: Unix time since which this pod has been ready; now when absent.
        attempt: number of the attempt that this pod begins with.

    Raises:
        DeniedError: the API server refuses this pod's credentials, rights or its claim itself.
    """
    answer, tries = None, 0
    while tries < TRIES:
        sent, start = time(), appointment.start_time
        ready = rfc3339(ready_time or sent)
        answer = persistence.patch(claim_patch(holder, rfc3339(start), ready, attempt=attempt))
        if answer.status == OK:
            _compare_clocks(answer, sent)
            return Claimed(decode_json(answer.body))
        if answer.status == NOT_FOUND:
            return NotClaimed(GONE)
        if answer.status != UNPROCESSABLE:
            break
        found = _look(persistence, holder)
        if isinstance(found, Held):
            found = _wait_while_held(persistence, holder, appointment)
        else:
            tries += 1
        if found is not None:
            return found
    assert answer is not None
    raise DeniedError(f"the claim is refused: {message_of(answer)}")


def _compare_clocks(answer: Answer, sent: float) -> None:
    # A patch that was repeated took long since `sent`: then less is known, and nothing wrong is said.
    skew = least_skew(answer.headers.get("date", ""), sent, time())
    if warning := skew_warning(skew):
        console.say(warning)


def _wait_while_held(
    persistence: Persistence, holder: Holder, appointment: Appointment
) -> Claimed | NotClaimed | None:
    """Look until the run is not held any more; None when nothing speaks against a claim then."""
    console.say("waits: the run before is not over")
    while True:
        appointment.pause_while_held()
        found = _look(persistence, holder)
        if not isinstance(found, Held):
            return found


def _look(persistence: Persistence, holder: Holder) -> Claimed | NotClaimed | Held | None:
    """Look why a claim was refused; None when nothing speaks against it any more."""
    answer = persistence.read()
    if answer.status == NOT_FOUND:
        return NotClaimed(GONE)
    if answer.status != OK:
        raise DeniedError(f"the task cannot be read: {message_of(answer)}")
    task: Json = decode_json(answer.body)
    run = holder.run_in(task)
    if holder.holds(task) and run.get("phase") == Phase.RUNNING:
        # The claim was made, and its answer was lost.
        return Claimed(task)
    obstacle = find_obstacle(task, holder)
    if obstacle is None and run.get("phase") == Phase.HELD:
        return Held()
    return NotClaimed(obstacle) if obstacle else None


def find_obstacle(task: Mapping[str, Any], holder: Holder) -> str | None:
    """Say what stands against this pod's claim, None when nothing does (but that it may be held)."""
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
    if run.get("phase") not in (Phase.HELD, Phase.LAUNCHING):
        return f"the run is {run.get('phase')}"
    return None
