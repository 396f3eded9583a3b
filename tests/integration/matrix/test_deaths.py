"""The matrix of deaths: operator and runner killed before and after every write of every flow; the end is right.

``FLOWS`` says which writes a flow has, and a test sees that this is so; the deaths are made from it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from evertask.api.protocol import State, Write
from tests.support.killing_proxies import Side
from tests.support.live_tasks import run_of
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.live_tasks import LiveTask

RETRY = {"limit": 3, "delay": "100ms"}


def let_it_go(_stage: Any, _task: LiveTask) -> None:
    """Do nothing more."""


def cancel_it_when_it_runs(stage: Any, task: LiveTask) -> None:
    eventually(stage.calls, bool, 40)
    task.cancel()


def cancel_it_when_it_waits(_stage: Any, task: LiveTask) -> None:
    task.until(lambda status: status.get("nextRunTime"))
    task.cancel()


def evict_its_first_pod(stage: Any, _task: LiveTask) -> None:
    eventually(stage.calls, bool, 40)
    for pod in stage.node.alive():  # one that was killed meanwhile has ended by itself
        stage.node.evict(pod)


def start_it_anew(stage: Any, task: LiveTask) -> None:
    task.until_finished()
    task.change(incarnation=1, payload={"fails": 0})


class Flow(NamedTuple):
    """A life of a task."""

    spec: dict[str, Any]
    play: Callable[[Any, LiveTask], None]
    state: State
    operator: dict[Write, int]
    """How many writes of a number it takes the operator."""
    runner: dict[Write, int]
    calls: int = 1
    """How often its handler is called when nobody dies."""
    runs: int = 1


OPEN, JOB, FOLD, DELETE = Write.OPEN_RUN, Write.CREATE_JOB, Write.FOLD, Write.DELETE
CLAIM, PROGRESS, OUTCOME, GIVE_BACK = Write.CLAIM, Write.PROGRESS, Write.OUTCOME, Write.GIVE_BACK

FLOWS = {
    "immediate": Flow({}, let_it_go, State.COMPLETED, {OPEN: 1, JOB: 1, DELETE: 1}, {CLAIM: 1, OUTCOME: 1}),
    "delayed": Flow(
        {"delay": "1s"},
        let_it_go,
        State.COMPLETED,
        {FOLD: 1, OPEN: 1, JOB: 1, DELETE: 1},
        {CLAIM: 1, OUTCOME: 1},
    ),
    "recurring": Flow(
        {"recurrence": {"every": "2s", "maxRuns": 2, "catchUp": {"policy": "All"}, "overlap": "Queue"}},
        let_it_go,
        State.COMPLETED,
        {FOLD: 3, OPEN: 2, JOB: 2, DELETE: 2},
        {CLAIM: 2, OUTCOME: 2},
        calls=2,
        runs=2,
    ),
    "retried": Flow(
        {"payload": {"fails": 1}},
        let_it_go,
        State.COMPLETED,
        {OPEN: 1, JOB: 1, DELETE: 1},
        {CLAIM: 1, PROGRESS: 1, OUTCOME: 1},
        calls=2,
    ),
    "given-back": Flow(
        {"payload": {"fails": 1}, "retry": {"limit": 3, "delay": "2s"}},
        let_it_go,
        State.COMPLETED,
        {OPEN: 2, JOB: 2, DELETE: 2},
        {CLAIM: 2, PROGRESS: 1, GIVE_BACK: 1, OUTCOME: 1},
        calls=2,
    ),
    "cancelled-running": Flow(
        {"payload": {"waits": [1, 2, 3]}},
        cancel_it_when_it_runs,
        State.CANCELLED,
        {OPEN: 1, JOB: 1, DELETE: 1},
        {CLAIM: 1, OUTCOME: 1},
    ),
    "cancelled-waiting": Flow(
        {"delay": "1h"}, cancel_it_when_it_waits, State.CANCELLED, {FOLD: 2}, {}, calls=0, runs=0
    ),
    "interrupted": Flow(
        {"payload": {"waits": [1]}},
        evict_its_first_pod,
        State.COMPLETED,
        {OPEN: 2, JOB: 2, DELETE: 2},
        {CLAIM: 2, OUTCOME: 2},  # the first is the question whether it was cancelled
        calls=2,
    ),
    "replaced": Flow(
        {"taskKey": "task"},
        start_it_anew,
        State.COMPLETED,
        {FOLD: 1, OPEN: 2, JOB: 2, DELETE: 2},
        {CLAIM: 2, OUTCOME: 2},
        calls=2,
        runs=2,
    ),
}


def deaths() -> Iterator[Any]:
    """Give every death of the matrix."""
    for name, flow in FLOWS.items():
        for who, writes in (("operator", flow.operator), ("runner", flow.runner)):
            for number, count in writes.items():
                for nth in range(1, count + 1):
                    for side in Side:
                        name_ = f"{name}-{who}-{side}-write-{int(number)}-nr-{nth}"
                        yield pytest.param(name, who, number, nth, side, id=name_)


def start(stage: Any, flow: Flow) -> LiveTask:
    """Create a flow's task, and do with it what the flow says."""
    task: LiveTask = stage.task(**{"retry": RETRY, **flow.spec})
    flow.play(stage, task)
    return task


def until_the_end(task: LiveTask, flow: Flow) -> dict[str, Any]:
    """Wait for the flow's end, until nothing is left of its Jobs and pods."""

    def is_over(status: dict[str, Any]) -> bool:
        done = status.get("counts", {}).get("runs", 0) >= (0 if flow.state is State.CANCELLED else flow.runs)
        return done and status.get("state") == flow.state

    status = task.until(is_over)
    task.until_nothing_is_left()
    return status


@pytest.mark.parametrize("name", FLOWS)
def test_the_table_names_every_write_of_a_flow(stage, name):
    flow = FLOWS[name]
    status = until_the_end(start(stage, flow), flow)
    operator, runner = (dict(stage.proxies[who].numbers) for who in ("operator", "runner"))
    # More of them where a conflict is met, fewer where reports of progress are put together: but none that is not here.
    assert set(flow.operator) <= set(operator) <= {*flow.operator, FOLD}
    assert set(runner) == set(flow.runner)
    assert runner.get(CLAIM) == flow.runner.get(CLAIM)
    assert operator.get(JOB) == flow.operator.get(JOB)
    assert len(stage.calls()) == flow.calls
    assert status.get("launches", 0) == flow.operator.get(JOB, 0)


@pytest.mark.parametrize(("name", "who", "number", "nth", "side"), list(deaths()))
def test_whoever_dies_at_whatever_write_the_end_is_right(stage, name, who, number, nth, side):
    flow = FLOWS[name]
    kill = stage.kill(who, number, nth, side)
    task = start(stage, flow)
    assert kill.made.wait(40), stage.logs()
    status = until_the_end(task, flow)

    counts = status.get("counts", {})
    assert counts.get("runs", 0) == (0 if flow.state is State.CANCELLED else flow.runs)
    launches = Counter((pod.name.rsplit("-", 1)[0]) for pod in stage.node.pods.values())
    assert set(launches.values()) <= {1}, "one pod for each launch"
    assert len(launches) <= status.get("launches", 0)
    if who == "operator":
        assert len(stage.calls()) == flow.calls, "who only decides repeats nothing"
        return
    # What was repeated is told: a call more than the flow's own for each death that came after the claim.
    more = len(stage.calls()) - flow.calls
    run = run_of(status) if flow.runs == 1 and "recurrence" not in flow.spec else {}
    told = run.get("failedAttempts", 0) + run.get("interruptions", 0) if run else 1
    assert more <= told
