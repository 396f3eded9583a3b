"""How long after its start an operator decides, with a thousand tasks in the cluster.

The figure is printed; the bound is generous, because a machine may do other things meanwhile.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.replicas import Stopwatch
from tests.support.waiting import eventually

TASKS = 1000
GENEROUS_SECONDS = 30.0
PENDING = 'evertask_tasks{state="Pending"}'


@pytest.fixture
def crowd(stage):
    """A thousand tasks that wait."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: stage.task(f"task-{number}", delay="12h"), range(TASKS)))
    return stage


def test_killed_and_started_again_it_decides_within_seconds(crowd):
    operator = crowd.operator()
    eventually(lambda: operator.metric(PENDING), lambda known: known >= TASKS, 120)
    operator.kill()
    crowd.task("due")
    watch = Stopwatch()
    operator.start(until_ready=False)
    eventually(crowd.jobs, bool, GENEROUS_SECONDS, pause=0.02)
    seconds = watch.seconds
    print(f"restart with {TASKS} tasks: first Job after {seconds:.2f} s")
    assert seconds < GENEROUS_SECONDS
