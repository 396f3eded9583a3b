"""Who may write a task's status: the operator, and a pod that works for this very task. Nobody else, not even `[]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.policies.conftest import Callers, Task
    from tests.support.api_client import Answer, ApiClient

MakeTask = "Callable[..., Task]"

WRITES = [
    pytest.param([{"op": "add", "path": "/status", "value": {"message": "mine"}}], id="json-patch"),
    pytest.param({"status": {"message": "mine"}}, id="merge-patch"),
    pytest.param([], id="empty-patch"),
    pytest.param([{"op": "test", "path": "/kind", "value": protocol.KIND}], id="only-a-test"),
]


def refused(answer: Answer) -> bool:
    """Whether the policy refused, and not the lack of a right."""
    return (
        answer.status == 403
        and answer.body["reason"] == "Forbidden"
        and "by the pods of this very task" in answer.message
    )


@pytest.mark.parametrize("body", WRITES)
def test_a_pod_writes_the_status_of_its_own_task(
    make_task: Callable[..., Task], callers: Callers, body: Any
) -> None:
    task = make_task()
    answer = callers.runner_of(task).patch(task.status_path, body)
    assert answer.status == 200, answer
    # The answer brings payload and options: a runner has no right to read.
    assert answer.body["spec"]["handler"] == manifest()["spec"]["handler"]


@pytest.mark.parametrize("body", WRITES)
def test_a_pod_cannot_write_the_status_of_another_task(
    make_task: Callable[..., Task], callers: Callers, body: Any
) -> None:
    own, other = make_task("a"), make_task("b")
    assert refused(callers.runner_of(own).patch(other.status_path, body))


@pytest.mark.parametrize("body", WRITES)
def test_a_pod_cannot_write_into_another_namespace(
    make_task: Callable[..., Task], callers: Callers, other_namespace: str, body: Any
) -> None:
    own, other = make_task("a"), make_task("a", other_namespace)
    assert refused(callers.runner_of(own).patch(other.status_path, body))


@pytest.mark.parametrize("body", WRITES)
def test_a_name_made_up_in_another_namespace_does_not_help(
    make_task: Callable[..., Task], callers: Callers, other_namespace: str, body: Any
) -> None:
    task = make_task()
    assert refused(callers.runner_of(task, other_namespace).patch(task.status_path, body))


@pytest.mark.parametrize(
    "pod",
    [
        "et-",
        "et-{uid}",
        "et-{uid}0-s1-1-abcde",
        "x-et-{uid}-s1-1-abcde",
        "{uid}",
        "et-00000000-0000-0000-0000-000000000000-s1-1",
    ],
)
def test_only_the_exact_prefix_counts(make_task: Callable[..., Task], callers: Callers, pod: str) -> None:
    task = make_task()
    # A pod's name cannot end in a hyphen.
    caller = callers.service_account(task.namespace, pod=pod.format(uid=task.uid).rstrip("-") + ".x")
    assert refused(caller.patch(task.status_path, []))


@pytest.mark.parametrize("body", WRITES)
def test_a_service_account_without_a_pod_is_refused(
    make_task: Callable[..., Task], callers: Callers, body: Any
) -> None:
    task = make_task()
    answer = callers.service_account(task.namespace).patch(task.status_path, body)
    assert refused(answer)
    assert "who is no pod" in answer.message


def test_even_an_administrator_is_refused(make_task: Callable[..., Task], admin: ApiClient) -> None:
    assert refused(admin.patch(make_task().status_path, {"status": {"message": "by hand"}}))


def test_a_refused_write_leaves_nothing(
    make_task: Callable[..., Task], callers: Callers, admin: ApiClient
) -> None:
    own, other = make_task("a"), make_task("b")
    before = admin("GET", other.path).body
    callers.runner_of(own).patch(other.status_path, {"status": {"message": "mine"}})
    assert admin("GET", other.path).body == before


def test_a_task_made_again_under_its_name_is_another_task(
    make_task: Callable[..., Task], callers: Callers, admin: ApiClient
) -> None:
    earlier = make_task()
    runner = callers.runner_of(earlier)
    assert admin("DELETE", earlier.path).status == 200
    assert refused(runner.patch(make_task().status_path, []))


@pytest.mark.parametrize("body", WRITES)
def test_the_operator_writes_every_status(
    make_task: Callable[..., Task], callers: Callers, body: Any
) -> None:
    assert callers.operator().patch(make_task().status_path, body).status == 200


def test_the_operators_account_name_in_another_namespace_is_nobody(
    make_task: Callable[..., Task], callers: Callers
) -> None:
    task = make_task()
    assert refused(callers.service_account(task.namespace, "evertask").patch(task.status_path, []))


def test_the_refusal_says_what_is_refused_and_to_whom(
    make_task: Callable[..., Task], callers: Callers
) -> None:
    own, other = make_task("a"), make_task("b")
    message = callers.runner_of(own).patch(other.status_path, []).message
    assert f"the status of EverTask {other.namespace}/b is written only by" in message
    assert f"system:serviceaccount:{own.namespace}:worker in pod et-{own.uid}-" in message
    assert "edit its spec" in message


@pytest.mark.parametrize(
    ("method", "subresource"),
    [("GET", ""), ("GET", "status"), ("DELETE", ""), ("PATCH", "")],
    ids=lambda value: value or "task",
)
def test_a_runner_has_no_other_right(
    make_task: Callable[..., Task], callers: Callers, method: str, subresource: str
) -> None:
    task = make_task()
    path = task.status_path if subresource else task.path
    body = {"spec": {"suspend": True}} if method == "PATCH" else None
    answer = callers.runner_of(task)(method, path, body, "application/merge-patch+json")
    assert answer.status == 403
    assert "cannot" in answer.message


def test_a_status_write_changes_nothing_else(
    make_task: Callable[..., Task], callers: Callers, admin: ApiClient
) -> None:
    task = make_task()
    body = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["a/b"]},
        "spec": {"suspend": True},
        "status": {"message": "x"},
    }
    assert callers.runner_of(task).patch(task.status_path, body).status == 200
    found = admin("GET", task.path).body
    assert found["status"]["message"] == "x"
    assert found["spec"]["suspend"] is False
    assert "labels" not in found["metadata"]


def test_what_remains_is_that_a_guess_can_be_confirmed(
    make_task: Callable[..., Task], callers: Callers
) -> None:
    """The threat model says so: a failing `test` is answered before the policies are asked."""
    own, other = make_task("a"), make_task("b", payload={"pin": 1234})
    runner = callers.runner_of(own)
    right, wrong = ([{"op": "test", "path": "/spec/payload/pin", "value": guess}] for guess in (1234, 1))
    assert refused(runner.patch(other.status_path, right))
    assert runner.patch(other.status_path, wrong).status == 422
