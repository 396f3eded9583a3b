"""A watch that expired, broke or was silent; objects that vanished while the operator was cut off."""

from __future__ import annotations

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import checked
from tests.support.simulated_pods import hold, pods_path
from tests.support.waiting import eventually

WATCHES = 3
PENDING = 'evertask_tasks{state="Pending"}'
JOBS = "/apis/batch/v1/namespaces/{}/jobs"


@pytest.fixture
def cut(stage):
    """An operator behind a proxy, relisting every two seconds."""
    proxy = stage.proxy()
    operator = stage.operator(through=proxy, resyncInterval="2s")
    return proxy, operator


def test_after_410_gone_nothing_is_missed(stage, cut):
    proxy, _ = cut
    stage.pods()
    stage.task("before").until_state(State.COMPLETED)
    assert eventually(proxy.expire_watches, lambda count: count >= WATCHES, 30, pause=1) >= WATCHES
    stage.task("after").until_state(State.COMPLETED)


def test_after_broken_watches_nothing_is_missed(stage, cut):
    proxy, _ = cut
    stage.pods()
    for number in range(3):
        proxy.break_watches()
        stage.task(f"after-{number}").until_state(State.COMPLETED)


def test_tasks_that_vanished_meanwhile_are_dropped(stage, cut):
    proxy, operator = cut
    tasks = [stage.task(f"t-{number}", delay="1h") for number in range(5)]
    eventually(lambda: operator.metric(PENDING), lambda count: count == 5, 30)
    proxy.close_the_way()
    for task in tasks[:3]:
        task.delete()
    proxy.heal()
    eventually(lambda: operator.metric(PENDING), lambda count: count == 2, 30)


def test_a_job_and_its_pod_that_vanished_meanwhile_were_deleted_by_hand(stage, cut):
    proxy, _ = cut
    stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    proxy.close_the_way()
    job = stage.jobs()[0]["metadata"]["name"]
    path = f"{JOBS.format(stage.namespace)}/{job}"
    checked(stage.admin("DELETE", path, {"propagationPolicy": "Foreground"}))
    task.until_nothing_is_left()
    proxy.heal()
    status = task.until_state(State.CANCELLED)
    assert "deleted by hand" in status["message"]
    assert status["launches"] == 1


def test_an_outcome_written_meanwhile_is_found(stage, cut):
    proxy, operator = cut
    pods = stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    proxy.close_the_way()
    assert pods.played[0].commit(result=7)
    pods.played[0].end()
    proxy.heal()
    task.until_nothing_is_left()
    assert task.status["result"] == 7
    eventually(lambda: operator.metric("evertask_slots_taken"), lambda taken: taken == 0, 30)


def test_a_task_and_its_pods_that_vanished_free_their_slot(stage):
    proxy = stage.proxy()
    stage.operator(through=proxy, resyncInterval="2s", maxRunning=1)
    stage.pods(hold)
    first = stage.task("first")
    first.until_state(State.IN_PROGRESS)
    second = stage.task("second")
    second.until(lambda s: "maxRunning" in s.get("message", ""))
    proxy.close_the_way()
    checked(stage.admin("DELETE", first.path, {"propagationPolicy": "Foreground"}))
    eventually(
        lambda: checked(stage.admin("GET", pods_path(stage.namespace)))["items"], lambda pods: not pods, 60
    )
    proxy.heal()
    second.until_state(State.IN_PROGRESS)
