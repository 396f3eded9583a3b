"""Of the tasks of a namespace that have one key, one holds it; the others are not accepted while it exists.

The holder is the one that bears the key's own name, under which the SDK registers it; where there is none, the oldest.
A task that runs holds its key until its run is over, so that two with one key never run side by side on purpose.
All of that stands in the objects: an operator that is started anew finds the same holder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.keys import key_name

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import TaskRecord

DUPLICATE_KEY = "DuplicateKey"

Rank = tuple[bool, bool, "datetime", str]


def rank_of(task: TaskRecord) -> Rank:
    """Give the place of a task among those that have its key: the lowest holds it."""
    named = key_name(task.key.namespace, task.spec["taskKey"]) == task.key.name
    return not task.runs_now, not named, task.created, task.uid


def find_duplicate(situation: Situation) -> tuple[str, str] | None:
    """Reason and message why a task must wait for another one that has its key; None when it need not."""
    holder, task = situation.key_holder, situation.task
    if holder is None:
        return None
    key = task.spec["taskKey"]
    if holder.runs_now and rank_of(task)[1:] < rank_of(holder)[1:]:
        return DUPLICATE_KEY, (
            f"spec.taskKey {key!r}: EverTask {holder.key.name} has the same key and runs; this one is accepted when "
            "that run is over"
        )
    return DUPLICATE_KEY, (
        f"spec.taskKey {key!r} is held by EverTask {holder.key.name}; this one is accepted when that one is deleted. "
        "For another key make another task: a key cannot be changed"
    )
