"""The operator is killed again and again for two minutes: a series loses no occurrence and doubles none."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from tests.support.executions import most_at_once, nominal_times
from tests.support.live_series import counts_of, history_of, start_series

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operators import InstalledOperator
    from tests.support.workspaces import Workspace

RUNS = 12
INTERVAL_SECONDS = 10
APART_SECONDS = (5.0, 9.0)
"""Between two kills, at least and at most, if the operator is up again by then."""
ENOUGH_KILLS = 8
SECONDS = 180.0


def test_a_series_loses_and_doubles_nothing_while_the_operator_is_killed_again_and_again(
    ledger: Workspace, operator: InstalledOperator
):
    recurrence = {
        "every": f"{INTERVAL_SECONDS}s",
        "maxRuns": RUNS,
        "catchUp": {"policy": "All"},
    }
    series = start_series(ledger, recurrence, seconds=0.5)
    kills = _kill_until_over(operator, lambda: len(series.executions()) >= RUNS)
    status = series.until_state(State.COMPLETED)
    executions = series.executions()
    assert kills >= ENOUGH_KILLS
    assert nominal_times(executions) == series.grid(INTERVAL_SECONDS, *range(1, RUNS + 1))
    assert most_at_once(executions) == 1
    assert counts_of(status, "runs", "succeeded", "missed", "skipped") == (RUNS, RUNS, 0, 0)
    assert history_of(status, "run") == [one.run for one in executions[-len(status["history"]) :]]


def _kill_until_over(operator: InstalledOperator, is_over: Callable[[], bool]) -> int:
    """Kill it at moments that fall anywhere between two occurrences; gives how often."""
    moments = random.Random(10)
    deadline = time.monotonic() + SECONDS
    kills = 0
    while not is_over():
        assert time.monotonic() < deadline, f"not over after {SECONDS:.0f} s and {kills} kills"
        next_kill = time.monotonic() + moments.uniform(*APART_SECONDS)
        operator.kill_and_replace()
        kills += 1
        time.sleep(max(0.0, next_kill - time.monotonic()))
    return kills
