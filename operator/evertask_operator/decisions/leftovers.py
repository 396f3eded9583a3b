"""Every Job that belongs to no open run is deleted: withdrawn, cancelled, finished, or left by a crash.

The Job of a run that is over may be kept for its log for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask_operator.decisions.keeping import has_ended, stays_until
from evertask_operator.decisions.plans import DeleteJob

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import JobRecord


def _without_a_run(situation: Situation) -> list[JobRecord]:
    wanted = {(run_id, run["launch"]) for run_id, run in situation.task.open_runs.items()}
    return [
        job
        for job in situation.jobs
        if (job.run_id, job.launch) not in wanted and not job.deleting and not job.gone
    ]


def jobs_without_a_run(situation: Situation) -> tuple[tuple[DeleteJob, ...], datetime | None]:
    """The Jobs to delete, and when to look at those that stay."""
    deletions, stay = [], []
    for job in _without_a_run(situation):
        until = stays_until(situation, job)
        if until is None:
            deletions.append(DeleteJob(job, foreground=not has_ended(situation, job)))
        else:
            stay.append(until)
    return tuple(deletions), min(stay, default=None)
