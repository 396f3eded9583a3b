"""When a one-shot task is due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskRecord

CREATION_PRECISION = timedelta(seconds=1)
"""The API server cuts the time of creation to the second: a delay counts from the second after, never early."""


def armed_at(task: TaskRecord) -> datetime:
    """When the present incarnation was taken up: its creation, or the moment in which it was armed anew."""
    armed = task.status.get("armedTime")
    return parse_time(armed) if armed and task.spec.get("incarnation", 0) else task.created


def due_time(task: TaskRecord) -> datetime:
    """The nominal time of the run: ``runAt``, or ``delay`` after arming, or the arming itself."""
    if "runAt" in task.spec:
        return parse_time(task.spec["runAt"])
    if "delay" in task.spec:
        delay = parse_duration(task.spec["delay"])
        return armed_at(task) + delay + (CREATION_PRECISION if delay else timedelta(0))
    return armed_at(task)
