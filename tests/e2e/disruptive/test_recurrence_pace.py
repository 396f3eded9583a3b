"""A series of two seconds for a minute, with the machine to itself: beside other tests its pods would be too late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from tests.support.executions import most_at_once, nominal_times
from tests.support.job_counts import counting_jobs
from tests.support.live_series import counts_of, phases_of, start_series

if TYPE_CHECKING:
    from hack.kubectl import Kubectl
    from tests.support.workspaces import Workspace

RUNS = 30
SECONDS = 90.0


def test_a_run_every_two_seconds_for_a_minute(ledger: Workspace, kubectl: Kubectl):
    with counting_jobs(kubectl, ledger.name) as jobs:
        series = start_series(ledger, {"every": "2s", "maxRuns": RUNS}, seconds=1)
        # While one handler runs the next one's pod is made already, and not let in.
        series.until(lambda s: {"Held", "Running"} <= set(phases_of(s)))
        status = series.until_state(State.COMPLETED, SECONDS)
    executions = series.executions()
    assert nominal_times(executions) == series.grid(2, *range(1, RUNS + 1))
    assert most_at_once(executions) == 1
    assert counts_of(status, "runs", "succeeded", "skipped", "missed") == (RUNS, RUNS, 0, 0)
    assert (jobs.seen, status["launches"]) == (RUNS, RUNS)
    late = sorted(execution.lateness for execution in executions)
    assert late[0] >= timedelta(0)
    assert late[RUNS // 2] < timedelta(seconds=0.3)
