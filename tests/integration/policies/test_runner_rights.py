"""A runner's token tries everything: each verb on each resource that the API server has, and only the table works.

The table is that of the threat model, so that what users read is what is tried. Asked in two ways: the authorizer's own
answer to each question, and the request itself, which reaches no object where the right is missing.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from tests.integration.policies.conftest import CREATING
from tests.support.api_client import JSON_PATCH, tasks_path
from tests.support.chart import NAMESPACE
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.policies.conftest import Callers, Task
    from tests.support.api_client import ApiClient

Json = dict[str, Any]

THREAT_MODEL = Path(__file__).resolve().parents[3] / "docs/discussions/threat-model.md"
HEADING = "## What a runner's token may do"
WHERE_GRANTED = "with `runners.createTasks`"

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
SPECIAL = [
    *(("impersonate", "", kind) for kind in ("users", "groups", "serviceaccounts")),
    *(("impersonate", "authentication.k8s.io", kind) for kind in ("uids", "userextras/scopes")),
    *itertools.product(("escalate", "bind"), ["rbac.authorization.k8s.io"], ("roles", "clusterroles")),
    *itertools.product(("approve", "sign"), ["certificates.k8s.io"], ["signers"]),
    ("use", "policy", "podsecuritypolicies"),
    ("*", "*", "*"),
]
"""Verbs that no discovery lists."""


class Right(NamedTuple):
    """One verb on one resource."""

    verb: str
    group: str
    resource: str
    """With its subresource: ``evertasks/status``."""


class Resource(NamedTuple):
    """A resource as discovery tells it."""

    group: str
    version: str
    name: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """URL path of the collection, or of an object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        plural, _, sub = self.name.partition("/")
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        return "/".join(part for part in (f"{root}{where}/{plural}", name or (sub and "x"), sub) if part)


def documented(where: str) -> set[Right]:
    """What the threat model's table grants: its rows are | verbs | resources | where | why |."""
    text = THREAT_MODEL.read_text().partition(HEADING)[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    found = set()
    for verbs, resources, place, _why in rows[2:]:
        if place not in {"everywhere", where}:
            continue
        for verb, name in itertools.product(re.findall("`(.+?)`", verbs), re.findall("`(.+?)`", resources)):
            plural, _, group = name.partition(".")
            base, _, sub = group.partition("/")
            found.add(Right(verb, base, f"{plural}/{sub}" if sub else plural))
    assert found, "the table is gone"
    return found


def discover(client: ApiClient) -> Iterator[Resource]:
    """Give every resource and subresource of the API server."""
    versions = [("", version) for version in client("GET", "/api").body["versions"]]
    for group in client("GET", "/apis").body["groups"]:
        versions += [(group["name"], one["version"]) for one in group["versions"]]
    for group, version in versions:
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        for one in client("GET", root).body["resources"]:
            # Not the group that is given there: it is that of the body of a subresource.
            yield Resource(group, version, one["name"], one["namespaced"])


@pytest.fixture(scope="session")
def resources(admin: ApiClient) -> list[Resource]:
    found = list(dict.fromkeys(discover(admin)))
    assert {"pods/exec", "secrets", "evertasks/status", "serviceaccounts/token"} <= {
        one.name for one in found
    }
    return found


def may(caller: ApiClient, right: Right, namespace: str) -> bool:
    """Ask the authorizer about the caller's own right."""
    plural, _, sub = right.resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": plural,
        "subresource": sub,
        "name": "",
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = caller("POST", path, {"spec": {"resourceAttributes": attributes}})
    assert answer.status == 201, answer
    return bool(answer.body["status"]["allowed"])


@pytest.mark.parametrize(
    ("where", "namespace"), [("", "default"), (WHERE_GRANTED, CREATING)], ids=["plain", "creating"]
)
def test_the_authorizer_allows_what_the_table_says_and_nothing_else(
    callers, admin, resources, where, namespace
):
    runner = callers.service_account(namespace)
    asked = {Right(verb, one.group, one.name) for one in resources for verb in VERBS}
    asked |= {Right(*special) for special in SPECIAL}
    assert len(asked) > 800
    assert {right for right in asked if may(runner, right, namespace)} == documented(where)


@pytest.mark.parametrize(
    "elsewhere", ["kube-system", NAMESPACE, ""], ids=["kube-system", "operators", "cluster"]
)
def test_where_runners_may_create_tasks_they_may_so_nowhere_else(callers, resources, elsewhere):
    runner = callers.service_account(CREATING)
    mine = [one for one in resources if one.group == "evertask.io"] + [Resource("", "v1", "secrets", True)]
    asked = {Right(verb, one.group, one.name) for one in mine for verb in VERBS}
    assert {right for right in asked if may(runner, right, elsewhere)} == {
        Right("patch", "evertask.io", "evertasks/status")
    }


REQUESTS: dict[str, tuple[str, bool, Any]] = {
    "list": ("GET", False, None),
    "get": ("GET", True, None),
    "create": ("POST", False, {}),
    "update": ("PUT", True, {}),
    "patch": ("PATCH", True, []),
    "delete": ("DELETE", True, None),
    "deletecollection": ("DELETE", False, None),
}


@pytest.mark.parametrize("verb", REQUESTS)
def test_every_request_beyond_the_table_is_forbidden(callers, resources, namespace, verb):
    """In a namespace of its own: what were allowed after all would happen there."""
    runner, allowed = callers.service_account(namespace), documented("")
    method, named, body = REQUESTS[verb]
    passed = []
    for one in resources:
        if Right(verb, one.group, one.name) in allowed:
            continue
        path = one.path(namespace, "x" if named else "")
        answer = runner(method, path, body, JSON_PATCH if verb == "patch" else "application/json")
        # A method that a resource does not have is nobody's.
        if answer.status not in {403, 404, 405} or (
            answer.status == 404 and "page not found" not in str(answer.body)
        ):
            passed.append((verb, one, answer))
    assert passed == []


# --- what somebody would try first ---------------------------------------------------------------------------


@pytest.fixture
def runner_at(make_task: Callable[..., Task], callers: Callers) -> Callable[[str], tuple[Task, ApiClient]]:
    """Make a task in a namespace, with its pod."""

    def make(namespace: str) -> tuple[Task, ApiClient]:
        task = make_task(f"own-{uuid4()}", namespace)
        return task, callers.runner_of(task)

    return make


@pytest.mark.parametrize("namespace_of", ["default", CREATING])
def test_a_runner_reads_no_secret(admin, runner_at, namespace_of):
    admin("POST", f"/api/v1/namespaces/{namespace_of}/secrets", {"metadata": {"name": "mail"}})
    _, runner = runner_at(namespace_of)
    assert runner("GET", f"/api/v1/namespaces/{namespace_of}/secrets/mail").status == 403
    assert runner("GET", f"/api/v1/namespaces/{namespace_of}/secrets").status == 403


@pytest.mark.parametrize(
    ("spec", "labels", "part"),
    [
        ({"podTemplate": {"spec": {"nodeName": "n"}}}, {}, "no right to create pods"),
        ({"payloadFrom": [{"secretRef": {"name": "mail"}}]}, {}, "no right to read all of Secret mail"),
        ({}, {"evertask.io/parent-uid": "00000000-0000-0000-0000-000000000000"}, "is none of them"),
    ],
    ids=["a-pod-template", "a-secret", "a-forged-parent"],
)
def test_where_it_may_create_tasks_it_may_not_create_these(runner_at, spec, labels, part):
    _, runner = runner_at(CREATING)
    body = manifest("x", **spec)
    body["metadata"]["labels"] = labels
    answer = runner("POST", tasks_path(CREATING), body)
    assert answer.status == 403
    assert part in answer.message


@pytest.mark.parametrize("elsewhere", [NAMESPACE, "default"])
def test_where_it_may_create_tasks_it_may_not_elsewhere(runner_at, elsewhere):
    _, runner = runner_at(CREATING)
    answer = runner("POST", tasks_path(elsewhere), manifest("x"))
    assert answer.status == 403
    assert "cannot create resource" in answer.message


def test_it_cannot_raise_its_own_incarnation_where_it_may_not_create_tasks(runner_at):
    task, runner = runner_at("default")
    assert runner.patch(task.path, {"spec": {"incarnation": 1}}).status == 403
    assert "status.incarnation" in runner.patch(task.status_path, {"status": {"incarnation": 1}}).message


def test_a_write_of_its_status_smuggles_in_no_spec_and_no_metadata(admin, runner_at):
    task, runner = runner_at("default")
    before = admin("GET", task.path).body
    answer = runner.patch(
        task.status_path,
        {
            "metadata": {
                "labels": {"evertask.io/parent-uid": task.uid},
                "annotations": {"a": "b"},
                "finalizers": ["a/b"],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": task.uid}],
            },
            "spec": {"incarnation": 9, "handler": "subprocess:run", "podTemplate": {}},
            "status": {"message": "mine"},
        },
    )
    assert answer.status == 200, answer
    after = admin("GET", task.path).body
    assert after["spec"] == before["spec"]
    ours = ("labels", "annotations", "finalizers", "ownerReferences")
    assert {name: after["metadata"].get(name) for name in ours} == dict.fromkeys(ours)


@pytest.mark.parametrize("namespace_of", ["default", CREATING])
def test_it_cannot_write_the_status_of_another_task(make_task, runner_at, namespace_of):
    _, runner = runner_at(namespace_of)
    other = make_task(f"other-{uuid4()}", namespace_of)
    answer = runner.patch(other.status_path, {"status": {"message": "mine"}})
    assert answer.status == 403
    assert "by the pods of this very task" in answer.message


def test_it_cannot_act_as_the_operator(runner_at):
    task, runner = runner_at("default")
    connection = runner._connection()
    headers = {
        "Authorization": f"Bearer {runner._token}",
        "Impersonate-User": f"system:serviceaccount:{NAMESPACE}:evertask",
        "Content-Type": "application/merge-patch+json",
    }
    connection.request("PATCH", task.status_path, '{"status": {"message": "mine"}}', headers)
    response = connection.getresponse()
    text = response.read()
    assert response.status == 403
    assert b"cannot impersonate" in text
