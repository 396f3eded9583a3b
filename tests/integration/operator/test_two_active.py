"""Two operators that both act, without a Lease: what a moment of two leaders would be. Nothing happens twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from tests.support.simulated_pods import succeed

if TYPE_CHECKING:
    from tests.support.live_tasks import LiveTask
    from tests.support.simulated_pods import SimulatedPod

IMMEDIATE, DELAYED, SERIES, CANCELLED, EDITED = 40, 30, 6, 20, 20
SERIES_RUNS = 4
LOAD_SECONDS = 180.0
CONFLICTS = "evertask_write_conflicts_total"


class Load:
    """Tasks of each kind, made in turn so that the kinds are under way together."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage
        self.immediate = [self._task("now", n) for n in range(IMMEDIATE)]
        self.delayed = [self._task("later", n, delay=f"{1 + n % 4}s") for n in range(DELAYED)]
        self.edited = [self._task("edited", n, delay="3600s") for n in range(EDITED)]
        self.cancelled = [self._task("cancelled", n, delay=f"{n % 5}s") for n in range(CANCELLED)]
        every = {"every": "2s", "maxRuns": SERIES_RUNS, "catchUp": {"policy": "All"}, "overlap": "Queue"}
        self.series = [self._task("series", n, recurrence=every) for n in range(SERIES)]

    def _task(self, kind: str, number: int, **spec: Any) -> LiveTask:
        made: LiveTask = self._stage.task(f"{kind}-{number}", **spec)
        return made

    def steer(self) -> None:
        """Cancel and edit, while operators work."""
        for task in self.cancelled:
            task.cancel()
        for number, task in enumerate(self.edited):
            task.change(delay=f"{1 + number % 3}s", payload={"edited": True})


@pytest.fixture
def load(stage):
    """Two operators and a load; all tasks have ended."""
    operators = [stage.operator(workers=16), stage.operator(workers=16)]
    played: Counter[tuple[str, str]] = Counter()

    def count_and_succeed(pod: SimulatedPod) -> None:
        played[pod.task, pod.holder.run] += 1
        succeed(pod)

    stage.pods(count_and_succeed)
    load = Load(stage)
    load.steer()
    for task in (*load.immediate, *load.delayed, *load.edited, *load.cancelled, *load.series):
        task.until_finished(LOAD_SECONDS)
    return load, operators, played


def test_two_that_act_at_once_open_no_run_twice_and_make_no_job_twice(load, stage):
    load, operators, played = load
    assert set(played.values()) == {1}, "each run has one pod"
    for task in (*load.immediate, *load.delayed, *load.edited):
        status = task.status
        assert (status["state"], status["launches"], status["counts"]["runs"]) == (State.COMPLETED, 1, 1)
    for task in load.series:
        status = task.until(lambda s: s["state"] == State.COMPLETED)
        assert (status["launches"], status["counts"]["runs"]) == (SERIES_RUNS, SERIES_RUNS)
        assert status["counts"]["succeeded"] == SERIES_RUNS
    for task in load.cancelled:
        status = task.status
        counts = status.get("counts", {}).get("runs", 0)
        assert (status["state"], counts) in {(State.CANCELLED, 0), (State.COMPLETED, 1)}
        assert status.get("launches", 0) <= 1
    # That they were in each other's way is what makes it a test.
    assert sum(operator.metric(CONFLICTS) for operator in operators) > 0
    assert all('kind="bug"' not in operator.metrics() for operator in operators)
