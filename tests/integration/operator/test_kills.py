"""The operator killed (SIGKILL) right after each of its numbered writes, and started again: the right end.

A proxy lets the write through to the API server and kills the operator before or after it has the answer; from then
on nothing more of the old operator passes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from evertask.api.protocol import TERMINAL_STATES, Phase, State, Write
from tests.support.cutting_proxies import When
from tests.support.live_tasks import run_of
from tests.support.simulated_pods import hold, now, succeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.live_tasks import LiveTask
    from tests.support.simulated_pods import SimulatedPod

CUT_SECONDS = 30.0


class Flow(NamedTuple):
    """A life of a task."""

    spec: dict[str, object]
    play: Callable[[SimulatedPod], None]
    after: Callable[[LiveTask], None]
    """What happens to the task while the first operator lives."""
    state: State
    launches: int
    """How many launches the right end has."""


def nothing(_task: LiveTask) -> None:
    """Let it go."""


def cancel_when_running(task: LiveTask) -> None:
    task.until_state(State.IN_PROGRESS)
    task.cancel()


def cancel_when_waiting(task: LiveTask) -> None:
    task.until(lambda s: s.get("nextRunTime"))
    task.cancel()


def evict_the_first(pod: SimulatedPod) -> None:
    if pod.launch > 1:
        succeed(pod)
        return
    pod.claim()
    pod.end(137, disruption="EvictionByEvictionAPI")


def give_the_first_back(pod: SimulatedPod) -> None:
    if pod.launch > 1:
        succeed(pod)
        return
    pod.claim()
    assert pod.give_back(1)
    pod.end()


def give_back_for_long(pod: SimulatedPod) -> None:
    pod.claim()
    assert pod.give_back(3600)
    pod.end()


def cancel_in_backoff(task: LiveTask) -> None:
    task.until(lambda s: run_of(s).get("phase") == Phase.BACKOFF)
    task.cancel()


def run_out_of_memory_at_first(pod: SimulatedPod) -> None:
    if pod.launch > 1:
        succeed(pod)
        return
    pod.claim()
    pod.end(137, reason="OOMKilled")


def die_without_a_word(pod: SimulatedPod) -> None:
    pod.claim()
    pod.end(3)


def say_it_in_the_message_only(pod: SimulatedPod) -> None:
    pod.claim()
    said = {
        "run": pod.holder.run,
        "launch": 1,
        "phase": "Succeeded",
        "endTime": now(),
        "result": {"launch": 1},
    }
    pod.end(70, json.dumps(said))


FLOWS = {
    "immediate": Flow({}, succeed, nothing, State.COMPLETED, 1),
    "delayed": Flow({"delay": "1s"}, succeed, nothing, State.COMPLETED, 1),
    "cancelled-running": Flow({}, hold, cancel_when_running, State.CANCELLED, 1),
    "cancelled-waiting": Flow({"delay": "1h"}, succeed, cancel_when_waiting, State.CANCELLED, 0),
    "interrupted": Flow({}, evict_the_first, nothing, State.COMPLETED, 2),
    "given-back": Flow({}, give_the_first_back, nothing, State.COMPLETED, 2),
    "cancelled-in-backoff": Flow({}, give_back_for_long, cancel_in_backoff, State.CANCELLED, 1),
    "out-of-memory": Flow(
        {"retry": {"delay": "1s"}}, run_out_of_memory_at_first, nothing, State.COMPLETED, 2
    ),
    "died": Flow({"retry": {"limit": 0}}, die_without_a_word, nothing, State.FAILED, 1),
    "unreported": Flow({}, say_it_in_the_message_only, nothing, State.COMPLETED, 1),
}

CUTS = [
    ("immediate", Write.OPEN_RUN, 1),
    ("immediate", Write.CREATE_JOB, 1),
    ("immediate", Write.DELETE, 1),
    ("delayed", Write.FOLD, 1),
    ("delayed", Write.OPEN_RUN, 1),
    ("delayed", Write.CREATE_JOB, 1),
    ("cancelled-running", Write.DELETE, 1),
    ("cancelled-running", Write.FOLD, 1),
    ("cancelled-waiting", Write.FOLD, 2),
    ("interrupted", Write.OPEN_RUN, 2),
    ("interrupted", Write.CREATE_JOB, 2),
    ("interrupted", Write.DELETE, 1),
    ("given-back", Write.DELETE, 1),
    ("given-back", Write.OPEN_RUN, 2),
    ("given-back", Write.CREATE_JOB, 2),
    ("cancelled-in-backoff", Write.DELETE, 1),
    ("cancelled-in-backoff", Write.FOLD, 1),
    ("out-of-memory", Write.FOLD, 1),
    ("out-of-memory", Write.DELETE, 1),
    ("out-of-memory", Write.OPEN_RUN, 2),
    ("out-of-memory", Write.CREATE_JOB, 2),
    ("died", Write.FOLD, 1),
    ("unreported", Write.FOLD, 1),
]


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize(
    ("name", "number", "nth"),
    CUTS,
    ids=[f"{name}-write-{int(number)}-nr-{nth}" for name, number, nth in CUTS],
)
def test_a_killed_operator_comes_to_the_right_end(stage, name, number, nth, when):
    flow = FLOWS[name]
    proxy = stage.proxy()
    operator = stage.operator(through=proxy)
    cut = proxy.cut(number, nth, when, operator.kill)
    pods = stage.pods(flow.play)
    task = stage.task(**flow.spec)
    flow.after(task)
    assert cut.made.wait(CUT_SECONDS), operator.log
    assert not operator.running

    proxy.heal()
    operator.start(until_ready=False)
    status = task.until_finished()
    task.until_nothing_is_left()
    assert (status["state"], status.get("launches", 0)) == (flow.state, flow.launches)
    assert len(pods.played) == flow.launches, "one pod for each launch"
    if flow.state is State.COMPLETED:
        assert status["result"] == {"launch": flow.launches}
    assert status.get("counts", {}).get("runs", 0) == (0 if flow.state is State.CANCELLED else 1)


@pytest.mark.parametrize("when", list(When))
def test_an_expired_task_is_gone_although_the_operator_is_killed_as_it_deletes_it(stage, when):
    proxy = stage.proxy()
    operator = stage.operator(through=proxy)
    stage.pods()
    cut = proxy.cut(Write.DELETE, 2, when, operator.kill)  # the Job, then the task
    task = stage.task(ttlAfterFinished="2s")
    assert cut.made.wait(CUT_SECONDS), operator.log
    proxy.heal()
    operator.start(until_ready=False)
    task.until_gone()


def test_an_operator_killed_while_a_handler_runs_finds_the_outcome(stage):
    operator = stage.operator()
    pods = stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    operator.kill()
    assert pods.played[0].commit(result={"launch": 1})
    pods.played[0].end()
    operator.start(until_ready=False)
    status = task.until_state(State.COMPLETED)
    task.until_nothing_is_left()
    assert status["launches"] == 1
    assert run_of(status)["podName"] == pods.played[0].name


def test_a_task_created_while_no_operator_lives_is_found(stage):
    stage.pods()
    task = stage.task()
    stage.operator()
    assert task.until_finished()["state"] in TERMINAL_STATES
