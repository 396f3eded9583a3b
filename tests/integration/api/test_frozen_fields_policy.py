"""The policy sees a swap of keys in a free-form field, which the CRD's own rules do not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.control_plane import install_frozen_fields_policy
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

SECONDS = 30.0
STARTED = (State.IN_PROGRESS, *sorted(TERMINAL_STATES))

SWAPS: dict[str, tuple[str, Any, Any]] = {
    "payload-key": ("payload", {"a": 1}, {"b": 1}),
    "payload-key-and-value": ("payload", {"a": 1, "same": 1}, {"b": 2, "same": 1}),
    "pod-spec-key": ("podTemplate", {"spec": {"priority": 1}}, {"spec": {"hostUsers": True}}),
}

swaps = pytest.mark.parametrize("swapped", SWAPS.values(), ids=SWAPS)


def swap(task: StoredTask, field: str, value: Any, query: str = "") -> Any:
    change = [{"op": "replace", "path": f"/spec/{field}", "value": value}]
    return task.client.patch(task.path + query, change)


@pytest.fixture(scope="module")
def enforced(admin: ApiClient) -> None:
    """Install the policy and wait until it is enforced."""
    install_frozen_fields_policy(admin)
    admin("POST", "/api/v1/namespaces", {"metadata": {"name": "policy-probe"}})
    name = f"probe-{time.time_ns()}"
    probe = StoredTask(admin, "policy-probe", name).create(State.IN_PROGRESS, payload={"a": 1})
    deadline = time.monotonic() + SECONDS
    while swap(probe, "payload", {"b": 1}, "?dryRun=All").status != 422:
        assert time.monotonic() < deadline, "the policy is not enforced"
        time.sleep(0.1)


@pytest.mark.usefixtures("enforced")
@swaps
@pytest.mark.parametrize("state", STARTED)
def test_keys_are_frozen_once_the_run_has_started(
    admin: ApiClient, namespace: str, swapped: tuple[str, Any, Any], state: State
) -> None:
    field, before, after = swapped
    task = StoredTask(admin, namespace).create(state, **{field: before})

    answer = swap(task, field, after)

    assert answer.status == 422
    assert f"spec.{field} cannot be changed once the run has started (of a series:" in answer.message


@pytest.mark.usefixtures("enforced")
@swaps
@pytest.mark.parametrize("state", [None, State.PENDING, State.QUEUED])
def test_keys_may_change_before(
    admin: ApiClient, namespace: str, swapped: tuple[str, Any, Any], state: State | None
) -> None:
    field, before, after = swapped
    task = StoredTask(admin, namespace).create(state, **{field: before})

    assert swap(task, field, after).status == 200


@pytest.mark.usefixtures("enforced")
@swaps
def test_keys_of_a_running_series_may_change(
    admin: ApiClient, namespace: str, swapped: tuple[str, Any, Any]
) -> None:
    field, before, after = swapped
    series = {"recurrence": {"every": "5m"}}
    task = StoredTask(admin, namespace).create(State.IN_PROGRESS, **{field: before}, **series)

    assert swap(task, field, after).status == 200


@pytest.mark.usefixtures("enforced")
@swaps
@pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
def test_keys_of_a_series_that_has_ended_are_frozen(
    admin: ApiClient, namespace: str, swapped: tuple[str, Any, Any], state: State
) -> None:
    field, before, after = swapped
    series = {"recurrence": {"every": "5m"}}
    task = StoredTask(admin, namespace).create(state, **{field: before}, **series)

    answer = swap(task, field, after)

    assert answer.status == 422
    assert f"spec.{field} cannot be changed once the run has started (of a series:" in answer.message


@pytest.mark.usefixtures("enforced")
@swaps
def test_keys_may_change_with_a_higher_incarnation(
    admin: ApiClient, namespace: str, swapped: tuple[str, Any, Any]
) -> None:
    field, before, after = swapped
    task = StoredTask(admin, namespace).create(State.FAILED, **{field: before})

    change = [
        {"op": "replace", "path": f"/spec/{field}", "value": after},
        {"op": "add", "path": "/spec/incarnation", "value": 1},
    ]

    assert task.client.patch(task.path, change).status == 200


@pytest.mark.usefixtures("enforced")
def test_a_write_that_leaves_free_form_fields_alone_passes(admin: ApiClient, namespace: str) -> None:
    task = StoredTask(admin, namespace).create(
        State.COMPLETED, payload={"a": 1.5, "b": None}, podTemplate={"spec": {"priority": 1}}
    )

    assert task.patch_spec({"ttlAfterFinished": "5m", "suspend": True}).status == 200
