"""When a one-shot task is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration
from evertask.api.times import end_of_delay, parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskRecord


def armed_at(task: TaskRecord) -> datetime:
    """When the present incarnation was taken up: its creation, or the moment in which it was armed anew."""
    armed = task.status.get("armedTime")
    return parse_time(armed) if armed and task.spec.get("incarnation", 0) else task.created


def due_time(task: TaskRecord) -> datetime:
    """The nominal time of the run: ``runAt``, or ``delay`` after arming, or the arming itself."""
    if "runAt" in task.spec:
        return parse_time(task.spec["runAt"])
    if "delay" in task.spec:
        return end_of_delay(armed_at(task), parse_duration(task.spec["delay"]))
    return armed_at(task)
