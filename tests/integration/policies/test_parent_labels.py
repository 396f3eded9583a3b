"""Runners that may create tasks: whose children they may make, in which pods, and that nobody says so later."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from tests.integration.policies.conftest import CREATING, Task
from tests.support.api_client import tasks_path
from tests.support.tasks import manifest
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.policies.conftest import Callers
    from tests.support.api_client import Answer, ApiClient

CREATE_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
TEMPLATE = {"spec": {"serviceAccountName": "powerful"}}
NOBODY = "00000000-0000-0000-0000-000000000000"

AS_PARENT = "the label evertask.io/parent-uid says that a run made this task"
AS_VOUCHER = "the label evertask.io/parent-uid vouches for spec.podTemplate"
AS_SHAPED = "spec.podTemplate shapes a pod"

SHAPES = pytest.mark.parametrize("spec", [{}, {"podTemplate": TEMPLATE}], ids=["plain", "shaped"])


def child(parent: str, name: str = "child", **spec: Any) -> dict[str, Any]:
    """Give a task that names a parent."""
    made = manifest(name, **spec)
    made["metadata"]["labels"] = {protocol.LABEL_PARENT_UID: parent}
    return made


def refused(answer: Answer, *sentences: str) -> bool:
    """Whether it is forbidden with one of these sentences: where two policies refuse, the API server tells of one."""
    said = answer.status == 403 and answer.body["reason"] == "Forbidden"
    return said and any(sentence in answer.message for sentence in sentences)


def labelled(parent: str | None) -> dict[str, Any]:
    """Give a change of the label; None removes it."""
    return {"metadata": {"labels": {protocol.LABEL_PARENT_UID: parent}}}


@pytest.fixture
def parent(make_task: Callable[..., Task], callers: Callers) -> Task:
    """A task whose runners may create tasks."""
    task = make_task("parent")
    callers.let_runners_create(task.namespace)
    return task


@pytest.fixture
def runner(parent: Task, callers: Callers) -> ApiClient:
    """A pod of the parent."""
    return callers.runner_of(parent)


@pytest.fixture
def born(parent: Task, runner: ApiClient) -> Callable[..., Task]:
    """Make a child of the parent, as its runner."""

    def make(name: str = "child", **spec: Any) -> Task:
        answer = runner("POST", tasks_path(parent.namespace), child(parent.uid, name, **spec))
        assert answer.status == 201, answer
        return Task(parent.namespace, name, answer.body["metadata"]["uid"])

    return make


def test_the_charts_own_grant_lets_a_runner_dispatch(
    make_task: Callable[..., Task], callers: Callers
) -> None:
    task = make_task(f"parent-{secrets.token_hex(4)}", CREATING)
    runner = callers.runner_of(task)
    made = eventually(
        lambda: runner("POST", tasks_path(CREATING), child(task.uid, f"{task.name}-child")),
        lambda answer: answer.status != 403,
        30,
    )
    assert made.status == 201, made


def test_without_the_grant_a_runner_makes_nothing(make_task: Callable[..., Task], callers: Callers) -> None:
    task = make_task()
    answer = callers.runner_of(task)("POST", tasks_path(task.namespace), child(task.uid))
    assert answer.status == 403
    assert "cannot create resource" in answer.message


@SHAPES
def test_a_runner_makes_children_of_its_own_task(
    parent: Task, runner: ApiClient, spec: dict[str, Any]
) -> None:
    answer = runner("POST", tasks_path(parent.namespace), child(parent.uid, **spec))
    assert answer.status == 201, answer


@SHAPES
def test_a_runner_is_the_parent_of_no_other_tasks_children(
    parent: Task,
    runner: ApiClient,
    make_task: Callable[..., Task],
    spec: dict[str, Any],
) -> None:
    other = make_task("other")
    assert refused(
        runner("POST", tasks_path(parent.namespace), child(other.uid, **spec)), AS_PARENT, AS_SHAPED
    )


@pytest.mark.parametrize(
    "forged",
    [NOBODY, "{uid}-s1", "{beginning}", "et", "{uid}0"],
    ids=["unknown", "run", "part", "et", "more"],
)
@SHAPES
def test_only_the_whole_uid_counts(
    parent: Task, runner: ApiClient, forged: str, spec: dict[str, Any]
) -> None:
    uid = forged.format(uid=parent.uid, beginning=parent.uid[:8])
    assert refused(runner("POST", tasks_path(parent.namespace), child(uid, **spec)), AS_PARENT, AS_SHAPED)


def test_an_empty_label_names_no_parent_and_shapes_no_pod(parent: Task, callers: Callers) -> None:
    poser = callers.service_account(parent.namespace, pod="et--s1-1-abcde")
    assert poser("POST", tasks_path(parent.namespace), child("", "a")).status == 201
    shaped = poser("POST", tasks_path(parent.namespace), child("", "b", podTemplate=TEMPLATE))
    assert refused(shaped, AS_SHAPED)


def test_a_runner_without_the_label_shapes_no_pod(parent: Task, runner: ApiClient) -> None:
    answer = runner("POST", tasks_path(parent.namespace), manifest("child", podTemplate=TEMPLATE))
    assert refused(answer, AS_SHAPED)


def test_a_runner_gets_no_secret_that_its_account_may_not_read(parent: Task, runner: ApiClient) -> None:
    sources = [{"secretRef": {"name": "mail"}}]
    answer = runner("POST", tasks_path(parent.namespace), child(parent.uid, payloadFrom=sources))
    assert refused(answer, "spec.payloadFrom hands Secrets and ConfigMaps to a handler")


def test_a_runner_has_no_children_in_another_namespace(
    parent: Task, runner: ApiClient, callers: Callers, other_namespace: str
) -> None:
    answer = runner("POST", tasks_path(other_namespace), child(parent.uid))
    assert answer.status == 403
    assert "cannot create resource" in answer.message
    # Nor by a pod there that has taken the name.
    callers.let_runners_create(other_namespace)
    poser = callers.runner_of(parent, other_namespace)
    assert refused(poser("POST", tasks_path(parent.namespace), child(parent.uid)), "cannot create resource")


@SHAPES
def test_rights_in_two_namespaces_do_not_make_a_parent_in_both(
    parent: Task, callers: Callers, other_namespace: str, spec: dict[str, Any]
) -> None:
    callers.let_runners_create(parent.namespace, of=other_namespace)
    poser = callers.runner_of(parent, other_namespace)
    answer = poser("POST", tasks_path(parent.namespace), child(parent.uid, **spec))
    assert refused(answer, AS_PARENT, AS_SHAPED)


@pytest.mark.parametrize("rules", [[], [CREATE_PODS]], ids=["author", "author-of-pods"])
def test_an_author_is_nobodys_run(callers: Callers, parent: Task, rules: list[dict[str, Any]]) -> None:
    author = callers.with_rules(parent.namespace, *rules)
    answer = author("POST", tasks_path(parent.namespace), child(parent.uid))
    assert refused(answer, AS_PARENT)
    assert "who is no pod, is none of them; leave the label out" in answer.message


def test_even_an_administrator_is_nobodys_run(parent: Task, admin: ApiClient) -> None:
    assert refused(admin("POST", tasks_path(parent.namespace), child(parent.uid)), AS_PARENT)


@pytest.mark.parametrize("name", ["runner", "admin"])
def test_the_label_is_not_added_later(
    request: pytest.FixtureRequest, parent: Task, make_task: Callable[..., Task], name: str
) -> None:
    task, caller = make_task("plain"), request.getfixturevalue(name)
    answer = caller.patch(task.path, labelled(parent.uid))
    assert refused(answer, AS_PARENT)
    assert "may not set it later; leave the label as it was, or remove it" in answer.message


@pytest.mark.parametrize("name", ["runner", "admin"])
def test_the_label_is_not_changed_later(
    request: pytest.FixtureRequest, born: Callable[..., Task], make_task: Callable[..., Task], name: str
) -> None:
    other, caller = make_task("other"), request.getfixturevalue(name)
    assert refused(caller.patch(born().path, labelled(other.uid)), AS_PARENT)


def test_anybody_may_remove_the_label_of_a_plain_child(born: Callable[..., Task], runner: ApiClient) -> None:
    assert runner.patch(born().path, labelled(None)).status == 200


@pytest.mark.parametrize("nothing", [None, ""], ids=["removed", "emptied"])
def test_the_label_that_vouches_for_a_pod_template_stays(
    born: Callable[..., Task], runner: ApiClient, nothing: str | None
) -> None:
    """Else the operator, which compares only children's templates with their parents', would take any."""
    answer = runner.patch(born(podTemplate=TEMPLATE).path, labelled(nothing))
    assert refused(answer, AS_VOUCHER)
    assert "leave the label, remove spec.podTemplate too" in answer.message


def test_label_and_pod_template_go_together(born: Callable[..., Task], runner: ApiClient) -> None:
    change = labelled(None) | {"spec": {"podTemplate": None}}
    assert runner.patch(born(podTemplate=TEMPLATE).path, change).status == 200


def test_whoever_may_create_pods_vouches_himself(
    born: Callable[..., Task], callers: Callers, namespace: str
) -> None:
    author = callers.with_rules(namespace, CREATE_PODS)
    assert author.patch(born(podTemplate=TEMPLATE).path, labelled(None)).status == 200


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"podTemplate": TEMPLATE}),
        ({"podTemplate": TEMPLATE}, {"podTemplate": {"spec": {"hostNetwork": True}}}),
        ({"podTemplate": TEMPLATE}, {"handler": "os:abort"}),
    ],
    ids=["adds", "edits", "chooses-what-runs-in-it"],
)
def test_a_runner_shapes_no_pod_later(
    born: Callable[..., Task], runner: ApiClient, before: dict[str, Any], change: dict[str, Any]
) -> None:
    assert refused(runner.patch(born(**before).path, {"spec": change}), AS_SHAPED)


def test_a_child_is_cancelled_and_suspended_like_any_task(
    born: Callable[..., Task], runner: ApiClient
) -> None:
    child_task = born(podTemplate=TEMPLATE)
    assert runner.patch(child_task.path, {"spec": {"suspend": True, "cancel": True}}).status == 200
    assert runner("GET", child_task.path).body["metadata"]["labels"] != {}


def test_a_runner_deletes_nothing(born: Callable[..., Task], runner: ApiClient) -> None:
    assert runner("DELETE", born().path).status == 403


def test_the_operator_writes_a_childs_status(born: Callable[..., Task], callers: Callers) -> None:
    task = born(podTemplate=TEMPLATE)
    assert callers.operator().patch(task.status_path, {"status": {"message": "x"}}).status == 200
