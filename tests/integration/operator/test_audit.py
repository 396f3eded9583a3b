"""``status.transitions`` and the history on a real API server: what is kept, and that it costs no write."""

from __future__ import annotations

import pytest

from evertask.api.protocol import Phase, State, Write
from evertask.api.times import parse_time
from tests.support.simulated_pods import hold

MADE_BY_THE_OPERATOR = ["Failed", "InProgress", "Queued"]


def die(pod):
    pod.claim()
    pod.end(137, "last line of the log", "OOMKilled")


def fail(pod):
    pod.claim()
    pod.commit(Phase.FAILED, error="no such report")
    pod.end()


def states(status):
    return [entry["state"] for entry in status.get("transitions", ())]


def test_the_way_of_a_task_whose_pod_dies_is_noted_newest_first(stage):
    stage.operator()
    stage.pods(die)
    status = stage.task(retry={"limit": 0}).until_state(State.FAILED)
    assert states(status) == MADE_BY_THE_OPERATOR
    times = [parse_time(entry["time"]) for entry in status["transitions"]]
    assert times == sorted(times, reverse=True)
    assert {entry["run"] for entry in status["transitions"]} == set(status["runs"])
    assert status["transitions"][0]["message"].startswith("OutOfMemory: ")


@pytest.mark.parametrize(
    ("level", "kept"),
    [("Full", MADE_BY_THE_OPERATOR), ("Minimal", ["Failed"]), ("ErrorsOnly", ["Failed"]), ("None", [])],
)
def test_the_level_says_what_is_kept(stage, level, kept):
    stage.operator()
    stage.pods(die)
    assert states(stage.task(auditLevel=level, retry={"limit": 0}).until_state(State.FAILED)) == kept


def test_a_cancellation_is_noted_and_its_claim_with_it(stage):
    stage.operator()
    stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    task.cancel()
    assert states(task.until_state(State.CANCELLED)) == ["Cancelled", "InProgress", "Queued"]


def test_a_series_keeps_its_runs_errors_and_tracebacks(stage):
    stage.operator()
    stage.pods(fail)
    task = stage.task(recurrence={"every": "1s"})
    status = task.until(lambda s: (s.get("counts") or {}).get("failed", 0) >= 2)
    assert [entry["error"]["type"] for entry in status["history"][:2]] == ["ValueError"] * 2
    assert {"InProgress", "Queued"} <= set(states(status))


def writes_until_the_end(stage, level):
    proxy = stage.proxy()
    stage.operator(through=proxy)
    stage.pods(die)
    task = stage.task(f"at-{level.lower()}", auditLevel=level, retry={"limit": 0})
    task.until_state(State.FAILED)
    path = f"/{task.name}/status"
    found = [*proxy.writes(Write.OPEN_RUN), *proxy.writes(Write.FOLD)]
    return len([write for write in found if write.path.endswith(path)])


@pytest.mark.parametrize("level", ["Full", "None"])
def test_the_past_costs_no_write(stage, level):
    """One write opens the run, one commits its end, whatever is kept."""
    assert writes_until_the_end(stage, level) == 2
