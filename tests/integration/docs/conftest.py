"""A page of the documentation, with a cluster to try it on: a namespace of its own, a kubeconfig that leads there."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from evertask.api.protocol import TERMINAL_STATES
from tests.support.api_client import ApiClient, tasks_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hack.cluster.light import LightControlPlane

SHARED_NAMESPACES = ("shop", "web")
"""Namespaces that pages name."""
PAUSE = 0.05


@pytest.fixture(scope="session", autouse=True)
def shared_namespaces(admin: ApiClient) -> None:
    """Make the namespaces that pages name."""
    for name in SHARED_NAMESPACES:
        answer = admin("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert answer.status in {201, 409}, answer


@pytest.fixture
def kubeconfig(
    control_plane: LightControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Set ``KUBECONFIG`` to a context whose namespace is the test's."""
    with open(control_plane.kubeconfig, encoding="utf-8") as file:  # noqa: PTH123
        config = yaml.safe_load(file)
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return str(path)


class Ending(Protocol):
    """Ends the tasks of the page's namespaces with a status, for as long as it is entered."""

    def __call__(self, status: dict[str, Any]) -> AbstractContextManager[None]: ...


@pytest.fixture
def ending(control_plane: LightControlPlane, namespace: str) -> Ending:
    """Play operator and runner, which are not here: give each task that is not finished the status that is said."""

    @contextmanager
    def end(status: dict[str, Any]) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(
            target=_end_tasks, args=(control_plane, (namespace, *SHARED_NAMESPACES), status, over)
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    return end


def _end_tasks(
    plane: LightControlPlane, namespaces: tuple[str, ...], status: dict[str, Any], over: threading.Event
) -> None:
    client = ApiClient(plane.server, plane.ca, plane.token)
    try:
        while not over.wait(PAUSE):
            for namespace in namespaces:
                for task in client("GET", tasks_path(namespace)).body["items"]:
                    if (task.get("status") or {}).get("state") not in TERMINAL_STATES:
                        _end(client, task, status)
    finally:
        client.close()


def _end(client: ApiClient, task: dict[str, Any], status: dict[str, Any]) -> None:
    path = tasks_path(task["metadata"]["namespace"], task["metadata"]["name"], "status")
    final = {"state": "Cancelled"} if task["spec"].get("cancel") else status
    answer = client.patch(path, {"status": {"incarnation": task["spec"].get("incarnation", 0), **final}})
    assert answer.status in {200, 404, 422}, answer
