"""Tasks with the same key on a real API server: one runs, the others say for which they wait."""

from __future__ import annotations

from evertask.api.keys import key_name
from evertask.api.protocol import Condition, State
from tests.support.live_tasks import condition_of
from tests.support.simulated_pods import hold, succeed
from tests.support.waiting import eventually, throughout

KEY = "daily"


def is_duplicate(status):
    return condition_of(status, Condition.ACCEPTED).get("reason") == "DuplicateKey"


def is_accepted(status):
    return condition_of(status, Condition.ACCEPTED).get("status") == "True"


def test_a_duplicate_is_held_told_of_once_and_healed_when_the_holder_is_deleted(stage):
    stage.operator()
    stage.pods()
    holder = stage.task(KEY, taskKey=KEY, delay="1h")
    holder.until(is_accepted)
    duplicate = stage.task("second", taskKey=KEY)
    held = duplicate.until(is_duplicate)
    assert held["state"] == State.PENDING
    assert "held by EverTask daily" in held["message"]
    assert duplicate.jobs() == []
    events = eventually(lambda: stage.events(duplicate), bool, 10)
    assert [(event["type"], event["reason"]) for event in events] == [("Warning", "DuplicateKey")]
    holder.delete()
    assert duplicate.until_state(State.COMPLETED)["launches"] == 1


def test_of_many_that_appear_at_the_same_moment_one_runs(stage):
    operator = stage.operator(start=False)
    tasks = [stage.task(f"t-{number}", taskKey=KEY) for number in range(6)]
    stage.pods(hold)
    operator.start()
    eventually(lambda: sum(is_duplicate(task.status) for task in tasks), lambda held: held == 5, 30)
    throughout(lambda: len(stage.jobs()), lambda count: count <= 1, 2)
    metas = [task.read()["metadata"] for task in tasks]
    oldest = min(metas, key=lambda meta: (meta["creationTimestamp"], meta["uid"]))
    assert [task.name for task in tasks if not is_duplicate(task.status)] == [oldest["name"]]


def test_the_bearer_of_the_keys_name_takes_over_from_a_launch_that_nobody_has_claimed(stage):
    stage.operator()
    early = stage.task("early", taskKey=KEY)
    early.until(lambda status: status.get("job") and stage.jobs())
    bearer = stage.task(key_name(stage.namespace, KEY), taskKey=KEY)
    held = early.until(is_duplicate)
    assert not held.get("runs")
    early.until_nothing_is_left()
    stage.pods()
    bearer.until_state(State.COMPLETED)
    assert early.state == State.PENDING


def test_the_bearer_of_the_keys_name_waits_for_a_run_that_has_started(stage):
    stage.operator()
    pods = stage.pods(hold)
    early = stage.task("early", taskKey=KEY)
    early.until_state(State.IN_PROGRESS)
    bearer = stage.task(key_name(stage.namespace, KEY), taskKey=KEY)
    assert "has the same key and runs" in bearer.until(is_duplicate)["message"]
    assert early.state == State.IN_PROGRESS
    pods.play = succeed
    pods.played[0].commit()
    pods.played[0].end()
    early.until_state(State.COMPLETED)
    bearer.until_state(State.COMPLETED)


def test_a_finished_holder_holds_until_it_is_gone(stage):
    stage.operator()
    stage.pods()
    first = stage.task(KEY, taskKey=KEY)
    first.until_state(State.COMPLETED)
    second = stage.task("second", taskKey=KEY)
    second.until(is_duplicate)
    throughout(lambda: second.state, lambda state: state == State.PENDING, 1)
    first.change(ttlAfterFinished="0s")
    first.until_gone()
    second.until_state(State.COMPLETED)


def test_a_restarted_operator_knows_the_holder_and_hears_of_its_deletion(stage):
    operator = stage.operator()
    holder = stage.task(KEY, taskKey=KEY, delay="1h")
    holder.until(is_accepted)
    series = stage.task("second", taskKey=KEY, recurrence={"every": "1s"})
    series.until(is_duplicate)
    operator.kill()
    operator.start()
    throughout(lambda: is_duplicate(series.status) and not stage.jobs(), bool, 2)
    stage.pods()
    operator.kill()
    holder.delete()
    operator.start()
    series.until(lambda status: (status.get("counts") or {}).get("succeeded", 0) >= 1)


def test_a_duplicate_series_starts_when_the_holder_is_deleted(stage):
    stage.operator()
    stage.pods()
    holder = stage.task(KEY, taskKey=KEY, suspend=True)
    holder.until(lambda status: status.get("state"))
    series = stage.task("second", taskKey=KEY, recurrence={"every": "1s"})
    series.until(is_duplicate)
    holder.delete()
    series.until(lambda status: (status.get("counts") or {}).get("succeeded", 0) >= 1)
