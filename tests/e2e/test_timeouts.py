"""A handler that takes longer than ``timeout`` fails with TimeoutError, whether or not it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

KILLED = "was killed, because it had not stopped within spec.gracePeriod 1s"


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        pytest.param("obedience:obedient", "stopped when it was asked to", id="cooperative"),
        pytest.param("obedience:asynchronous", "stopped when it was asked to", id="async"),
        pytest.param("obedience:asleep", KILLED, id="blocked-in-sleep"),
        pytest.param("obedience:busy", KILLED, id="holding-the-interpreter"),
    ],
)
def test_a_handler_that_takes_too_long_fails_with_a_timeout(workspace: Workspace, handler: str, says: str):
    task = workspace.start(handler, timeout="1s", gracePeriod="1s")
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == "TimeoutError"
    assert "spec.timeout 1s" in status["error"]["message"]
    assert says in status["error"]["message"]
    assert status["launches"] == 1


def test_progress_is_visible_while_the_handler_runs(workspace: Workspace):
    task = workspace.start("obedience:obedient")
    status = task.until_running()
    progress = run_of(status)["progress"]
    assert (status["state"], progress["percent"], progress["message"]) == (State.IN_PROGRESS, 10, "at work")
    assert run_of(status)["podName"] in {pod["metadata"]["name"] for pod in task.pods()}
