"""What the schema cannot judge is held in state Pending, with a sentence that says what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evertask.api.protocol import PAYLOAD_LIMIT, Condition, State
from evertask_operator.decisions import decide
from evertask_operator.resources.conditions import find_condition
from evertask_operator.settings import Settings
from tests.support.situations import RUN, make_task


def spec(**fields):
    return {"spec": fields}


def containers(*entries):
    return spec(containers=list(entries))


FAULTS = [
    pytest.param({"template": {}}, "spec.podTemplate.template is not a field", "use metadata", id="field"),
    pytest.param({"metadata": []}, "spec.podTemplate.metadata", "must be objects", id="metadata-a-list"),
    pytest.param({"spec": []}, "spec.podTemplate.spec", "must be objects", id="spec-a-list"),
    pytest.param({"metadata": {"name": "p"}}, "metadata.name cannot be set", "only labels", id="name"),
    pytest.param({"metadata": {"ownerReferences": []}}, "ownerReferences", "only labels", id="owner"),
    pytest.param(spec(containers={}), "spec.containers", "a list of objects", id="containers-an-object"),
    pytest.param(spec(containers=None), "spec.containers", "a list of objects", id="containers-null"),
    pytest.param(containers("x"), "spec.containers", "a list of objects", id="container-a-text"),
    pytest.param(containers({}, {}), "spec.containers", "needs a name", id="nameless-containers"),
    pytest.param(
        containers({"name": "a"}, {"image": "i"}), "containers", "needs a name", id="nameless-second"
    ),
    pytest.param(containers({"name": "a"}, {"name": 1}), "containers", "needs a name", id="name-a-number"),
    pytest.param(spec(initContainers=[{}]), "spec.initContainers", "needs a name", id="nameless-init"),
    pytest.param(spec(initContainers="x"), "spec.initContainers", "a list of objects", id="init-a-text"),
    pytest.param(spec(volumes={"v": {}}), "spec.volumes", "a list of objects", id="volumes-an-object"),
    pytest.param(spec(volumes=[{"emptyDir": {}}]), "spec.volumes", "needs a name", id="nameless-volume"),
    pytest.param(
        containers({"env": {"A": "1"}}), "containers[0].env", "a list of objects", id="env-an-object"
    ),
    pytest.param(containers({"env": ["A=1"]}), "containers[0].env", "a list of objects", id="env-of-texts"),
    pytest.param(containers({"volumeMounts": "/x"}), "volumeMounts", "a list of objects", id="mounts-a-text"),
    pytest.param(
        spec(initContainers=[{"name": "a", "ports": {}}]), "initContainers[0].ports", "list", id="init-ports"
    ),
    pytest.param(spec(restartPolicy="Always"), "spec.restartPolicy", "leave it out", id="restart-always"),
    pytest.param(spec(restartPolicy="Sometimes"), "spec.restartPolicy", "leave it out", id="restart-unknown"),
]


@pytest.mark.parametrize(("template", "field", "remedy"), FAULTS)
def test_a_faulty_pod_template_is_held(template, field, remedy):
    plan = decide(make_task(podTemplate=template).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.PENDING
    condition = find_condition(plan.status, Condition.ACCEPTED)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "InvalidPodTemplate")
    assert field in condition["message"]
    assert remedy in condition["message"]


@pytest.mark.parametrize(
    "template",
    [
        pytest.param({}, id="empty"),
        pytest.param({"metadata": {"labels": {"a": "b"}, "annotations": {}}}, id="labels"),
        pytest.param(containers({"image": "i"}), id="one-nameless-container"),
        pytest.param(containers({"name": "runner", "env": [{"name": "A"}]}, {"name": "log"}), id="two"),
        pytest.param(spec(restartPolicy="Never"), id="the-only-restart-policy"),
    ],
)
def test_a_good_pod_template_is_launched(template):
    assert decide(make_task(podTemplate=template).situation()).opens_run


def test_a_held_task_is_told_of_once():
    task = make_task(podTemplate={"x": 1})
    first = decide(task.situation())
    assert first.notes
    assert first.notes[0].type == "Warning"
    second = decide(task.with_status(**(first.status or {})).at(minutes=1).situation())
    assert (second.status, second.notes) == (None, ())


def test_a_task_in_the_operators_own_namespace_is_held():
    plan = decide(make_task().knowing(settings=Settings(own_namespace="shop")).situation())
    assert plan.notes
    assert plan.notes[0].reason == "OperatorNamespace"
    assert "create the task in another one" in plan.notes[0].message


@pytest.mark.parametrize(("size", "held"), [(PAYLOAD_LIMIT, False), (PAYLOAD_LIMIT + 1, True)])
def test_a_payload_over_the_limit_is_held(size, held):
    situation = make_task().situation()
    plan = decide(replace(situation, task=replace(situation.task, payload_bytes=size)))
    assert ([note.reason for note in plan.notes] == ["PayloadTooLarge"]) is held


def test_a_job_that_the_api_server_refuses_is_told_and_its_run_withdrawn():
    plan = decide(make_task().launched().knowing(refusal="spec.template.spec.x: bad").situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}
    assert plan.status["job"] is None
    assert plan.notes
    assert plan.notes[0].reason == "JobRefused"
    assert "spec.template.spec.x: bad" in plan.notes[0].message


def test_a_refusal_is_healed_by_a_new_generation():
    task = make_task().launched().knowing(refusal="bad")
    held = task.with_status(**(decide(task.situation()).status or {}))
    healed = held.edited(podTemplate={}).knowing(refusal="")
    plan = decide(healed.situation())
    assert plan.opens_run
    assert plan.status is not None
    assert plan.status["launches"] == 2
    condition = find_condition(plan.status, Condition.ACCEPTED)
    assert condition is not None
    assert condition["status"] == "True"


def test_a_run_that_has_started_goes_on_whatever_its_template_says():
    plan = decide(make_task(podTemplate={"x": 1}).claimed().with_job().with_pod().situation())
    assert plan.status is None
    assert plan.deletions == ()
