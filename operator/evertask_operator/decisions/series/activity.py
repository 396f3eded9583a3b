"""Which runs of a series are going on, and which are only being prepared for a time to come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import OPEN_PHASES, Phase
from evertask.api.times import parse_time
from evertask_operator.decisions.series.occurrences import series_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation

Json = dict[str, Any]

DELAYED = timedelta(seconds=2)
"""A run that starts this much after its time was held up: a pod that is not made early takes less on an idle node."""


def is_prepared(run: OpenRun, now: datetime) -> bool:
    """Tell whether a run only has its pod made before its time."""
    return not run.is_under_way and run.due_time > now


def going_on(situation: Situation) -> tuple[OpenRun, ...]:
    """The open runs whose time has come, the earliest first."""
    return tuple(run for run in situation.runs if not is_prepared(run, situation.now))


def prepared(situation: Situation) -> tuple[OpenRun, ...]:
    """The open runs whose time is still to come, the earliest first."""
    return tuple(run for run in situation.runs if is_prepared(run, situation.now))


def has_one_that_starts(situation: Situation) -> bool:
    """Tell whether a run's time has come and its pod is still on its way: replacing it would only put it off."""
    return any(run.launched for run in going_on(situation))


def waits_for_a_delayed_run(situation: Situation) -> bool:
    """Tell whether what is due now must wait rather than be skipped: ``catchUp: All``, and the run before is late.

    A run that an outage has delayed reaches into the time of the next one, which would be lost by the outage too.
    """
    if series_of(situation.task).catch_up_policy != "All":
        return False
    return any(_started_at(run, situation.now) - run.due_time > DELAYED for run in going_on(situation))


def _started_at(run: OpenRun, now: datetime) -> datetime:
    """When a run started; one that has not yet starts now at the earliest."""
    if run.first_start_time is not None:
        return run.first_start_time
    return run.due_time if run.has_failed_before else now


def was_going_on(situation: Situation, when: datetime) -> bool:
    """Tell whether a run was not over at an instant: an open one, or one that has ended since and is not folded yet."""
    if going_on(situation):
        return True
    ended = (run.get("endTime") for run in finished_runs(situation.task.status).values())
    return any(end and parse_time(end) > when for end in ended)


def finished_runs(status: Mapping[str, Any]) -> dict[str, Json]:
    """The runs that have an outcome and are still to be folded, by id, the earliest end first."""
    runs = {
        run_id: run
        for run_id, run in (status.get("runs") or {}).items()
        if Phase(run["phase"]) not in OPEN_PHASES
    }
    return dict(sorted(runs.items(), key=lambda item: item[1].get("endTime", "")))


def allotted_runs(situation: Situation) -> int:
    """How many runs of ``maxRuns`` are made or on their way, so that none is opened too many."""
    counts, status = situation.task.status.get("counts") or {}, situation.task.status
    finished = [run for run in finished_runs(status).values() if run["phase"] != Phase.CANCELLED]
    return int(counts.get("incarnationRuns", 0)) + len(situation.runs) + len(finished)


def has_runs_left(situation: Situation) -> bool:
    """Tell whether ``maxRuns`` admits another run."""
    limit = series_of(situation.task).max_runs
    return limit is None or allotted_runs(situation) < limit
