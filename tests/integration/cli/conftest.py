"""The command line as a person calls it, on the shared control plane; the test plays the operator."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from evertask.cli.app import app
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient


@pytest.fixture
def evertask(control_plane: LightControlPlane, namespace: str) -> Callable[..., Any]:
    """Call a verb in the test's namespace, in this process."""

    def call(verb: str, *arguments: str, stdin: str | None = None) -> Any:
        before = ["--kubeconfig", control_plane.kubeconfig, "-n", namespace]
        return CliRunner().invoke(app, [*before, verb, *arguments], input=stdin)

    return call


@pytest.fixture
def start(control_plane: LightControlPlane, namespace: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a verb in a process of its own, to change the cluster meanwhile."""
    started: list[subprocess.Popen[str]] = []

    def call(verb: str, *arguments: str) -> subprocess.Popen[str]:
        where = ["--kubeconfig", control_plane.kubeconfig, "-n", namespace]
        command = [sys.executable, "-u", "-m", "evertask.cli", verb, *arguments, *where]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def stored(admin: ApiClient, namespace: str) -> Callable[..., StoredTask]:
    """Make a task, and write its status as the operator does."""

    def store(name: str = "a", status: dict[str, Any] | None = None, **spec: Any) -> StoredTask:
        task = StoredTask(admin, namespace, name).create(**spec)
        if status is not None:
            answer = task.patch_status(status)
            assert answer.status == 200, answer
        return task

    return store
