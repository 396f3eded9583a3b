"""Tasks that a run dispatches: chains go on, and a run that starts again repeats none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import ANNOTATION_PARENT_RUN, LABEL_PARENT_UID, State
from tests.support.api_client import tasks_path
from tests.support.live_tasks import LiveTask, checked, run_of

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

GRACE = "20s"
"""A callback's time: enough to load the dispatcher, on a machine that runs other tests."""
VERBS = ["create", "get", "list", "watch", "patch"]


@pytest.fixture
def dispatching(ledger: Workspace) -> Workspace:
    """Let the namespace's handlers dispatch, as the chart's runners.createTasks does for all of a namespace."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ledger.name}"
    rule = {"apiGroups": ["evertask.io"], "resources": ["evertasks"], "verbs": VERBS}
    checked(ledger.client("POST", f"{rbac}/roles", {"metadata": {"name": "dispatching"}, "rules": [rule]}))
    binding = {
        "metadata": {"name": "dispatching"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dispatching"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": ledger.name}],
    }
    checked(ledger.client("POST", f"{rbac}/rolebindings", binding))
    return ledger


def children_of(task: LiveTask) -> list[LiveTask]:
    """Give the tasks that were dispatched in a task's runs."""
    uid = task.read()["metadata"]["uid"]
    path = f"{tasks_path(task.namespace)}?labelSelector={LABEL_PARENT_UID}%3D{uid}"
    items = checked(task.client("GET", path))["items"]
    return [LiveTask(task.client, task.namespace, item["metadata"]["name"]) for item in items]


def test_a_chain_goes_on_in_a_pod_of_the_same_kind(dispatching: Workspace):
    task = dispatching.start("families:FirstOfTwo", gracePeriod=GRACE)
    run = run_of(task.until_state(State.COMPLETED))
    # The child is there before the parent's success is visible.
    (child,) = children_of(task)
    assert (run["children"], run["childrenCount"]) == ([child.name], 1)
    assert child.until_state(State.COMPLETED)["result"] == 2
    stored, parent = child.read(), task.read()
    assert stored["spec"]["podTemplate"] == parent["spec"]["podTemplate"]
    assert stored["metadata"]["annotations"][ANNOTATION_PARENT_RUN] in parent["status"]["runs"]


def test_a_run_that_starts_again_repeats_no_child(dispatching: Workspace):
    task = dispatching.start("families:FanOut", gracePeriod=GRACE)
    first = run_of(task.until_running())
    assert dispatching.evict(first["podName"]).status == 201
    run = run_of(task.until_state(State.COMPLETED))
    children = children_of(task)
    assert (run["interruptions"], run["childrenCount"], len(children)) == (1, 3, 3)
    assert sorted(child.until_state(State.COMPLETED)["result"] for child in children) == [1, 1, 2]
    assert sorted(call["what"] for call in dispatching.calls()) == ["step 1", "step 1", "step 2"]


def test_a_handler_that_may_not_dispatch_is_told_which_right_it_lacks(ledger: Workspace):
    # In a namespace where the chart's runners.createTasks grants nothing.
    task = ledger.start("families:FirstOfTwo", gracePeriod=GRACE)
    status = task.until_state(State.COMPLETED)
    errors = run_of(status).get("callbackErrors")
    if errors is None:
        pytest.skip("this cluster lets all handlers dispatch (runners.createTasks)")
    assert "evertask.errors.PermissionDeniedError" in errors[0]["message"]
    assert "create" in errors[0]["message"]
