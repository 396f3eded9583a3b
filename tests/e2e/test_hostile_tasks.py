"""What only a pod can show of a task that means harm: process 1, a command as payload, the end of the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace


@pytest.mark.parametrize(
    ("handler", "part"),
    [
        ("subprocess:run", "is part of Python"),
        ("pydantic:create_model", "is an installed library"),
        ("evertask_runner.child:run_child", "is part of EverTask"),
    ],
)
def test_a_payload_is_no_command(workspace: Workspace, handler: str, part: str):
    task = workspace.start(handler, payload={"sh": 1, "-c": 2, "exit 7": 3})
    error = task.until_state(State.FAILED)["error"]
    assert error["type"] == "HandlerInvalid"
    assert part in error["message"]


def test_a_handler_cannot_kill_its_runner(workspace: Workspace):
    """The kernel protects process 1 of a container from its own children."""
    task = workspace.start("vandals:kill_parent")
    assert task.until_state(State.COMPLETED)["result"] == "the runner lives"


def test_what_a_handler_forks_away_ends_with_its_container(workspace: Workspace):
    task = workspace.start("vandals:leave_daemons")
    assert task.until_state(State.COMPLETED)["result"] == 20
    task.until_pod(lambda pod: pod["status"]["phase"] == "Succeeded")
