"""``runners.createTasks``: whose service accounts may dispatch, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.chart import ChartRefusedError, of_kind, only, render

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

EVERYWHERE = ("--set", "runners.createTasks=true")
WATCHED = ("--set", "watchNamespaces={shop,mail}")
SUFFIX = "-runner-tasks"


def granted(documents: list[Json]) -> dict[str | None, str]:
    """Where the right is granted, and to which group; the key of a grant for the whole cluster is None."""
    bindings = [*of_kind(documents, "ClusterRoleBinding"), *of_kind(documents, "RoleBinding")]
    ours = [binding for binding in bindings if binding["metadata"]["name"].endswith(SUFFIX)]
    assert all(binding["roleRef"]["name"] == "evertask-runner-tasks" for binding in ours)
    return {binding["metadata"].get("namespace"): binding["subjects"][0]["name"] for binding in ours}


@pytest.mark.parametrize(
    ("options", "grants"),
    [
        pytest.param((), {}, id="nowhere-by-default"),
        pytest.param(("--set", "runners.createTasks=false"), {}, id="nowhere"),
        pytest.param(EVERYWHERE, {None: "system:serviceaccounts"}, id="everywhere"),
        pytest.param(
            (*EVERYWHERE, *WATCHED),
            {"shop": "system:serviceaccounts:shop", "mail": "system:serviceaccounts:mail"},
            id="in-what-is-watched",
        ),
        pytest.param(
            ("--set", "runners.createTasks={shop}"),
            {"shop": "system:serviceaccounts:shop"},
            id="in-one-although-all-are-watched",
        ),
        pytest.param(
            ("--set", "runners.createTasks={mail}", *WATCHED),
            {"mail": "system:serviceaccounts:mail"},
            id="in-one-of-those-watched",
        ),
        pytest.param((*EVERYWHERE, "--set", "rbac.create=false"), {}, id="by-roles-of-your-own"),
    ],
)
def test_service_accounts_may_dispatch(
    rendered: Callable[..., list[Json]], options: tuple[str, ...], grants: dict[str | None, str]
) -> None:
    documents = rendered(*options)
    assert granted(documents) == grants
    roles = [role for role in of_kind(documents, "ClusterRole") if role["metadata"]["name"].endswith(SUFFIX)]
    assert len(roles) == bool(grants)


def test_they_may_do_what_dispatching_needs_and_delete_nothing(
    rendered: Callable[..., list[Json]],
) -> None:
    (rule,) = only(rendered(*EVERYWHERE), "ClusterRole", SUFFIX)["rules"]
    assert (rule["apiGroups"], rule["resources"]) == (["evertask.io"], ["evertasks"])
    assert set(rule["verbs"]) == {"create", "get", "list", "watch", "patch", "update"}


def test_a_namespace_that_is_not_watched_is_refused() -> None:
    with pytest.raises(ChartRefusedError) as refusal:
        render("--set", "runners.createTasks={shop,post}", *WATCHED)
    said = "runners.createTasks names post, which is not in watchNamespaces (shop, mail)"
    assert said in str(refusal.value)
    assert "add it to watchNamespaces, or take it out" in str(refusal.value)


def test_it_is_refused_without_roles_of_the_chart_too() -> None:
    with pytest.raises(ChartRefusedError, match="is not in watchNamespaces"):
        render("--set", "runners.createTasks={post}", "--set", "rbac.create=false", *WATCHED)


def test_a_list_of_none_is_refused() -> None:
    with pytest.raises(ChartRefusedError, match="minItems: got 0, want 1"):
        render("--set-json", "runners.createTasks=[]")
