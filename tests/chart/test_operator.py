"""The operator's Deployment and its settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evertask_operator.settings import Settings
from tests.support.chart import NAMESPACE, only

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
Rendered = "Callable[..., list[Json]]"

HARDENED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
HARDENED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
DIGEST = "sha256:" + "0f" * 32


def settings(documents: list[Json]) -> Json:
    """What the operator reads."""
    parsed: Json = json.loads(only(documents, "ConfigMap")["data"]["settings.json"])
    return parsed


def pod(documents: list[Json]) -> Json:
    template: Json = only(documents, "Deployment")["spec"]["template"]
    return template


def container(documents: list[Json]) -> Json:
    (found,) = pod(documents)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def runner(documents: list[Json]) -> Json:
    """The handler's container in the runners' template."""
    first: Json = settings(documents)["runner"]["podTemplate"]["spec"]["containers"][0]
    assert first["name"] == "runner"
    return first


def test_the_operator_understands_its_settings(rendered: Callable[..., list[Json]]) -> None:
    read = Settings.model_validate(settings(rendered()))
    # Whatever the chart does not say is the operator's own default, and must be the same.
    without_runner = {"runner", "own_namespace"}
    assert read.model_dump(exclude=without_runner) == Settings().model_dump(exclude=without_runner)


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("maxRunning=7", ("maxRunning",), 7),
        ("maxRunning=100000", ("maxRunning",), 100000),
        ("maxRunningPerNamespace=3", ("maxRunningPerNamespace",), 3),
        ("jobs.keepSucceeded=1m", ("jobs", "keepSucceeded"), "1m"),
        ("jobs.keepFailed=0s", ("jobs", "keepFailed"), "0s"),
        ("retention.completed=0s", ("retention", "completed"), "0s"),
        ("retention.failed=720h", ("retention", "failed"), "720h"),
        ("retention.maxFinishedPerNamespace=0", ("retention", "maxFinishedPerNamespace"), 0),
        ("retention.deletionsPerSecond=1000", ("retention", "deletionsPerSecond"), 1000),
        ("prelaunch.maxLead=0s", ("prelaunch", "maxLead"), "0s"),
        ("prelaunch.coldStartLead=1500ms", ("prelaunch", "coldStartLead"), "1500ms"),
        ("defaults.holdPod=0s", ("defaults", "holdPod"), "0s"),
        ("defaults.retry.limit=0", ("defaults", "retry", "limit"), 0),
        ("defaults.retry.delays={1s,1m}", ("defaults", "retry", "delays"), ["1s", "1m"]),
        ("defaults.retry.onExit.action=Fail", ("defaults", "retry", "onExit", "action"), "Fail"),
        ("prelaunch.minLead=2s", ("prelaunch", "minLead"), "2s"),
        ("logLevel=DEBUG", ("logLevel",), "DEBUG"),
        ("resyncInterval=90s", ("resyncInterval",), "90s"),
        ("ports.health=8081", ("ports", "health"), 8081),
        ("ports.metrics=9091", ("ports", "metrics"), 9091),
        ("watchNamespaces={a,b}", ("watchNamespaces",), ["a", "b"]),
        ("runner.image.pullPolicy=Never", ("runner", "imagePullPolicy"), "Never"),
        ("runner.image.tag=x", ("runner", "image"), "evertask/runner:x"),
        (f"runner.image.digest={DIGEST}", ("runner", "image"), f"evertask/runner@{DIGEST}"),
    ],
)
def test_a_value_reaches_the_operator(
    rendered: Callable[..., list[Json]], option: str, path: tuple[str, ...], value: Any
) -> None:
    found = settings(rendered("--set", option))
    Settings.model_validate(found)
    for name in path:
        found = found[name]
    assert found == value


def test_changed_settings_make_a_new_pod(rendered: Callable[..., list[Json]]) -> None:
    before = pod(rendered())["metadata"]["annotations"]["checksum/settings"]
    after = pod(rendered("--set", "maxRunning=7"))["metadata"]["annotations"]["checksum/settings"]
    assert before != after


@pytest.mark.parametrize(
    ("options", "image"),
    [
        ((), "evertask/operator:0.1.0"),
        (("--set", "image.tag=x"), "evertask/operator:x"),
        (("--set", "image.tag=x", "--set", f"image.digest={DIGEST}"), f"evertask/operator@{DIGEST}"),
        (("--set", "image.repository=r.example:5000/a/b"), "r.example:5000/a/b:0.1.0"),
    ],
    ids=["app-version", "tag", "digest", "registry-with-a-port"],
)
def test_the_image(rendered: Callable[..., list[Json]], options: tuple[str, ...], image: str) -> None:
    assert container(rendered(*options))["image"] == image


def test_the_operators_pod_is_hardened(rendered: Callable[..., list[Json]]) -> None:
    assert pod(rendered())["spec"]["securityContext"] == HARDENED_POD
    assert container(rendered())["securityContext"] == HARDENED_CONTAINER


def test_runners_are_hardened(rendered: Callable[..., list[Json]]) -> None:
    spec = settings(rendered())["runner"]["podTemplate"]["spec"]
    assert spec["securityContext"] == HARDENED_POD
    assert runner(rendered())["securityContext"] == HARDENED_CONTAINER
    assert {"name": "tmp", "mountPath": "/tmp"} in runner(rendered())["volumeMounts"]
    assert {"name": "tmp", "emptyDir": {}} in spec["volumes"]


def test_a_pod_template_adds_to_the_hardening(rendered: Callable[..., list[Json]]) -> None:
    template = {
        "metadata": {"labels": {"team": "a"}},
        "spec": {
            "nodeSelector": {"pool": "tasks"},
            "volumes": [{"name": "data", "emptyDir": {}}],
            "containers": [
                {
                    "name": "runner",
                    "resources": {"limits": {"memory": "1Gi"}},
                    "volumeMounts": [{"name": "data", "mountPath": "/d"}],
                },
                {"name": "proxy", "image": "proxy"},
            ],
        },
    }
    documents = rendered("--set-json", f"runner.podTemplate={json.dumps(template)}")
    merged = settings(documents)["runner"]["podTemplate"]
    assert merged["metadata"] == template["metadata"]
    assert [c["name"] for c in merged["spec"]["containers"]] == ["runner", "proxy"]
    assert runner(documents)["securityContext"] == HARDENED_CONTAINER
    assert runner(documents)["resources"] == {
        "requests": {"cpu": "25m", "memory": "64Mi"},
        "limits": {"memory": "1Gi"},
    }
    assert [mount["mountPath"] for mount in runner(documents)["volumeMounts"]] == ["/tmp", "/d"]
    assert [volume["name"] for volume in merged["spec"]["volumes"]] == ["tmp", "data"]
    assert merged["spec"]["nodeSelector"] == {"pool": "tasks"}


def test_a_tmp_of_ones_own_replaces_the_default(rendered: Callable[..., list[Json]]) -> None:
    own = {"name": "tmp", "emptyDir": {"medium": "Memory"}}
    documents = rendered("--set-json", f"runner.podTemplate={json.dumps({'spec': {'volumes': [own]}})}")
    assert settings(documents)["runner"]["podTemplate"]["spec"]["volumes"] == [own]


def test_tmp_can_be_limited(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered("--set", "runner.tmpSizeLimit=1Gi")
    volumes = settings(documents)["runner"]["podTemplate"]["spec"]["volumes"]
    assert volumes == [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]


def test_one_operator_at_a_time(rendered: Callable[..., list[Json]]) -> None:
    spec = only(rendered(), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_operator_is_probed(rendered: Callable[..., list[Json]]) -> None:
    probed = container(rendered("--set", "ports.health=8081"))
    assert {port["name"]: port["containerPort"] for port in probed["ports"]} == {
        "health": 8081,
        "metrics": 9090,
    }
    assert probed["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert probed["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}


def test_the_operator_finds_settings_and_namespace(rendered: Callable[..., list[Json]]) -> None:
    found = container(rendered())
    assert found["command"] == ["python3", "-m", "evertask_operator"]
    assert found["env"] == [
        {"name": "EVERTASK_SETTINGS", "value": "/etc/evertask/settings.json"},
        {"name": "EVERTASK_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]
    assert {"name": "settings", "mountPath": "/etc/evertask", "readOnly": True} in found["volumeMounts"]


def test_placement_goes_to_the_operators_pod(rendered: Callable[..., list[Json]]) -> None:
    options = {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAffinity": {}},
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "r"}],
        "terminationGracePeriodSeconds": 5,
    }
    spec = pod(rendered(*(f"--set-json={name}={json.dumps(value)}" for name, value in options.items())))[
        "spec"
    ]
    assert {name: spec[name] for name in options} == options


def test_labels_annotations_and_environment_can_be_added(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(
        "--set=podLabels.a=b", "--set=podAnnotations.c=d", '--set-json=extraEnv=[{"name":"TZ","value":"UTC"}]'
    )
    assert pod(documents)["metadata"]["labels"]["a"] == "b"
    assert pod(documents)["metadata"]["annotations"]["c"] == "d"
    assert {"name": "TZ", "value": "UTC"} in container(documents)["env"]


def test_the_service_account_is_the_deployments(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered("--set=serviceAccount.name=robot", "--set=serviceAccount.annotations.a=b")
    account = only(documents, "ServiceAccount")
    assert account["metadata"]["annotations"] == {"a": "b"}
    assert (account["metadata"]["name"], account["metadata"]["namespace"]) == ("robot", NAMESPACE)
    assert pod(documents)["spec"]["serviceAccountName"] == "robot"


def test_a_given_service_account_is_not_made(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered("--set=serviceAccount.create=false", "--set=serviceAccount.name=theirs")
    assert "ServiceAccount" not in {document["kind"] for document in documents}
    assert pod(documents)["spec"]["serviceAccountName"] == "theirs"
