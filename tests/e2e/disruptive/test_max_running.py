"""``maxRunning``: 200 tasks at once, and never more than 10 Jobs; the others wait, and none fails for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.api_client import tasks_path
from tests.support.job_counts import counting_jobs
from tests.support.live_tasks import checked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from hack.kubectl import Kubectl
    from tests.support.releases import Release
    from tests.support.workspaces import Workspace

TASKS = 200
LIMIT = 10
SECONDS = 400.0
"""Two cores start two to three pods a second."""


def _items(workspace: Workspace) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = checked(workspace.client("GET", tasks_path(workspace.name)))["items"]
    return items


def _states(workspace: Workspace) -> list[str]:
    return [(item.get("status") or {}).get("state", "") for item in _items(workspace)]


def test_200_tasks_at_once_never_have_more_than_10_jobs(
    workspace: Workspace, release: Release, kubectl: Kubectl
):
    with release.changed(maxRunning=LIMIT), counting_jobs(kubectl, workspace.name) as jobs:
        for number in range(TASKS):
            # The deadline counts from the Job's creation: waiting for room must not use it up.
            workspace.start("answers:nothing", f"task-{number}", startDeadline="60s")
        queued = eventually(lambda: _items(workspace), _waiting, 30)
        assert "waits for room" in _waiting(queued)[0]["status"]["message"]
        states = eventually(
            lambda: _states(workspace), lambda states: set(states) <= TERMINAL_STATES, SECONDS, pause=2
        )
    assert states == [State.COMPLETED] * TASKS
    assert (jobs.seen, jobs.most) == (TASKS, LIMIT)


def _waiting(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        item
        for item in items
        if (item.get("status") or {}).get("state") == State.QUEUED and not item["status"].get("runs")
    ]
