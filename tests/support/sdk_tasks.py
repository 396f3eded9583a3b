"""Tasks as the SDK sees them, while the test plays the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import ANNOTATION_PARENT_NAME, LABEL_PARENT_UID
from tests.support.api_client import tasks_path
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

Json = dict[str, Any]


class Operator:
    """Makes tasks, and writes what an operator writes."""

    def __init__(self, admin: ApiClient, namespace: str) -> None:
        """Say where."""
        self.admin = admin
        self.namespace = namespace

    def make(
        self, name: str, state: str | None = None, *, parent_uid: str | None = None, **spec: Any
    ) -> Json:
        """Make a task in a state; None: nobody has seen it. Gives its object."""
        made = manifest(name, **spec)
        if parent_uid is not None:
            made["metadata"]["labels"] = {LABEL_PARENT_UID: parent_uid}
            made["metadata"]["annotations"] = {ANNOTATION_PARENT_NAME: "parent"}
        answer = self.admin("POST", tasks_path(self.namespace), made)
        assert answer.status == 201, answer
        return self.set(name, state=state) if state is not None else dict(answer.body)

    def make_many(self, names: list[str], state: str | None = None, **spec: Any) -> None:
        """Make several alike."""
        for name in names:
            self.make(name, state, **spec)

    def set(self, name: str, **status: Any) -> Json:
        """Write a status."""
        answer = self.admin.patch(tasks_path(self.namespace, name, "status"), {"status": status})
        assert answer.status == 200, answer
        return dict(answer.body)

    def edit(self, name: str, **spec: Any) -> Json:
        """Write into a spec."""
        answer = self.admin.patch(tasks_path(self.namespace, name), {"spec": spec})
        assert answer.status == 200, answer
        return dict(answer.body)

    def delete(self, *names: str) -> None:
        """Delete tasks."""
        for name in names:
            assert self.admin("DELETE", tasks_path(self.namespace, name)).status == 200

    def stored(self, name: str) -> Json:
        """Read a task."""
        return dict(self.admin("GET", tasks_path(self.namespace, name)).body)
