"""The chart's role for the operator: enough for everything, and each verb of it is needed.

The rules are those that Helm renders. They are bound in the test's own namespace, so that operators of other tests do
not meet; ``test_cluster_wide`` binds them for a whole control plane of its own.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import Condition, Phase, State
from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.chart import NAMESPACE, RELEASE, of_kind, render
from tests.support.control_plane import install_crd
from tests.support.live_tasks import checked, condition_of
from tests.support.simulated_pods import hold, succeed
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

RBAC = "/apis/rbac.authorization.k8s.io/v1"
AFTER_THE_LISTS_SECONDS = 3.0
"""kopf lists once more when the operator is ready; what is made after that only a watch can tell."""

BREAKS_SECONDS = 5.0
"""How long a scenario that takes a second or two is seen not to come to its end."""

DENIED = 'code="403"'


@pytest.fixture(scope="module")
def rules() -> list[Json]:
    """The rules of the operator's role."""
    roles = [role for role in of_kind(render(), "ClusterRole") if role["metadata"]["name"] == RELEASE]
    return list(roles[0]["rules"])


def without(rules: list[Json], resource: str, verb: str) -> list[Json]:
    """Take one verb on one resource away."""
    left: list[Json] = json.loads(json.dumps(rules))
    for rule in left:
        for group in rule["apiGroups"]:
            if any(_name(group, plural) == resource for plural in rule["resources"]):
                rule["verbs"] = [known for known in rule["verbs"] if known != verb]
    return [rule for rule in left if rule["verbs"]]


def _name(group: str, plural: str) -> str:
    return f"{plural}.{group}" if group == "events.k8s.io" else plural


def verbs_of(rules: list[Json]) -> set[tuple[str, str]]:
    """Give all (resource, verb) of rules."""
    return {
        (_name(group, plural), verb)
        for rule in rules
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }


def log_in(admin: ApiClient, namespace: str, rules: list[Json]) -> str:
    """Make a service account with these rules in its namespace; gives its token."""
    root = f"{RBAC}/namespaces/{namespace}"
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    checked(admin("POST", account, {"metadata": {"name": RELEASE}}))
    checked(admin("POST", f"{root}/roles", {"metadata": {"name": RELEASE}, "rules": rules}))
    binding = {
        "metadata": {"name": RELEASE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RELEASE},
        "subjects": [{"kind": "ServiceAccount", "name": RELEASE, "namespace": namespace}],
    }
    checked(admin("POST", f"{root}/rolebindings", binding))
    token = checked(admin("POST", f"{account}/{RELEASE}/token", {"spec": {"expirationSeconds": 3600}}))
    return str(token["status"]["token"])


def denied(operator) -> list[str]:
    """Requests of the operator that were denied."""
    return [line for line in operator.metrics().splitlines() if DENIED in line and "_created" not in line]


# --- what every verb is for --------------------------------------------------------------------------------
# A scenario says what is to happen; it is given the stage and the operator (not started yet).


def never_ready(stage, operator) -> bool:
    operator.start(until_ready=False)
    eventually(lambda: operator.log, lambda log: "cannot list" in log, 30)
    return bool(operator.probe("readyz") == 200)


def a_task_runs(stage, operator) -> Callable[[], bool]:
    operator.start()
    stage.pods()
    task = stage.task()
    return lambda: task.state == State.COMPLETED


def a_task_that_no_list_shows_runs(stage, operator) -> Callable[[], bool]:
    operator.start()
    stage.pods()
    time.sleep(AFTER_THE_LISTS_SECONDS)
    task = stage.task()
    return lambda: task.state == State.COMPLETED


def a_finished_tasks_job_goes(stage, operator) -> Callable[[], bool]:
    operator.start()
    stage.pods()
    task = stage.task()
    task.until_state(State.COMPLETED)
    return lambda: task.jobs() == []


def a_finished_task_frees_its_slot(stage, operator) -> Callable[[], bool]:
    """Only the watch of Jobs tells that one is gone."""
    operator.start()
    stage.pods()
    stage.task().until_state(State.COMPLETED)
    return lambda: operator.running and operator.metric("evertask_slots_taken") == 0


def a_task_expires(stage, operator) -> Callable[[], bool]:
    operator.start()
    stage.pods()
    task = stage.task(ttlAfterFinished="1s")
    task.until_state(State.COMPLETED)
    return lambda: not task.exists()


def a_stuck_pod_is_named(stage, operator) -> Callable[[], bool]:
    """Neither the Job nor the events of a pod say what its kubelet waits for."""
    operator.start()
    stage.pods(lambda pod: pod.wait_for("ErrImagePull", "no such image"))
    task = stage.task()
    task.until(lambda s: s.get("job"))
    return lambda: condition_of(task.status, Condition.LAUNCHED).get("reason") == "ImagePullBackOff"


def a_vanished_job_is_looked_for(stage, operator) -> Callable[[], bool]:
    """A claimed run whose Job and pod went while no operator lived: only a look at the Job tells."""
    operator.start()
    pods = stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    operator.kill()
    job = stage.jobs()[0]["metadata"]
    path = f"/apis/batch/v1/namespaces/{stage.namespace}/jobs/{job['name']}"
    checked(stage.admin("DELETE", path, {"propagationPolicy": "Foreground"}))
    task.until_nothing_is_left()
    pods.play = succeed
    operator.start()
    return lambda: task.state == State.COMPLETED


def a_conflict_is_resolved_at_once(stage, operator) -> Callable[[], bool]:
    """A write from a stale view: the task is read anew. (Later the watch would tell too: see errors, not ends.)"""
    operator.start()
    stage.pods()
    for number in range(8):
        task = stage.task(f"t-{number}", suspend=True)
        for minutes in range(8):  # while the operator writes about one edit the next one comes
            task.change(delay=f"{minutes}m")
    eventually(lambda: operator.metric("evertask_write_conflicts_total"), bool, 30)
    return lambda: not denied(operator)


def a_held_task_has_its_event(stage, operator) -> Callable[[], bool]:
    operator.start()
    task = stage.task(podTemplate={"spec": {"volumes": "x"}})
    task.until(lambda s: condition_of(s, Condition.ACCEPTED).get("status") == "False")
    return lambda: bool(stage.events(task))


def a_failure_that_repeats_is_counted(stage, operator) -> Callable[[], bool]:
    def fail(pod) -> None:
        pod.claim()
        pod.commit(Phase.FAILED, error="no such report")
        pod.end()

    operator.start()
    stage.pods(fail)
    task = stage.task(recurrence={"every": "1s"})
    task.until(lambda s: (s.get("counts") or {}).get("failed", 0) >= 2)
    eventually(lambda: stage.events(task), bool, 10)
    return lambda: any("series" in event for event in stage.events(task))


def a_pod_that_cannot_be_made_is_explained(stage, operator) -> Callable[[], bool]:
    operator.start()
    task = stage.task(podTemplate={"spec": {"containers": [{"image": " i "}]}})
    task.until(lambda s: s.get("job"))
    eventually(operator.metrics, lambda text: 'resource="events",verb="list"' in text, 30)
    return lambda: condition_of(task.status, Condition.LAUNCHED).get("reason") == "FailedCreate"


def an_orphaned_pod_goes(stage, operator) -> Callable[[], bool]:
    """Neither its task nor its Job is there any more, and nothing owns it."""
    stage.orphaned_pod()
    operator.start()
    path = f"/api/v1/namespaces/{stage.namespace}/pods"
    return lambda: checked(stage.admin("GET", path))["items"] == []


SCENARIOS: dict[tuple[str, str], Callable[..., Any]] = {
    ("evertasks", "list"): never_ready,
    ("evertasks", "watch"): a_task_that_no_list_shows_runs,
    ("evertasks", "get"): a_conflict_is_resolved_at_once,
    ("evertasks", "delete"): a_task_expires,
    ("evertasks/status", "patch"): a_task_runs,
    ("jobs", "list"): never_ready,
    ("jobs", "watch"): a_finished_task_frees_its_slot,
    ("jobs", "get"): a_vanished_job_is_looked_for,
    ("jobs", "create"): a_task_runs,
    ("jobs", "delete"): a_finished_tasks_job_goes,
    ("pods", "list"): never_ready,
    ("pods", "watch"): a_stuck_pod_is_named,
    ("pods", "delete"): an_orphaned_pod_goes,
    ("events", "list"): a_pod_that_cannot_be_made_is_explained,
    ("events.events.k8s.io", "create"): a_held_task_has_its_event,
    ("events.events.k8s.io", "patch"): a_failure_that_repeats_is_counted,
}


def test_there_is_a_scenario_for_each_verb(rules):
    assert set(SCENARIOS) == verbs_of(rules)


@pytest.mark.parametrize("scenario", dict.fromkeys(SCENARIOS.values()))
def test_the_charts_role_is_enough(stage, rules, scenario):
    token = log_in(stage.admin, stage.namespace, rules)
    operator = stage.operator(token=token, start=False)
    if scenario is never_ready:
        operator.start()
    else:
        eventually(scenario(stage, operator), bool, 60)
    assert denied(operator) == []
    assert operator.metric('evertask_reconcile_errors_total{kind="PermissionDeniedError"}') == 0


@pytest.mark.parametrize(("resource", "verb"), sorted(SCENARIOS), ids=lambda part: part.replace("/", "-"))
def test_each_verb_is_needed(stage, rules, resource, verb):
    token = log_in(stage.admin, stage.namespace, without(rules, resource, verb))
    operator = stage.operator(token=token, start=False)
    scenario = SCENARIOS[resource, verb]
    if scenario is never_ready:
        assert not never_ready(stage, operator)
        return
    works = scenario(stage, operator)
    if scenario is a_conflict_is_resolved_at_once:
        eventually(works, lambda fine: not fine, 30)
        return
    throughout(works, lambda fine: not fine, BREAKS_SECONDS)


def test_cluster_wide(tmp_path):
    """The whole of it: account, role and binding as the chart renders them, tasks in any namespace."""
    from tests.integration.operator.conftest import Stage

    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    documents = [document for document in render() if document["kind"] in kinds]
    with (
        LightControlPlane(controller_manager=True) as plane,
        closing(ApiClient(plane.server, plane.ca, plane.token)) as admin,
    ):
        install_crd(admin)
        checked(admin("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}))
        plane.kubectl(
            "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        )
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{RELEASE}/token"
        token = checked(admin("POST", path, {"spec": {"expirationSeconds": 3600}}))["status"]["token"]
        checked(admin("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}}))
        stage = Stage(plane, admin, "shop", tmp_path)
        try:
            operator = stage.operator(token=token, watchNamespaces=[])
            stage.pods()
            stage.task(ttlAfterFinished="1s").until_gone()
            assert denied(operator) == []
        finally:
            stage.close()
