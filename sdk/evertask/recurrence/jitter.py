"""By how much one start is delayed: different for each task and occurrence, always the same for one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

_MICROSECOND = timedelta(microseconds=1)


def jitter_of(task_uid: str, nominal: datetime, jitter: timedelta) -> timedelta:
    """Give the delay of an occurrence, from zero up to (not including) ``jitter``.

    Args:
        task_uid: ``metadata.uid`` of the task.
        nominal: aware.
        jitter: ``spec.recurrence.jitter``.
    """
    if jitter <= timedelta(0):
        return timedelta(0)
    digest = hashlib.sha256(f"{task_uid} {format_time(nominal)}".encode()).digest()
    return _MICROSECOND * (int.from_bytes(digest[:8], "big") % (jitter // _MICROSECOND))
