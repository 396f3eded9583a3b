"""An operator that the chart installs for a list of namespaces: it has Roles there, works there, and nowhere else."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from hack.cluster.light import LightControlPlane
from tests.integration.operator.conftest import Stage
from tests.support.api_client import ApiClient
from tests.support.chart import NAMESPACE, RELEASE, of_kind, render
from tests.support.control_plane import install_crd
from tests.support.live_tasks import checked
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

SERVED, OTHER = ("shop", "mail"), "bank"
KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
UNTOUCHED_SECONDS = 5.0


@pytest.fixture(scope="module")
def documents() -> list[Json]:
    return [one for one in render("--set", f"watchNamespaces={{{','.join(SERVED)}}}") if one["kind"] in KINDS]


@pytest.fixture(scope="module")
def own_plane(documents: list[Json]) -> Iterator[tuple[LightControlPlane, ApiClient]]:
    """A control plane with the chart's account and roles for two namespaces, and a third one."""
    with (
        LightControlPlane(controller_manager=True) as plane,
        closing(ApiClient(plane.server, plane.ca, plane.token)) as admin,
    ):
        install_crd(admin)
        for name in (NAMESPACE, *SERVED, OTHER):
            checked(admin("POST", "/api/v1/namespaces", {"metadata": {"name": name}}))
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        plane.kubectl("apply", "-f", "-", text=json.dumps(listed))
        yield plane, admin


@pytest.fixture
def token(own_plane: tuple[LightControlPlane, ApiClient]) -> str:
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{RELEASE}/token"
    return str(checked(own_plane[1]("POST", path, {"spec": {"expirationSeconds": 3600}}))["status"]["token"])


@pytest.fixture
def stages(own_plane: tuple[LightControlPlane, ApiClient], tmp_path: Path) -> Iterator[dict[str, Stage]]:
    """The three namespaces."""
    made = {}
    for name in (*SERVED, OTHER):
        (tmp_path / name).mkdir()
        made[name] = Stage(*own_plane, name, tmp_path / name)
    yield made
    for stage in made.values():
        stage.close()


def test_it_has_no_right_to_tasks_jobs_or_pods_of_the_cluster(documents):
    bound = [
        one for one in of_kind(documents, "ClusterRoleBinding") if RELEASE in json.dumps(one["subjects"])
    ]
    assert bound == []
    roles = [one for one in of_kind(documents, "Role") if one["metadata"]["name"] == RELEASE]
    assert {one["metadata"]["namespace"] for one in roles} >= set(SERVED)


def test_it_works_in_each_and_nowhere_else(stages, token):
    operator = stages["shop"].operator(token=token, watchNamespaces=list(SERVED))
    for name in SERVED:
        stages[name].pods()
        stages[name].task(ttlAfterFinished="1s").until_gone()
    elsewhere = stages[OTHER].task()
    throughout(lambda: elsewhere.status, lambda status: not status, UNTOUCHED_SECONDS)
    assert stages[OTHER].jobs() == []
    assert [
        line for line in operator.metrics().splitlines() if 'code="403"' in line and "_created" not in line
    ] == []


@pytest.mark.parametrize(
    ("namespace", "allowed"), [("shop", True), ("mail", True), (OTHER, False), ("", False)]
)
def test_its_token_is_good_for_these_namespaces_only(own_plane, token, documents, namespace, allowed):
    caller = own_plane[1].as_token(token)
    role = next(
        one
        for one in of_kind(documents, "Role")
        if (one["metadata"]["name"], one["metadata"]["namespace"]) == (RELEASE, "shop")
    )
    answers = set()
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                plural, _, sub = resource.partition("/")
                for verb in rule["verbs"]:
                    asked = {
                        "namespace": namespace,
                        "verb": verb,
                        "group": group,
                        "resource": plural,
                        "subresource": sub,
                    }
                    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
                    review = checked(caller("POST", path, {"spec": {"resourceAttributes": asked}}))
                    answers.add(review["status"]["allowed"])
    assert answers == {allowed}


def test_told_to_watch_more_than_it_may_it_is_not_ready_and_says_so(stages, token):
    operator = stages["shop"].operator(token=token, start=False, watchNamespaces=[*SERVED, OTHER])
    operator.start(until_ready=False)
    eventually(lambda: operator.log, lambda log: "cannot list" in log, 30)
    assert operator.probe("readyz") != 200
    assert stages[OTHER].task("unserved").state in {None, State.PENDING}
