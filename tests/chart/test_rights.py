"""Roles and policies: no wildcard, nothing that is not needed, and only where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.chart import NAMESPACE, of_kind, only

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

TWO = ("--set", "watchNamespaces={shop,mail}")

OPERATOR_RIGHTS = {
    "evertask.io/evertasks": {"get", "list", "watch", "delete"},
    "evertask.io/evertasks/status": {"patch"},
    "batch/jobs": {"get", "list", "watch", "create", "delete"},
    "/pods": {"list", "watch", "delete"},
    "/events": {"list"},
    "events.k8s.io/events": {"create", "patch"},
}


def rights(role: Json) -> dict[str, set[str]]:
    """What a role grants: group/resource → verbs."""
    return {
        f"{group}/{resource}": set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("options", [(), TWO], ids=["cluster", "namespaces"])
def test_no_wildcard_anywhere(rendered: Callable[..., list[Json]], options: tuple[str, ...]) -> None:
    roles = [*of_kind(rendered(*options), "ClusterRole"), *of_kind(rendered(*options), "Role")]
    said = {word for role in roles for rule in role["rules"] for words in rule.values() for word in words}
    assert said
    assert not [word for word in said if "*" in word]


def test_cluster_wide_the_operator_has_one_cluster_role(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered()
    assert rights(only(documents, "ClusterRole", "evertask")) == OPERATOR_RIGHTS
    (subject,) = only(documents, "ClusterRoleBinding", "evertask")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "evertask", "namespace": NAMESPACE}
    assert of_kind(documents, "Role") == []


def test_with_namespaces_the_operator_has_rights_only_there(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered(*TWO)
    roles = of_kind(documents, "Role")
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "mail"]
    assert all(rights(role) == OPERATOR_RIGHTS for role in roles)
    assert of_kind(documents, "ClusterRoleBinding") == []


def test_every_service_account_may_patch_statuses_and_nothing_else(
    rendered: Callable[..., list[Json]],
) -> None:
    documents = rendered()
    assert rights(only(documents, "ClusterRole", "-runner")) == {"evertask.io/evertasks/status": {"patch"}}
    (subject,) = only(documents, "ClusterRoleBinding", "-runner")["subjects"]
    assert (subject["kind"], subject["name"]) == ("Group", "system:serviceaccounts")


def test_with_namespaces_only_their_service_accounts_may(rendered: Callable[..., list[Json]]) -> None:
    bindings = [
        b for b in of_kind(rendered(*TWO), "RoleBinding") if b["metadata"]["name"].endswith("-runner")
    ]
    assert {b["metadata"]["namespace"]: b["subjects"][0]["name"] for b in bindings} == {
        "shop": "system:serviceaccounts:shop",
        "mail": "system:serviceaccounts:mail",
    }


def test_viewers_see_and_editors_edit_but_never_the_status(rendered: Callable[..., list[Json]]) -> None:
    view, edit = (only(rendered(), "ClusterRole", suffix) for suffix in ("-view", "-edit"))
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    assert {name for name in view["metadata"]["labels"] if aggregate in name} == {
        f"{aggregate}{role}" for role in ("view", "edit", "admin")
    }
    assert {name for name in edit["metadata"]["labels"] if aggregate in name} == {
        f"{aggregate}{role}" for role in ("edit", "admin")
    }
    assert rights(view) == {
        "evertask.io/evertasks": {"get", "list", "watch"},
        "evertask.io/evertasks/status": {"get"},
    }
    assert set(rights(edit)) == {"evertask.io/evertasks"}


def test_roles_can_be_left_out(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered("--set", "rbac.create=false", "--set", "rbac.aggregate=false")
    assert not {document["kind"] for document in documents} & {
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    }


@pytest.mark.parametrize("policy", ["-status-writes", "-pod-rights", "-parent-labels"])
def test_a_policy_denies_and_does_not_fail_open(rendered: Callable[..., list[Json]], policy: str) -> None:
    spec = only(rendered(), "ValidatingAdmissionPolicy", policy)["spec"]
    assert spec["failurePolicy"] == "Fail"
    # A condition that does not match lets everything through, an empty patch for one.
    assert "matchConditions" not in spec
    binding = only(rendered(), "ValidatingAdmissionPolicyBinding", policy)["spec"]
    assert binding == {"policyName": f"evertask{policy}", "validationActions": ["Deny"]}


def test_the_status_policy_holds_where_the_operator_works(rendered: Callable[..., list[Json]]) -> None:
    binding = only(rendered(*TWO), "ValidatingAdmissionPolicyBinding", "-status-writes")["spec"]
    (expression,) = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "mail"]}


@pytest.mark.parametrize("policy", ["-pod-rights", "-parent-labels"])
def test_what_is_checked_at_writing_is_checked_everywhere(
    rendered: Callable[..., list[Json]], policy: str
) -> None:
    everywhere = only(rendered(*TWO), "ValidatingAdmissionPolicyBinding", policy)["spec"]
    assert "matchResources" not in everywhere


def test_the_status_policy_knows_the_operator(rendered: Callable[..., list[Json]]) -> None:
    documents = rendered("--set", "serviceAccount.name=robot")
    variables = only(documents, "ValidatingAdmissionPolicy", "-status-writes")["spec"]["variables"]
    operator = next(v["expression"] for v in variables if v["name"] == "isOperator")
    assert operator == f"request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:robot'"


def test_policies_can_be_left_out(rendered: Callable[..., list[Json]]) -> None:
    kinds = {document["kind"] for document in rendered("--set", "policies.enabled=false")}
    assert not {kind for kind in kinds if "Policy" in kind}
