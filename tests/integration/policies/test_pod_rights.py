"""Tasks are no way around the rights to pods, Secrets and ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api_client import tasks_path
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.policies.conftest import Callers, Task
    from tests.support.api_client import Answer

CREATE_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
GET_MAIL = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mail"], "verbs": ["get"]}
GET_CONFIG = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}

TEMPLATE = {"spec": {"serviceAccountName": "powerful"}}
MAIL = [{"secretRef": {"name": "mail"}}]
OTHER_SECRET = [{"secretRef": {"name": "other"}}]
CONFIG = [{"configMapRef": {"name": "settings"}}]

AS_SHAPED = "spec.podTemplate shapes a pod"
AS_SOURCES = "spec.payloadFrom hands Secrets and ConfigMaps to a handler"


def refused(answer: Answer, beginning: str) -> bool:
    return answer.status == 403 and answer.body["reason"] == "Forbidden" and beginning in answer.message


@pytest.mark.parametrize(
    ("rules", "spec", "sentence"),
    [
        pytest.param([], {}, None, id="a-plain-task-needs-no-right-to-pods"),
        pytest.param([], {"podTemplate": TEMPLATE}, AS_SHAPED, id="a-template-without-the-right"),
        pytest.param([], {"podTemplate": {}}, AS_SHAPED, id="an-empty-template-too"),
        pytest.param([CREATE_PODS], {"podTemplate": TEMPLATE}, None, id="a-template-with-the-right"),
        pytest.param([], {"payloadFrom": MAIL}, AS_SOURCES, id="a-secret-without-the-right"),
        pytest.param([GET_MAIL], {"payloadFrom": MAIL}, None, id="a-secret-that-may-be-read"),
        pytest.param(
            [GET_MAIL], {"payloadFrom": [*MAIL, *OTHER_SECRET]}, AS_SOURCES, id="one-of-two-may-be-read"
        ),
        pytest.param([GET_MAIL], {"payloadFrom": CONFIG}, AS_SOURCES, id="a-configmap-without-the-right"),
        pytest.param([GET_CONFIG], {"payloadFrom": CONFIG}, None, id="a-configmap-that-may-be-read"),
        pytest.param([CREATE_PODS], {"payloadFrom": [*MAIL, *CONFIG]}, None, id="pods-mount-what-they-like"),
    ],
)
def test_creating_a_task_needs_the_rights_it_makes_use_of(
    callers: Callers, namespace: str, rules: list[dict[str, Any]], spec: dict[str, Any], sentence: str | None
) -> None:
    answer = callers.with_rules(namespace, *rules)("POST", tasks_path(namespace), manifest("b", **spec))
    assert refused(answer, sentence) if sentence else answer.status == 201, answer


@pytest.mark.parametrize(
    ("before", "change", "sentence"),
    [
        pytest.param({}, {"podTemplate": TEMPLATE}, AS_SHAPED, id="adds-a-template"),
        pytest.param(
            {"podTemplate": TEMPLATE},
            {"podTemplate": {"spec": {"hostNetwork": True}}},
            AS_SHAPED,
            id="edits-it",
        ),
        pytest.param(
            {"podTemplate": TEMPLATE}, {"handler": "os:abort"}, AS_SHAPED, id="chooses-what-runs-in-it"
        ),
        pytest.param({"podTemplate": TEMPLATE}, {"payload": {"a": 1}}, AS_SHAPED, id="chooses-its-input"),
        pytest.param({"podTemplate": TEMPLATE}, {"payloadFrom": CONFIG}, AS_SHAPED, id="adds-input-to-it"),
        pytest.param({"podTemplate": TEMPLATE}, {"suspend": True}, None, id="suspends-a-shaped-task"),
        pytest.param({"podTemplate": TEMPLATE}, {"cancel": True}, None, id="cancels-a-shaped-task"),
        pytest.param({"podTemplate": TEMPLATE}, {"podTemplate": None}, None, id="removes-the-template"),
        pytest.param({}, {"payloadFrom": MAIL}, AS_SOURCES, id="adds-a-secret"),
        pytest.param(
            {"payloadFrom": MAIL}, {"payloadFrom": OTHER_SECRET}, AS_SOURCES, id="names-another-secret"
        ),
        pytest.param(
            {"payloadFrom": MAIL}, {"handler": "os:abort"}, AS_SOURCES, id="chooses-what-gets-the-secret"
        ),
        pytest.param({"payloadFrom": MAIL}, {"cancel": True}, None, id="cancels-a-task-with-secrets"),
        pytest.param({}, {"handler": "os:abort", "payload": {"a": 1}}, None, id="edits-a-plain-task"),
    ],
)
def test_whoever_may_only_edit_tasks(
    callers: Callers,
    make_task: Callable[..., Task],
    before: dict[str, Any],
    change: dict[str, Any],
    sentence: str | None,
) -> None:
    task = make_task("b", **before)
    answer = callers.with_rules(task.namespace).patch(task.path, {"spec": change})
    assert refused(answer, sentence) if sentence else answer.status == 200, answer


def test_whoever_may_create_pods_edits_everything(callers: Callers, make_task: Callable[..., Task]) -> None:
    task = make_task("b", podTemplate=TEMPLATE, payloadFrom=MAIL)
    change = {"handler": "os:abort", "podTemplate": {"spec": {"nodeName": "a"}}, "payloadFrom": CONFIG}
    assert callers.with_rules(task.namespace, CREATE_PODS).patch(task.path, {"spec": change}).status == 200


def test_the_right_counts_in_the_tasks_namespace_only(
    callers: Callers, namespace: str, other_namespace: str
) -> None:
    author = callers.with_rules(namespace, CREATE_PODS)
    answer = author("POST", tasks_path(other_namespace), manifest(podTemplate=TEMPLATE))
    assert answer.status == 403


def test_the_refusal_names_field_caller_and_remedy(callers: Callers, namespace: str) -> None:
    author = callers.with_rules(namespace)
    shaped = author("POST", tasks_path(namespace), manifest("b", podTemplate=TEMPLATE)).message
    assert (
        f"system:serviceaccount:{namespace}:author has no right to create pods in namespace {namespace}"
        in shaped
    )
    assert "ask for a role with the verb create on pods there, or leave spec.podTemplate out" in shaped
    sources = author("POST", tasks_path(namespace), manifest("b", payloadFrom=[*CONFIG, *MAIL])).message
    assert f"has no right to read all of ConfigMap settings, Secret mail in namespace {namespace}" in sources
    assert "or leave spec.payloadFrom out" in sources


def test_the_runner_of_a_shaped_task_writes_its_status_all_the_same(
    callers: Callers, make_task: Callable[..., Task]
) -> None:
    task = make_task("b", podTemplate=TEMPLATE, payloadFrom=MAIL)
    assert callers.runner_of(task).patch(task.status_path, {"status": {"message": "x"}}).status == 200
