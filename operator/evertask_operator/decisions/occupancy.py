"""Whether a task still needs its slot: as long as a run is open or a Job exists, but for Jobs kept for their logs.

Those stay in their slots too, so that there are never more Jobs than ``maxRunning``, but only until the room is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import Phase
from evertask_operator.decisions.keeping import has_ended, kept_until

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import JobRecord


def slots_needed(situation: Situation) -> int:
    """How many of the ``maxRunning`` places the task takes: one for each open run, and for each Job besides.

    A run that waits for its next attempt takes none, once the Job of the attempt before is gone.
    """
    launched = {run_id for run_id, run in situation.task.open_runs.items() if run["phase"] != Phase.BACKOFF}
    return len(launched) + sum(
        job.run_id not in launched and _takes_a_slot(situation, job) for job in situation.jobs
    )


def _takes_a_slot(situation: Situation, job: JobRecord) -> bool:
    if job.gone:
        return False
    return kept_until(situation, job) is None or not has_ended(situation, job)


def kept_jobs(situation: Situation) -> int:
    """How many Jobs of the task are only kept for their logs."""
    return sum(not job.gone for job in situation.jobs) if not slots_needed(situation) else 0
