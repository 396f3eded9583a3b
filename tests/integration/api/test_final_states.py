"""A terminal state is final, by whatever way somebody tries to leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

FINISHED = sorted(TERMINAL_STATES)

WAYS_OUT: dict[str, Any] = {
    "pending": {"status": {"state": "Pending"}},
    "queued": {"status": {"state": "Queued"}},
    "in-progress": {"status": {"state": "InProgress"}},
    "state-null": {"status": {"state": None}},
    "status-null": {"status": None},
    "state-replaced": [{"op": "replace", "path": "/status/state", "value": "Queued"}],
    "state-removed": [{"op": "remove", "path": "/status/state"}],
    "status-removed": [{"op": "remove", "path": "/status"}],
    "status-emptied": [{"op": "replace", "path": "/status", "value": {}}],
    "higher-status-incarnation": {"status": {"state": "Pending", "incarnation": 1}},
    "status-incarnation-removed": {"status": {"state": "Pending", "incarnation": None}},
}


@pytest.fixture
def task(admin: ApiClient, namespace: str) -> StoredTask:
    return StoredTask(admin, namespace)


@pytest.mark.parametrize("state", FINISHED)
@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
def test_no_way_leads_out_of_a_terminal_state(task: StoredTask, state: State, way: Any) -> None:
    before = task.create(state).get()

    answer = task.client.patch(task.status_path, way)

    assert answer.status == 422
    assert "status: Forbidden: status.state is final; a higher spec.incarnation" in answer.message
    assert task.get() == before


@pytest.mark.parametrize("state", FINISHED)
def test_a_terminal_state_does_not_become_another(task: StoredTask, state: State) -> None:
    task.create(state)

    answers = [task.patch_status({"state": other}) for other in FINISHED if other != state]

    assert [answer.status for answer in answers] == [422, 422]


@pytest.mark.parametrize("state", FINISHED)
def test_a_replaced_status_keeps_the_terminal_state(task: StoredTask, state: State) -> None:
    body = task.create(state).get()
    del body["status"]

    assert task.client("PUT", task.status_path, body).status == 422


def test_a_status_in_a_write_to_the_object_is_ignored(task: StoredTask) -> None:
    body = task.create(State.FAILED).get()

    answer = task.client("PUT", task.path, body | {"status": {"state": "Pending"}})

    assert (answer.status, answer.body["status"]["state"]) == (200, "Failed")


def test_a_spec_in_a_write_to_the_status_is_ignored(task: StoredTask) -> None:
    answer = task.create(State.PENDING).client.patch(
        task.status_path, {"spec": {"handler": "x:y"}, "status": {"state": "InProgress"}}
    )

    assert answer.body["spec"]["handler"] != "x:y"
    assert answer.body["status"]["state"] == "InProgress"


@pytest.mark.parametrize("state", FINISHED)
def test_the_rest_of_a_final_status_may_change(task: StoredTask, state: State) -> None:
    answer = task.create(state).patch_status({"state": state, "message": "its Job is gone", "job": None})

    assert answer.status == 200


@pytest.mark.parametrize("state", FINISHED)
@pytest.mark.parametrize("after", [State.PENDING, State.QUEUED, None])
def test_a_higher_incarnation_leads_out(task: StoredTask, state: State, after: State | None) -> None:
    task.create(state).patch_spec({"incarnation": 4})

    assert task.patch_status({"state": after, "incarnation": 4}).status == 200


@pytest.mark.parametrize("incarnation", [3, 5, 0, None])
def test_only_the_present_incarnation_leads_out(task: StoredTask, incarnation: int | None) -> None:
    task.create(State.COMPLETED).patch_spec({"incarnation": 4})

    assert task.patch_status({"state": "Pending", "incarnation": incarnation}).status == 422


PATHS = [
    (State.PENDING, State.QUEUED),
    (State.PENDING, State.CANCELLED),
    (State.QUEUED, State.PENDING),
    (State.QUEUED, State.IN_PROGRESS),
    (State.QUEUED, State.FAILED),
    (State.IN_PROGRESS, State.QUEUED),
    (State.IN_PROGRESS, State.PENDING),
    (State.IN_PROGRESS, State.COMPLETED),
    (State.IN_PROGRESS, State.FAILED),
    (State.IN_PROGRESS, State.CANCELLED),
]


@pytest.mark.parametrize(("before", "after"), PATHS)
def test_an_open_state_may_change(task: StoredTask, before: State, after: State) -> None:
    assert task.create(before).patch_status({"state": after}).status == 200
