"""Tasks that a run has dispatched, on a real API server: their pod template, and how long they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.protocol import Condition, State
from tests.support.api_client import tasks_path
from tests.support.live_tasks import LiveTask, checked, condition_of
from tests.support.waiting import throughout

if TYPE_CHECKING:
    from tests.support.simulated_pods import SimulatedPod

TEMPLATE = {"spec": {"nodeSelector": {"a": "b"}}}


def dispatch(stage, parent: LiveTask, run_id: str, name: str = "child", **spec: Any) -> LiveTask:
    """Create a task as a handler's dispatcher does."""
    body = {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {
            "name": name,
            "labels": {protocol.LABEL_PARENT_UID: parent.read()["metadata"]["uid"]},
            "annotations": {
                protocol.ANNOTATION_PARENT_NAME: parent.name,
                protocol.ANNOTATION_PARENT_RUN: run_id,
            },
        },
        "spec": {"handler": "shop.reports:part", **spec},
    }
    checked(stage.admin("POST", tasks_path(stage.namespace), body))
    return LiveTask(stage.admin, stage.namespace, name)


def is_refused(status):
    return condition_of(status, Condition.ACCEPTED).get("reason") == "PodTemplateNotAllowed"


def hold_the_parent(pod: SimulatedPod) -> None:
    """The parent runs for ever; children do what most pods do."""
    pod.claim()
    if pod.task != "parent":
        pod.commit()
        pod.end()


def running_parent(stage, **spec):
    parent = stage.task("parent", **spec)
    run_id = next(iter(parent.until_state(State.IN_PROGRESS)["runs"]))
    return parent, run_id


def test_a_child_with_its_parents_template_runs_and_another_is_held_until_it_is_corrected(stage):
    stage.operator()
    stage.pods(hold_the_parent)
    parent, run_id = running_parent(stage, podTemplate=TEMPLATE)
    dispatch(stage, parent, run_id, "same", podTemplate=TEMPLATE).until_state(State.COMPLETED)
    other = dispatch(stage, parent, run_id, "other", podTemplate={"spec": {"hostNetwork": True}})
    held = other.until(is_refused)
    assert held["state"] == State.PENDING
    assert other.jobs() == []
    other.change(podTemplate=None)
    other.until_state(State.COMPLETED)


def test_a_child_with_a_template_and_an_unknown_parent_is_held(stage):
    stage.operator()
    parent = stage.task("parent", suspend=True)
    child = dispatch(stage, parent, "s1", delay="2s", podTemplate=TEMPLATE)
    child.until(is_refused)
    parent.delete()
    held = child.until(lambda s: is_refused(s) and "no task with the UID" in s["message"])
    assert held["state"] == State.PENDING


def test_a_finished_child_stays_while_its_parents_run_is_open_and_goes_with_it(stage):
    operator = stage.operator()
    pods = stage.pods(hold_the_parent)
    parent, run_id = running_parent(stage)
    child = dispatch(stage, parent, run_id, ttlAfterFinished="0s")
    stranger = dispatch(stage, parent, "s1", "stranger", ttlAfterFinished="0s")
    stranger.until_gone()
    child.until_state(State.COMPLETED)
    throughout(child.exists, bool, 2)
    operator.kill()
    operator.start()
    throughout(child.exists, bool, 2)
    pods.played[0].commit()
    child.until_gone()


def test_a_finished_child_goes_when_its_parent_is_deleted(stage):
    stage.operator()
    stage.pods(hold_the_parent)
    parent, run_id = running_parent(stage)
    child = dispatch(stage, parent, run_id, ttlAfterFinished="0s")
    child.until_state(State.COMPLETED)
    parent.delete()
    child.until_gone()
