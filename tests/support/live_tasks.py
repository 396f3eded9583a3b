"""Tasks on a cluster that runs pods: make them, change them, wait for what becomes of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.api_client import tasks_path
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api_client import Answer, ApiClient

Json = dict[str, Any]

PATIENCE_SECONDS = 60.0
"""For what takes a second or two on an idle machine; tests run side by side on two cores."""


class NoAnswerError(OSError):
    """The API server is away or refuses to answer for now; ``eventually`` asks again."""


def checked(answer: Answer) -> Any:
    """Give the body of a success.

    Raises:
        NoAnswerError: the API server did not really answer.
        AssertionError: it refused.
    """
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NoAnswerError(f"{answer.status}: {answer.body}")
    assert answer.status < HTTPStatus.MULTIPLE_CHOICES, answer
    return answer.body


class LiveTask:
    """One task, by its name."""

    def __init__(self, client: ApiClient, namespace: str, name: str) -> None:
        """Name the task; it need not exist."""
        self.client = client
        self.namespace = namespace
        self.name = name
        self.path = tasks_path(namespace, name)

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self) -> Json:
        """Read it; it must exist."""
        body: Json = checked(self.client("GET", self.path))
        return body

    def exists(self) -> bool:
        """Tell whether there is such a task."""
        answer = self.client("GET", self.path)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        checked(answer)
        return True

    @property
    def status(self) -> Json:
        """Its status, empty before the operator has seen it."""
        status: Json = self.read().get("status") or {}
        return status

    @property
    def state(self) -> str | None:
        """Its state."""
        return self.status.get("state")

    def jobs(self) -> list[Json]:
        """Its Jobs, those that are being deleted too."""
        return self._owned("/apis/batch/v1", "jobs")

    def pods(self) -> list[Json]:
        """Its pods, those that are being deleted too."""
        return self._owned("/api/v1", "pods")

    def running_pods(self) -> list[str]:
        """Give the names of its pods that have not ended."""
        ended = {"Succeeded", "Failed"}
        return [pod["metadata"]["name"] for pod in self.pods() if pod["status"].get("phase") not in ended]

    def _owned(self, api: str, plural: str) -> list[Json]:
        uid = self.read()["metadata"]["uid"]
        path = f"{api}/namespaces/{self.namespace}/{plural}?labelSelector={protocol.LABEL_TASK_UID}%3D{uid}"
        items: list[Json] = checked(self.client("GET", path))["items"]
        return items

    # --- waiting -----------------------------------------------------------------------------------------------

    def until(self, holds: Callable[[Json], object], seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until something holds of its status, and give the status."""
        return eventually(lambda: self.status, holds, seconds)

    def until_state(self, state: State, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait for a state and give the status; a task that ends in another one fails at once."""
        status = self.until(lambda s: s.get("state") in {state, *TERMINAL_STATES}, seconds)
        assert status["state"] == state, status
        return status

    def until_running(self, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until a handler has been let in and has reported progress: it runs for certain."""
        return self.until(lambda s: run_of(s).get("progress"), seconds)

    def until_finished(self, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait for the end and give the status."""
        return self.until(lambda s: s.get("state") in TERMINAL_STATES, seconds)

    def until_gone(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until there is no such task."""
        eventually(self.exists, lambda exists: not exists, seconds)

    def until_pod(self, holds: Callable[[Json], object], seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until something holds of one of its pods, and give the pod."""
        found = eventually(lambda: [pod for pod in self.pods() if holds(pod)], bool, seconds)
        return found[0]

    def until_nothing_is_left(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it has neither Jobs nor pods: so it ends when it is cancelled or withdrawn."""
        eventually(lambda: self.jobs() + self.pods(), lambda found: not found, seconds)

    def until_pods_ended(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until none of its pods runs; a finished one may be kept for its log."""
        eventually(self.running_pods, lambda found: not found, seconds)

    # --- changing ----------------------------------------------------------------------------------------------

    def change(self, **spec: Any) -> Json:
        """Merge a change into its spec; None removes a field."""
        body: Json = checked(self.client.patch(self.path, {"spec": spec}))
        return body

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self.change(cancel=True)

    def delete(self) -> None:
        """Delete it."""
        checked(self.client("DELETE", self.path))


def run_of(status: Json) -> Json:
    """Give the only run in a status, empty when there is none yet."""
    runs = list((status.get("runs") or {}).values())
    assert len(runs) <= 1, runs
    return runs[0] if runs else {}


def condition_of(status: Json, type_: str) -> Json:
    """Give a condition, empty when the status lacks it."""
    return next((c for c in status.get("conditions") or () if c["type"] == type_), {})
