"""One operator, or several of which one leads: strategy, Lease, budget, placement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evertask_operator.settings import LeadershipSettings, Settings
from tests.support.chart import NAMESPACE, ChartRefusedError, of_kind, only, render

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

TWO = ("--set", "replicas=2")
LEADERSHIP = "-leadership"


def leadership(documents: list[Json]) -> LeadershipSettings:
    """What the operator reads about it."""
    document = json.loads(only(documents, "ConfigMap")["data"]["settings.json"])
    return Settings.model_validate(document).leadership


def lease_roles(documents: list[Json]) -> list[Json]:
    return [
        document
        for kind in ("Role", "RoleBinding")
        for document in of_kind(documents, kind)
        if document["metadata"]["name"].endswith(LEADERSHIP)
    ]


@pytest.mark.parametrize("replicas", [0, 1])
def test_one_operator_needs_no_lease(rendered: Callable[..., list[Json]], replicas: int) -> None:
    documents = rendered("--set", f"replicas={replicas}")
    assert not leadership(documents).enabled
    assert lease_roles(documents) == []
    assert of_kind(documents, "PodDisruptionBudget") == []
    assert only(documents, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert "affinity" not in only(documents, "Deployment")["spec"]["template"]["spec"]


def test_several_stand_for_election(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(*TWO, "--set", "fullnameOverride=background")
    assert leadership(documents) == LeadershipSettings(enabled=True, lease_name="background")
    assert only(documents, "Deployment")["spec"]["replicas"] == 2


def test_a_new_replica_stands_by_before_an_old_one_goes(rendered: Callable[..., list[Json]]) -> None:
    strategy = only(rendered(*TWO), "Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize("options", [(), ("--set", "watchNamespaces={shop}")], ids=["cluster", "namespaces"])
def test_of_leases_they_may_change_their_own_only(
    rendered: Callable[..., list[Json]], options: tuple[str, ...]
) -> None:
    role, binding = lease_roles(rendered(*TWO, *options))
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == NAMESPACE
    named, unnamed = role["rules"]
    assert (named["resourceNames"], named["verbs"]) == (["evertask"], ["get", "patch"])
    assert ("resourceNames" in unnamed, unnamed["verbs"]) == (False, ["create"])
    assert all(rule["resources"] == ["leases"] for rule in role["rules"])
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "evertask", "namespace": NAMESPACE}]


def test_the_right_can_be_left_out(rendered: Callable[..., list[Json]]) -> None:
    assert lease_roles(rendered(*TWO, "--set", "rbac.create=false")) == []


@pytest.mark.parametrize(
    ("options", "unavailable"),
    [
        pytest.param((), [], id="one"),
        pytest.param(TWO, [1], id="two"),
        pytest.param((*TWO, "--set", "podDisruptionBudget.enabled=false"), [], id="two-but-unwanted"),
        pytest.param(("--set", "podDisruptionBudget.enabled=true"), [1], id="one-but-wanted"),
    ],
)
def test_a_budget_leaves_one_replica(
    rendered: Callable[..., list[Json]], options: tuple[str, ...], unavailable: list[int]
) -> None:
    budgets = of_kind(rendered(*options), "PodDisruptionBudget")
    assert [budget["spec"]["maxUnavailable"] for budget in budgets] == unavailable


def test_replicas_prefer_nodes_of_their_own(rendered: Callable[..., list[Json]]) -> None:
    deployment = only(rendered(*TWO), "Deployment")["spec"]
    (preferred,) = deployment["template"]["spec"]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    term = preferred["podAffinityTerm"]
    assert (term["topologyKey"], term["labelSelector"]) == ("kubernetes.io/hostname", deployment["selector"])


def test_an_affinity_of_ones_own_replaces_that(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(*TWO, "--set-json", 'affinity={"nodeAffinity":{}}')
    assert only(documents, "Deployment")["spec"]["template"]["spec"]["affinity"] == {"nodeAffinity": {}}


def test_durations_reach_the_operator(rendered: Callable[..., list[Json]]) -> None:
    said = {"leaseDurationSeconds": 15, "renewDeadlineSeconds": 10, "renewIntervalSeconds": 2.5}
    read = leadership(rendered("--set-json", f"leadership={json.dumps(said)}"))
    assert (read.lease_duration_seconds, read.renew_deadline_seconds, read.renew_interval_seconds) == (
        15,
        10,
        2.5,
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("replicas=6", "maximum: got 6, want 5"),
        ("leadership.leaseDurationSeconds=2", "minimum: got 2, want 3"),
        ("leadership.leaseDurationSeconds=61", "maximum: got 61, want 60"),
        ("leadership.leaseDurationSeconds=6s", "got string, want integer"),
        ("leadership.renewIntervalSeconds=0", "minimum: got 0, want 0.5"),
        ("leadership.leaseDuration=6", "additional properties 'leaseDuration' not allowed"),
        ("podDisruptionBudget.enabled=maybe", "value must be one of true, false, 'auto'"),
        ("leadership.renewDeadlineSeconds=6", "and that less than leaseDurationSeconds (6)"),
        ("leadership.renewIntervalSeconds=4", "renewIntervalSeconds (4) must be less than"),
    ],
)
def test_a_mistake_is_refused(option: str, sentence: str) -> None:
    with pytest.raises(ChartRefusedError) as refusal:
        render("--set", option)
    assert sentence in str(refusal.value)
