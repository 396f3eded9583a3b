"""EverTask objects for tests on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from evertask.api.protocol import State
    from tests.support.api_client import Answer, ApiClient

HANDLER = "shop.reports:DailyReportHandler"


def manifest(name: str = "a", **spec: Any) -> dict[str, Any]:
    """Make a task; a field given as None is left out, the handler too."""
    given = {"handler": HANDLER} | spec
    return {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {"name": name},
        "spec": {field: value for field, value in given.items() if value is not None},
    }


class StoredTask:
    """A task on the API server, and short ways to change it."""

    def __init__(self, client: ApiClient, namespace: str, name: str = "a") -> None:
        """Name the task; ``create`` makes it."""
        self.client = client
        self.collection = tasks_path(namespace)
        self.path = tasks_path(namespace, name)
        self.status_path = tasks_path(namespace, name, "status")
        self.name = name

    def create(self, state: State | None = None, **spec: Any) -> StoredTask:
        """Create it, in a state."""
        answer = self.client("POST", self.collection, manifest(self.name, **spec))
        assert answer.status == 201, answer
        if state is not None:
            answer = self.patch_status({"state": state, "incarnation": spec.get("incarnation", 0)})
            assert answer.status == 200, answer
        return self

    def get(self) -> dict[str, Any]:
        """Read it."""
        body: dict[str, Any] = self.client("GET", self.path).body
        return body

    def patch_spec(self, change: dict[str, Any]) -> Answer:
        """Merge a change into the spec; None removes a field."""
        return self.client.patch(self.path, {"spec": change})

    def patch_status(self, change: dict[str, Any] | None) -> Answer:
        """Merge a change into the status through its subresource."""
        return self.client.patch(self.status_path, {"status": change})
