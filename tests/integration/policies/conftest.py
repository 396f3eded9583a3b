"""A control plane with the whole chart applied, and callers with real tokens of service accounts and of pods.

The plane is this folder's own: the policies hold for the whole cluster, and other tests write status as they like.
It is shared by the workers of a run.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from hack.cluster.light import RUN_VARIABLE, LightControlPlane
from tests.support.api_client import ApiClient, tasks_path
from tests.support.chart import NAMESPACE, RELEASE, of_kind, render
from tests.support.control_plane import install_crd
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CREATED, CONFLICT, FORBIDDEN = 201, 409, 403
CREATING = "creating"
"""The namespace whose runners may create tasks as the chart grants it: one for all tests of the run."""

SECONDS = 30.0

Json = dict[str, Any]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[LightControlPlane]:
    """Start the API server and apply everything that the chart renders."""
    run = os.environ.get(RUN_VARIABLE) or f"pid{os.getpid()}"
    with LightControlPlane(name=f"policies-{run}") as plane:
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            install_crd(client)
            # One worker of the run at a time: kubectl takes an object that appears meanwhile for an error.
            with (plane.folder / "chart.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _apply_chart(plane, client)
            _wait_until_enforced(client)
        yield plane


@pytest.fixture(scope="session")
def admin(control_plane: LightControlPlane) -> Iterator[ApiClient]:
    """Call this folder's API server as its administrator: the parent's fixture stays with the parent's plane."""
    with closing(ApiClient(control_plane.server, control_plane.ca, control_plane.token)) as client:
        yield client


def _apply_chart(plane: LightControlPlane, client: ApiClient) -> None:
    client("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    options = ("--set", f"runners.createTasks={{{CREATING}}}")
    client("POST", "/api/v1/namespaces", {"metadata": {"name": CREATING}})
    documents = [document for document in render(*options) if document["kind"] != "CustomResourceDefinition"]
    assert of_kind(documents, "ValidatingAdmissionPolicy")
    listed = {"apiVersion": "v1", "kind": "List", "items": documents}
    plane.kubectl("apply", "-f", "-", text=json.dumps(listed))


def _wait_until_enforced(client: ApiClient) -> None:
    """Wait until the API server has compiled the policies: that takes moments after their creation."""
    client("POST", tasks_path("default"), manifest("probe"))
    deadline = time.monotonic() + SECONDS
    while client.patch(tasks_path("default", "probe", "status"), []).status != FORBIDDEN:
        assert time.monotonic() < deadline, "the policy of status writes is not enforced"
        time.sleep(0.1)


class Task(NamedTuple):
    """A task on the API server."""

    namespace: str
    name: str
    uid: str

    @property
    def status_path(self) -> str:
        """Path of its status."""
        return tasks_path(self.namespace, self.name, "status")

    @property
    def path(self) -> str:
        """Path of itself."""
        return tasks_path(self.namespace, self.name)


class Callers:
    """Makes service accounts, pods and the tokens that the API server issues for them."""

    def __init__(self, admin: ApiClient) -> None:
        self._admin = admin

    def service_account(self, namespace: str, name: str = "worker", *, pod: str | None = None) -> ApiClient:
        """Give a caller with a service account's token, bound to a pod of that name if one is given."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        assert self._admin("POST", accounts, {"metadata": {"name": name}}).status in {CREATED, CONFLICT}
        spec: Json = {"expirationSeconds": 3600}
        if pod is not None:
            spec["boundObjectRef"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod,
                "uid": self._pod(namespace, pod, name),
            }
        answer = self._admin("POST", f"{accounts}/{name}/token", {"spec": spec})
        assert answer.status == CREATED, answer
        return self._admin.as_token(answer.body["status"]["token"])

    def _pod(self, namespace: str, name: str, account: str) -> str:
        pod = {
            "metadata": {"name": name},
            "spec": {"serviceAccountName": account, "containers": [{"name": "runner", "image": "none"}]},
        }
        answer = self._admin("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
        assert answer.status == CREATED, answer
        return str(answer.body["metadata"]["uid"])

    def runner_of(self, task: Task, namespace: str | None = None) -> ApiClient:
        """Give a caller whose pod has the name that a run's pod of the task has."""
        return self.service_account(namespace or task.namespace, pod=f"et-{task.uid}-s1795487555-1-abcde")

    def operator(self) -> ApiClient:
        """Give the operator."""
        return self.service_account(NAMESPACE, RELEASE)

    def let_runners_create(self, namespace: str, *, of: str | None = None) -> None:
        """Grant a namespace's service accounts (or those ``of`` another) what ``runners.createTasks`` grants them."""
        binding = {
            "metadata": {"name": f"runner-tasks-{of or namespace}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": f"{RELEASE}-runner-tasks",
            },
            "subjects": [
                {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Group",
                    "name": f"system:serviceaccounts:{of or namespace}",
                }
            ],
        }
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
        assert self._admin("POST", path, binding).status == CREATED
        self._wait_for_rights(self.service_account(of or namespace), namespace)

    def with_rules(self, namespace: str, *rules: Json) -> ApiClient:
        """Give a service account that may edit tasks in the namespace, and what the rules add."""
        editing: Json = {
            "apiGroups": ["evertask.io"],
            "resources": ["evertasks"],
            "verbs": ["create", "update", "patch"],
        }
        root = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        role = {"metadata": {"name": "author"}, "rules": [editing, *rules]}
        assert self._admin("POST", f"{root}/roles", role).status == CREATED
        binding = {
            "metadata": {"name": "author"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "author"},
            "subjects": [{"kind": "ServiceAccount", "name": "author", "namespace": namespace}],
        }
        assert self._admin("POST", f"{root}/rolebindings", binding).status == CREATED
        caller = self.service_account(namespace, "author")
        self._wait_for_rights(caller, namespace)
        return caller

    @staticmethod
    def _wait_for_rights(caller: ApiClient, namespace: str) -> None:
        """The authorizer learns of a new binding by a watch."""
        deadline = time.monotonic() + SECONDS
        while caller("POST", f"{tasks_path(namespace)}?dryRun=All", manifest()).status == FORBIDDEN:
            assert time.monotonic() < deadline, "the role does not take effect"
            time.sleep(0.05)


@pytest.fixture
def callers(admin: ApiClient) -> Callers:
    return Callers(admin)


@pytest.fixture
def make_task(admin: ApiClient, namespace: str) -> Callable[..., Task]:
    """Make tasks in the test's namespace (or another), as the administrator."""

    def make(name: str = "a", in_namespace: str = namespace, **spec: Any) -> Task:
        answer = admin("POST", tasks_path(in_namespace), manifest(name, **spec))
        assert answer.status == CREATED, answer
        return Task(in_namespace, name, answer.body["metadata"]["uid"])

    return make


@pytest.fixture
def other_namespace(admin: ApiClient, namespace: str) -> str:
    name = f"{namespace}-other"
    assert admin("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).status == CREATED
    return name
