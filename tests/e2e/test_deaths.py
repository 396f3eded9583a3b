"""Handlers that die: of memory, by their own hand. Each ends Failed, with a reason and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

SMALL = {"cpu": "200m", "memory": "80Mi"}
LIMITED: dict[str, Any] = {"resources": {"requests": SMALL, "limits": SMALL}}


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param("memory_hog:alone", id="the-handlers-process"),
        pytest.param("memory_hog:with_the_container", id="the-whole-container"),
    ],
)
def test_want_of_memory_is_named_with_its_remedy(workspace: Workspace, handler: str):
    task = workspace.start(handler, container=LIMITED)
    error = task.until_state(State.FAILED)["error"]
    assert error["type"] == "OutOfMemory"
    assert "resources.limits.memory" in error["message"]
    assert "podTemplate" in error["message"]


def test_a_handler_that_ends_its_process_has_failed(workspace: Workspace):
    task = workspace.start("answers:killed")
    error = task.until_state(State.FAILED)["error"]
    assert error["type"] == "HandlerProcessDied"
    assert "exit code 9" in error["message"]


def test_a_handlers_exception_is_readable_in_the_status(workspace: Workspace):
    task = workspace.start("answers:broken", retry={"limit": 0})
    status = task.until_state(State.FAILED)
    error = status["error"]
    assert (error["type"], error["attempt"]) == ("LookupError", 1)
    assert error["message"] == "order A-17 is unknown; look it up in the archive"
    assert error["traceback"].splitlines()[1].strip().startswith('File "/app/answers.py"')
    assert status["message"] == f"LookupError: {error['message']}"


def test_a_container_that_is_no_runner_is_named(workspace: Workspace):
    task = workspace.start("answers:nothing", container={"command": ["sh", "-c", "exit 3"]})
    error = task.until_state(State.FAILED)["error"]
    assert error["type"] == "PodFailed"
    assert "exit code 3 before it took the run" in error["message"]
