"""Every Job that belongs to no open run is deleted: withdrawn, cancelled, finished, or left by a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask_operator.decisions.plans import DeleteJob

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import JobRecord


def _pods_ended(situation: Situation, job: JobRecord) -> bool:
    pods = situation.pods_of(job)
    return (bool(pods) or job.complete) and all(pod.ended for pod in pods)


def jobs_without_a_run(situation: Situation) -> tuple[DeleteJob, ...]:
    """The Jobs to delete. Those of a finished task are ``expiry``'s: they may be kept for their logs."""
    if situation.task.finished:
        return ()
    wanted = {(run_id, run["launch"]) for run_id, run in situation.task.open_runs.items()}
    return tuple(
        DeleteJob(job, foreground=not _pods_ended(situation, job))
        for job in situation.jobs
        if (job.run_id, job.launch) not in wanted and not job.deleting and not job.gone
    )
