"""A namespace of one test's own, with the handlers of tests/e2e/handlers mounted into its runners.

The handlers come as a ConfigMap over the runner's working directory, which is on Python's path: tests need no image
of their own.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from tests.support.api_client import tasks_path
from tests.support.live_tasks import PATIENCE_SECONDS, LiveTask, checked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.api_client import Answer, ApiClient

Json = dict[str, Any]

HANDLERS = Path(__file__).parents[1] / "e2e" / "handlers"
LABEL = ("evertask.io/test", "e2e")
"""On every namespace of the tests, so that what a killed run left behind can be found and removed."""

WORKING_DIRECTORY = "/app"
"""Of the runner's image."""

SHORT_GRACE = "2s"
DESCRIBED_CHARACTERS = 3000
"""Of each object, when a failed test's namespace is printed."""

_CALLS = "e2e-call"
_ENDS = "e2e-end"


def handlers_template(*, container: Json | None = None, **pod: Any) -> Json:
    """Give a pod template that brings the tests' handlers.

    Args:
        container: fields of the runner's container.
        pod: further fields of the pod's spec.
    """
    mount = {"name": "handlers", "mountPath": WORKING_DIRECTORY, "readOnly": True}
    runner = {"name": protocol.CONTAINER_NAME, "volumeMounts": [mount], **(container or {})}
    volume = {"name": "handlers", "configMap": {"name": "handlers"}}
    return {"spec": {"containers": [runner], "volumes": [volume], **pod}}


class Workspace:
    """One namespace."""

    def __init__(self, client: ApiClient) -> None:
        """Make the namespace, wait until pods can be made in it, and bring the handlers."""
        self.client = client
        self.name = f"e2e-{secrets.token_hex(4)}"
        labels = dict([LABEL])
        checked(client("POST", "/api/v1/namespaces", {"metadata": {"name": self.name, "labels": labels}}))
        eventually(
            lambda: client("GET", self.core("serviceaccounts", "default")).status,
            lambda code: code == 200,
            30,
        )
        source = {path.name: path.read_text("utf-8") for path in HANDLERS.glob("*.py")}
        self.create("configmaps", {"metadata": {"name": "handlers"}, "data": source})

    def core(self, plural: str, name: str = "") -> str:
        """Give the path of the namespace's objects of a core kind, or of one of them."""
        path = f"/api/v1/namespaces/{self.name}/{plural}"
        return f"{path}/{name}" if name else path

    def create(self, plural: str, body: Json) -> Json:
        """Make an object of a core kind."""
        created: Json = checked(self.client("POST", self.core(plural), body))
        return created

    def start(
        self,
        handler: str,
        name: str = "task",
        *,
        container: Json | None = None,
        pod: Json | None = None,
        **spec: Any,
    ) -> LiveTask:
        """Create a task.

        Args:
            handler: ``spec.handler``.
            name: of the task.
            container: fields of the runner's container.
            pod: fields of the pod's spec.
            spec: further fields of the spec.
        """
        whole = {
            "handler": handler,
            "gracePeriod": SHORT_GRACE,
            "podTemplate": handlers_template(container=container, **(pod or {})),
            **spec,
        }
        body = {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "metadata": {"name": name},
            "spec": whole,
        }
        checked(self.client("POST", tasks_path(self.name), body))
        return LiveTask(self.client, self.name, name)

    def delete(self) -> None:
        """Delete the namespace and everything in it; does not wait for that."""
        self.client("DELETE", f"/api/v1/namespaces/{self.name}")

    # --- pods ---------------------------------------------------------------------------------------------------

    def evict(self, pod: str) -> Answer:
        """Evict a pod, as the drain of a node does."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.name},
        }
        return self.client("POST", f"{self.core('pods', pod)}/eviction", body)

    def until_no_pods_are_left(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the namespace has neither Jobs nor pods: what a task that is gone must have left behind."""
        jobs = f"/apis/batch/v1/namespaces/{self.name}/jobs"
        eventually(
            lambda: [item["metadata"]["name"] for item in self._items(jobs) + self._items(self.core("pods"))],
            lambda names: not names,
            seconds,
        )

    def log_of(self, pod: str) -> str:
        """Read a pod's log."""
        return str(self.client("GET", f"{self.core('pods', pod)}/log").body)

    def until_succeeded(self, pod: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until a pod has succeeded, and give its log."""
        eventually(
            lambda: self.client("GET", self.core("pods", pod)).body["status"].get("phase"),
            lambda phase: phase == "Succeeded",
            seconds,
        )
        return self.log_of(pod)

    # --- the ledger: how often handlers were really called ------------------------------------------------------

    def open_ledger(self) -> None:
        """Let handlers note their calls: give the pods' service account the right to make ConfigMaps."""
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.name}"
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}
        checked(self.client("POST", f"{rbac}/roles", {"metadata": {"name": "ledger"}, "rules": [rule]}))
        binding = {
            "metadata": {"name": "ledger"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ledger"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": self.name}],
        }
        checked(self.client("POST", f"{rbac}/rolebindings", binding))

    def calls(self) -> list[Json]:
        """Give what handlers have noted: one entry a call.

        Each has ``task``, ``run``, ``launch``, ``pod``, ``scheduled`` (ISO 8601) and ``start`` (Unix seconds).
        """
        return self._noted(_CALLS)

    def ends(self) -> list[Json]:
        """Give the ends that handlers have noted, with ``run``, ``launch`` and ``end`` (Unix seconds) among others."""
        return self._noted(_ENDS)

    def _noted(self, label: str) -> list[Json]:
        return [item["data"] for item in self._items(f"{self.core('configmaps')}?labelSelector={label}")]

    # --- when a test failed -------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Say what is in the namespace: tasks whole, Jobs and pods by their status, events by their message."""
        jobs = f"/apis/batch/v1/namespaces/{self.name}/jobs"
        lines = [
            f"namespace {self.name}",
            *(_describe_task(item) for item in self._items(tasks_path(self.name))),
            *(_describe_status("Job", item) for item in self._items(jobs)),
            *(_describe_status("pod", item) for item in self._items(self.core("pods"))),
            *(
                f"event {item['involvedObject'].get('name')}: {item['reason']}: {item['message']}"
                for item in self._items(self.core("events"))
            ),
        ]
        return "\n".join(lines)

    def _items(self, path: str) -> list[Json]:
        items: list[Json] = checked(self.client("GET", path))["items"]
        return items


def _describe_task(task: Json) -> str:
    spec = {field: value for field, value in task["spec"].items() if field not in {"podTemplate", "payload"}}
    text = json.dumps({"spec": spec, "status": task.get("status")})
    return f"task {task['metadata']['name']}: {text[:DESCRIBED_CHARACTERS]}"


def _describe_status(kind: str, item: Json) -> str:
    return f"{kind} {item['metadata']['name']}: {json.dumps(item['status'])[:DESCRIBED_CHARACTERS]}"
