"""The operator is away for half a minute: each catch-up policy makes of the missed occurrences what it says.

The outage begins after the first occurrence and ends soon after the fourth, long before the fifth is due: so what was
missed is the second, the third and the fourth, whatever the machine's pace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import Condition, State
from tests.support.executions import most_at_once, nominal_times
from tests.support.live_series import LiveSeries, counts_of, sleep_until, start_series
from tests.support.live_tasks import condition_of

if TYPE_CHECKING:
    from tests.support.operators import InstalledOperator
    from tests.support.workspaces import Workspace

INTERVAL_SECONDS = 12
FIRST, FIFTH = 1, 5
LEAD_SECONDS = 3.0
"""Of an operator that has just been started: nothing is prepared earlier."""

EXECUTED = {"None": (1, 5), "Latest": (1, 4, 5), "All": (1, 2, 3, 4, 5)}
"""Numbers of the occurrences that are executed."""


def _start(ledger: Workspace, policy: str) -> LiveSeries:
    recurrence = {
        "every": f"{INTERVAL_SECONDS}s",
        "maxRuns": len(EXECUTED[policy]),
        "catchUp": {"policy": policy},
        "overlap": "Allow",
    }
    return start_series(ledger, recurrence, policy.lower(), seconds=1.5)


def test_missed_occurrences_are_caught_up_with_by_the_policy(ledger: Workspace, operator: InstalledOperator):
    operator.kill_and_replace()  # one that remembers no slow launches, and so makes no pod long before its time
    series = {policy: _start(ledger, policy) for policy in EXECUTED}
    for one in series.values():
        one.until_counted(1)
    [fourth] = max(one.grid(INTERVAL_SECONDS, 4) for one in series.values())
    with operator.away():
        second = fourth - timedelta(seconds=2 * INTERVAL_SECONDS)
        assert datetime.now(UTC) < second - timedelta(seconds=LEAD_SECONDS + 1), "the operator left too late"
        sleep_until(fourth + timedelta(seconds=1))
    for policy, one in series.items():
        status = one.until_state(State.COMPLETED, 90)
        expected = one.grid(INTERVAL_SECONDS, *EXECUTED[policy])
        missed = FIFTH - len(expected)
        assert sorted(one.nominal_times()) == expected
        assert counts_of(status, "runs", "missed", "skipped") == (len(expected), missed, 0)
        assert condition_of(status, Condition.MISSED_RUNS)
    # One after another although they may overlap, the oldest first.
    caught_up = [one for one in series["All"].executions() if one.lateness > timedelta(seconds=2)]
    assert nominal_times(caught_up) == series["All"].grid(INTERVAL_SECONDS, 2, 3, 4)
    assert most_at_once(caught_up) == 1
