"""Whether a task still needs its slot: as long as a run is open or a Job exists, but for Jobs kept for their logs.

Those stay in their slots too, so that there are never more Jobs than ``maxRunning``, but only until the room is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask_operator.decisions.expiry import kept_until

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation


def needs_slot(situation: Situation) -> bool:
    """Tell whether the task takes one of the ``maxRunning`` places."""
    task = situation.task
    if task.open_runs:
        return True
    for job in situation.jobs:
        if job.gone:
            continue
        if not task.finished or kept_until(situation, job) is None:
            return True
        pods = situation.pods_of(job)
        if not job.complete and not (pods and all(pod.ended for pod in pods)):
            return True
    return False


def keeps_jobs(situation: Situation) -> bool:
    """Tell whether a task that needs no slot has Jobs that are kept for their logs."""
    return any(not job.gone for job in situation.jobs)
