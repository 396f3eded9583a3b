"""Specs that the schema takes but that cannot run: held, told once, and healed by a corrected apply."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from evertask.api.protocol import Condition, State
from tests.support.live_tasks import condition_of
from tests.support.waiting import eventually, throughout


class Held(NamedTuple):
    """A pod template that is no good."""

    id: str
    template: dict[str, Any]
    field: str
    """What the message must name."""
    remedy: str = "correct spec.podTemplate"
    """What the message must say."""
    reason: str = "JobRefused"


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def container(**fields: Any) -> dict[str, Any]:
    return spec(containers=[{"name": "runner", **fields}])


def ours(id_: str, template: dict[str, Any], field: str, remedy: str) -> Held:
    """One that the operator itself judges: its pieces would be overwritten without a word."""
    return Held(id_, template, f"spec.podTemplate.{field}", remedy, "InvalidPodTemplate")


LIST = "must be a list of objects"
HELD = [
    ours("containers-an-object", spec(containers={"name": "runner"}), "spec.containers", LIST),
    ours("containers-of-texts", spec(containers=["runner"]), "spec.containers", LIST),
    ours(
        "nameless-second-container",
        spec(containers=[{"name": "runner"}, {}]),
        "spec.containers",
        "needs a name",
    ),
    ours("init-containers-a-text", spec(initContainers="x"), "spec.initContainers", LIST),
    ours(
        "nameless-init-container",
        spec(initContainers=[{"image": "i"}]),
        "spec.initContainers",
        "needs a name",
    ),
    ours("volumes-an-object", spec(volumes={"a": {"emptyDir": {}}}), "spec.volumes", LIST),
    ours("nameless-volume", spec(volumes=[{"emptyDir": {}}]), "spec.volumes", "needs a name"),
    ours("env-an-object", container(env={"A": "1"}), "spec.containers[0].env", LIST),
    ours("mounts-a-text", container(volumeMounts="/data"), "spec.containers[0].volumeMounts", LIST),
    ours("restart-always", spec(restartPolicy="Always"), "spec.restartPolicy", "leave it out"),
    ours("restart-unknown", spec(restartPolicy="Sometimes"), "spec.restartPolicy", "leave it out"),
    Held("misspelt-pod-field", spec(nodeSelectr={"a": "b"}), "spec.template.spec.nodeSelectr"),
    Held("misspelt-container-field", container(imag="i"), "spec.template.spec.containers[0].imag"),
    Held("image-a-number", container(image=5), "containers.image"),
    Held("image-empty", spec(containers=[{"name": "runner", "image": ""}]), "containers[0].image"),
    Held("quantity-in-words", container(resources={"limits": {"memory": "lots"}}), "quantities must match"),
    Held(
        "quantity-negative", container(resources={"limits": {"cpu": "-1"}}), "containers[0].resources.limits"
    ),
    Held(
        "request-over-limit",
        container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        "containers[0].resources.requests",
    ),
    Held("resources-a-text", container(resources="big"), "containers.resources"),
    Held("env-without-name", container(env=[{"value": "1"}]), "containers[0].env"),
    Held("env-name-with-equals", container(env=[{"name": "A=B", "value": "1"}]), "containers[0].env"),
    Held("env-name-a-list", container(env=[{"name": ["A"]}]), "containers.env"),
    Held("env-value-a-number", container(env=[{"name": "A", "value": 1}]), "containers.env.value"),
    Held(
        "env-from-two-sources",
        container(
            env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        ),
        "containers[0].env",
    ),
    Held(
        "mount-without-its-volume", container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), "volumeMounts"
    ),
    Held(
        "volume-of-two-kinds",
        spec(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        "volumes[0]",
    ),
    Held("volume-name-in-capitals", spec(volumes=[{"name": "V", "emptyDir": {}}]), "volumes[0].name"),
    Held("port-negative", container(ports=[{"containerPort": -1}]), "containers[0].ports"),
    Held("deadline-zero", spec(activeDeadlineSeconds=0), "activeDeadlineSeconds"),
    Held("pull-policy-unknown", container(imagePullPolicy="Sometimes"), "containers[0].imagePullPolicy"),
    Held("dns-policy-unknown", spec(dnsPolicy="Mine"), "spec.template.spec.dnsPolicy"),
    Held("node-selector-a-list", spec(nodeSelector=["a"]), "nodeSelector"),
    Held("node-selector-invalid", spec(nodeSelector={"a b": "c"}), "nodeSelector"),
    Held("label-value-invalid", {"metadata": {"labels": {"tier": "a b"}}}, "spec.template.labels"),
    Held("label-name-invalid", {"metadata": {"labels": {"a b": "c"}}}, "spec.template.labels"),
    Held("toleration-unknown", spec(tolerations=[{"key": "a", "operator": "Is"}]), "tolerations[0].operator"),
    Held(
        "run-as-user-negative", container(securityContext={"runAsUser": -1}), "containers[0].securityContext"
    ),
    Held("container-name-a-list", spec(containers=[{"name": ["runner"]}]), "containers.name"),
    Held(
        "second-container-without-image",
        spec(containers=[{"name": "runner"}, {"name": "log"}]),
        "containers[1].image",
    ),
]


@pytest.fixture(scope="module")
def held_tasks(control_plane, admin, tmp_path_factory):
    """All of them, created at once under one operator."""
    from tests.integration.operator.conftest import Stage

    namespace = f"held-{tmp_path_factory.getbasetemp().name.replace('_', '-')}"
    admin("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    stage = Stage(control_plane, admin, namespace, tmp_path_factory.mktemp("operator"))
    stage.operator()
    yield stage, {held.id: stage.task(held.id, podTemplate=held.template) for held in HELD}
    stage.close()


def test_there_are_enough_of_them():
    assert len(HELD) >= 20
    assert len({held.id for held in HELD}) == len(HELD)


@pytest.mark.parametrize("held", HELD, ids=[held.id for held in HELD])
def test_a_task_that_cannot_run_is_held_and_healed(held_tasks, held):
    stage, tasks = held_tasks
    task = tasks[held.id]
    status = task.until(lambda s: condition_of(s, Condition.ACCEPTED).get("status") == "False", 30)
    accepted = condition_of(status, Condition.ACCEPTED)
    assert accepted["reason"] == held.reason
    assert held.field in accepted["message"]
    assert held.remedy in accepted["message"]
    assert status["state"] == State.PENDING
    assert status["message"] == accepted["message"]
    assert not status.get("runs")
    assert task.jobs() == []
    events = eventually(lambda: stage.events(task), bool, 10)
    assert [(e["type"], e["reason"]) for e in events] == [("Warning", held.reason)]

    task.change(podTemplate=None)
    healed = task.until(lambda s: s["state"] == State.QUEUED and task.jobs(), 30)
    assert condition_of(healed, Condition.ACCEPTED)["status"] == "True"


def test_what_only_the_creation_of_the_pod_shows_is_told_by_the_launch(stage):
    stage.operator()
    task = stage.task(podTemplate=container(image=" i "))
    status = task.until(lambda s: condition_of(s, Condition.LAUNCHED).get("status") == "False", 15)
    launched = condition_of(status, Condition.LAUNCHED)
    assert launched["reason"] == "FailedCreate"
    assert "spec.containers[0].image" in launched["message"]


def test_a_task_in_the_operators_own_namespace_is_held(stage, admin):
    from tests.support.operator_processes import OWN_NAMESPACE

    admin("POST", "/api/v1/namespaces", {"metadata": {"name": OWN_NAMESPACE}})
    stage.operator(watchNamespaces=[OWN_NAMESPACE])
    stage.namespace = OWN_NAMESPACE
    task = stage.task(f"own-{stage.plane.folder.name}")
    status = task.until(lambda s: condition_of(s, Condition.ACCEPTED).get("status") == "False", 30)
    accepted = condition_of(status, Condition.ACCEPTED)
    assert accepted["reason"] == "OperatorNamespace"
    assert "create the task in another one" in accepted["message"]
    assert OWN_NAMESPACE in accepted["message"]
    task.delete()


def test_a_held_task_is_told_of_once_however_often_it_is_looked_at(stage):
    stage.operator(resyncInterval="1s")
    task = stage.task(podTemplate=spec(nodeSelectr={}))
    task.until(lambda s: condition_of(s, Condition.ACCEPTED).get("status") == "False")
    task.change(ttlAfterFinished="2h")  # a new generation: the Job is tried again
    task.until(lambda s: s.get("observedGeneration") == 2 and s["state"] == State.PENDING)
    throughout(lambda: len(stage.events(task)), lambda count: count <= 2, 3)
