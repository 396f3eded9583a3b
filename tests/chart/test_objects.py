"""Every template and switch: what is there by default, what a value adds, what refuses and how."""

from __future__ import annotations

import shutil
from collections import Counter
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.chart import (
    CHART,
    ENVIRONMENT,
    NAMESPACE,
    RELEASE,
    ChartRefusedError,
    helm,
    of_kind,
    only,
    render,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Json = dict[str, Any]

MONITORS = (
    "--api-versions=monitoring.coreos.com/v1/ServiceMonitor",
    "--set=metrics.serviceMonitor.enabled=true",
)
RULES = (
    "--api-versions=monitoring.coreos.com/v1/PrometheusRule",
    "--set=metrics.prometheusRule.enabled=true",
)
CRD = "CustomResourceDefinition"


def notes(folder: Path, *options: str) -> str:
    """What Helm says after an installation: the notes, made a field of an object, since `template` leaves them out."""
    chart = shutil.copytree(CHART, folder / "chart")
    text = (chart / "templates" / "NOTES.txt").read_text()
    template = "kind: Notes\nmetadata: {name: notes}\ntext: |\n" + indent(text, "  ")
    (chart / "templates" / "notes.yaml").write_text(template)
    rendered = helm(
        "template", RELEASE, str(chart), *ENVIRONMENT, "--show-only=templates/notes.yaml", *options
    )
    said: str = yaml.safe_load(rendered)["text"]
    return said


def test_the_defaults(rendered: Callable[..., list[Json]]) -> None:
    assert Counter(document["kind"] for document in rendered()) == {
        "ConfigMap": 1,
        "ClusterRole": 4,
        "ClusterRoleBinding": 2,
        "CustomResourceDefinition": 1,
        "Deployment": 1,
        "Service": 1,
        "ServiceAccount": 1,
        "ValidatingAdmissionPolicy": 4,
        "ValidatingAdmissionPolicyBinding": 4,
    }


def test_every_object_bears_the_labels(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(*MONITORS, *RULES, "--set=commonLabels.team=a", "--set=networkPolicy.enabled=true")
    wanted = {
        "app.kubernetes.io/name": "evertask",
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/version": "0.1.0",
        "app.kubernetes.io/managed-by": "Helm",
        "team": "a",
    }
    # The CRD outlives the release and belongs to the API, not to one installation.
    labelled = [document for document in documents if document["kind"] != CRD]
    without = [
        f"{document['kind']} {document['metadata']['name']}"
        for document in labelled
        if not wanted.items() <= document["metadata"].get("labels", {}).items()
    ]
    assert without == []


def test_namespaced_objects_say_their_namespace(rendered: Callable[..., list[Json]]) -> None:
    namespaced = {
        "ConfigMap",
        "Deployment",
        "Service",
        "ServiceAccount",
        "NetworkPolicy",
        "PodDisruptionBudget",
    }
    documents = rendered("--set=networkPolicy.enabled=true", "--set=podDisruptionBudget.enabled=true")
    found = {d["kind"]: d["metadata"].get("namespace") for d in documents if d["kind"] in namespaced}
    assert found == dict.fromkeys(namespaced, NAMESPACE)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "evertask"),
        (("--set=nameOverride=tasks",), "evertask-tasks"),
        (("--set=fullnameOverride=background",), "background"),
    ],
    ids=["default", "name", "whole-name"],
)
def test_names(rendered: Callable[..., list[Json]], options: tuple[str, ...], name: str) -> None:
    assert only(rendered(*options), "Deployment")["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("options", "kept"),
    [((), [True]), (("--set=crds.keep=false",), [False]), (("--set=crds.enabled=false",), [])],
    ids=["default", "not-kept", "not-installed"],
)
def test_the_crd(rendered: Callable[..., list[Json]], options: tuple[str, ...], kept: list[bool]) -> None:
    annotations = [crd["metadata"].get("annotations", {}) for crd in of_kind(rendered(*options), CRD)]
    assert [given.get("helm.sh/resource-policy") == "keep" for given in annotations] == kept


def test_the_crd_is_the_generated_one(rendered: Callable[..., list[Json]]) -> None:
    generated = yaml.safe_load((CHART.parents[1] / "crds" / "evertasks.evertask.io.yaml").read_text())
    assert only(rendered(), CRD)["spec"] == generated["spec"]


def test_the_metrics_service(rendered: Callable[..., list[Json]]) -> None:
    service = only(rendered("--set=ports.metrics=9091", "--set=metrics.service.annotations.a=b"), "Service")
    assert service["metadata"]["annotations"] == {"a": "b"}
    assert service["spec"]["ports"] == [{"name": "metrics", "port": 9091, "targetPort": "metrics"}]
    pods = only(rendered(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pods.items()
    assert of_kind(rendered("--set=metrics.service.enabled=false"), "Service") == []


def test_the_service_monitor_selects_the_service(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(
        *MONITORS, "--set=metrics.serviceMonitor.labels.p=q", "--set=metrics.serviceMonitor.interval=5s"
    )
    monitor, service = only(documents, "ServiceMonitor"), only(documents, "Service")
    assert monitor["metadata"]["labels"]["p"] == "q"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == (service["spec"]["ports"][0]["name"], "5s")


def test_the_prometheus_rule(rendered: Callable[..., list[Json]]) -> None:
    extra = '--set-json=metrics.prometheusRule.extraRules=[{"alert":"Mine","expr":"1"}]'
    rule = only(rendered(*RULES, extra), "PrometheusRule")
    alerts = [alert["alert"] for alert in rule["spec"]["groups"][0]["rules"]]
    assert alerts == ["EverTaskOperatorDown", "EverTaskReconcileErrors", "EverTaskTasksWaitForRoom", "Mine"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--set=metrics.serviceMonitor.enabled=true",), "the cluster does not know ServiceMonitors"),
        (("--set=metrics.prometheusRule.enabled=true",), "the cluster does not know PrometheusRules"),
        ((*MONITORS, "--set=metrics.service.enabled=false"), "set metrics.service.enabled=true"),
    ],
    ids=["monitor", "rule", "monitor-without-service"],
)
def test_what_cannot_work_is_refused_with_a_sentence(options: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ChartRefusedError) as refusal:
        render(*options)
    assert sentence in str(refusal.value)


def test_the_disruption_budget(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(
        "--set=podDisruptionBudget.enabled=true", "--set=podDisruptionBudget.maxUnavailable=0"
    )
    spec = only(documents, "PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 0
    assert spec["selector"] == only(documents, "Deployment")["spec"]["selector"]


def test_the_network_policy(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(
        "--set=networkPolicy.enabled=true",
        "--set=networkPolicy.apiServerPorts={6443}",
        '--set-json=networkPolicy.metricsFrom=[{"namespaceSelector":{}}]',
        '--set-json=networkPolicy.apiServerTo=[{"ipBlock":{"cidr":"10.0.0.1/32"}}]',
    )
    spec = only(documents, "NetworkPolicy")["spec"]
    assert spec["ingress"] == [{"ports": [{"port": "metrics"}], "from": [{"namespaceSelector": {}}]}]
    assert spec["egress"][1] == {"ports": [{"port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}
    assert spec["podSelector"] == only(documents, "Deployment")["spec"]["selector"]


def test_the_notes_show_a_task_to_apply_and_how_to_watch_it(tmp_path: Path) -> None:
    said = notes(tmp_path)
    task = yaml.safe_load(said.partition("<<'EOF'\n")[2].partition("  EOF")[0])
    assert task["spec"] == {"handler": "evertask_runner.examples:hello", "payload": {"name": "Ada"}}
    assert "kubectl -n default get evertasks --watch" in said
    assert f"kubectl -n {NAMESPACE} rollout status deployment/evertask" in said
    assert "WARNING" not in said


def test_the_notes_name_a_watched_namespace(tmp_path: Path) -> None:
    assert "kubectl -n shop apply" in notes(tmp_path, "--set=watchNamespaces={shop,mail}")


def test_the_notes_warn_of_missing_policies(tmp_path: Path) -> None:
    assert "WARNING: policies.enabled is false" in notes(tmp_path, "--set=policies.enabled=false")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), None),
        (("--set=runners.createTasks=true",), "every service account of the cluster can now read and edit"),
        (
            ("--set=runners.createTasks={shop}",),
            "Handlers may dispatch tasks in shop: every service account there",
        ),
        (
            ("--set=runners.createTasks=true", "--set=watchNamespaces={shop,mail}"),
            "Handlers may dispatch tasks in shop, mail: every service account there",
        ),
    ],
    ids=["nowhere", "everywhere", "listed", "watched"],
)
def test_the_notes_say_where_handlers_may_dispatch(
    tmp_path: Path, options: tuple[str, ...], sentence: str | None
) -> None:
    said = notes(tmp_path, *options)
    assert sentence in said if sentence else "Handlers may dispatch" not in said
