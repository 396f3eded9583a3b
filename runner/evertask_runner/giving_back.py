"""Write 9: give the run back for the time until its next attempt, so that no pod waits for hours.

It is committed as an outcome is: guarded, repeated until there is an answer that means something, and looked after
when a test has failed. Whoever cancels meanwhile wins. Where the API server refuses for another reason, the pod waits.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.protocol import Phase
from evertask_runner import console
from evertask_runner.json_lines import decode_json
from evertask_runner.patches import give_back_patch
from evertask_runner.persistence import (
    NOT_FOUND,
    OK,
    UNPROCESSABLE,
    DeniedError,
    OutOfTimeError,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.persistence import Persistence

TRIES = 3
"""Writes before the pod is kept, where the API server refuses for no visible reason."""


class GivingBack(Enum):
    """What became of it."""

    DONE = "given back"
    GONE = "not given back: the task is gone"
    NOT_MINE = "not given back: the run is no longer this pod's"
    CANCELLED = "not given back: the task was cancelled"
    KEPT = "not given back: the API server refuses it, so this pod waits"
    OUT_OF_TIME = "not given back: the pod had no time left"


class Backoff(NamedTuple):
    """What is written."""

    fields: Json
    """Of the run, ``nextAttemptTime`` among them."""
    message: str
    """One sentence for a person."""


def give_back(persistence: Persistence, holder: Holder, backoff: Backoff) -> GivingBack:
    """Give a run back; repeats until the API server has it, or there is no time left."""
    try:
        return _give_back(persistence, holder, backoff)
    except DeniedError as error:
        console.say(f"the API server refuses to take the run back: {error}")
        return GivingBack.KEPT
    except OutOfTimeError:
        return GivingBack.OUT_OF_TIME


def _give_back(persistence: Persistence, holder: Holder, backoff: Backoff) -> GivingBack:
    for _ in range(TRIES):
        answer = persistence.patch(give_back_patch(holder, backoff.fields, backoff.message))
        if answer.status == OK:
            return GivingBack.DONE
        if answer.status == NOT_FOUND:
            return GivingBack.GONE
        if answer.status != UNPROCESSABLE:
            break
        found = persistence.read()
        if found.status == NOT_FOUND:
            return GivingBack.GONE
        settled = settle(decode_json(found.body), holder, backoff) if found.status == OK else None
        if settled is not None:
            return settled
    console.say(f"the API server refuses to take the run back: {message_of(answer)}")
    return GivingBack.KEPT


def settle(task: Mapping[str, object], holder: Holder, backoff: Backoff) -> GivingBack | None:
    """Look how it stands after a failed test; None when nothing stands against writing.

    Args:
        task: as it was read.
        holder: this pod and its run.
        backoff: what was to be written.
    """
    run = holder.run_in(task)
    if holder.holds(task) and run.get("phase") == Phase.RUNNING:
        spec = task["spec"]
        return GivingBack.CANCELLED if isinstance(spec, dict) and spec.get("cancel") else None
    # The write was made, and its answer lost; the operator may have gone on from there by now.
    written = backoff.fields["failures"]
    is_ours = run.get("failures") == written and (
        run.get("phase") == Phase.BACKOFF or run.get("launch") != holder.launch
    )
    return GivingBack.DONE if is_ours else GivingBack.NOT_MINE
