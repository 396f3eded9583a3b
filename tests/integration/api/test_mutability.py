"""The mutability table against the API server: each field before the start, after it, at the end, armed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.mutability import FROZEN_ONCE_STARTED, MUTABILITY, Mutability
from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.field_values import TWO_VALUES
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from tests.support.api_client import Answer, ApiClient

STARTED = (State.IN_PROGRESS, *sorted(TERMINAL_STATES))
FINISHED = sorted(TERMINAL_STATES)

OPTIONAL = [field for field in FROZEN_ONCE_STARTED if field != "handler"]


@pytest.fixture
def task(admin: ApiClient, namespace: str) -> StoredTask:
    return StoredTask(admin, namespace)


def is_frozen(answer: Answer, field: str) -> bool:
    """Tell whether a change was refused with a sentence that names the field and says that it is too late."""
    return (
        answer.status == 422 and f"spec.{field}: Forbidden: spec.{field} cannot be changed" in answer.message
    )


def with_value(field: str) -> dict[str, Any]:
    return {field: TWO_VALUES[field][0]}


def with_other_value(field: str) -> dict[str, Any]:
    return {field: TWO_VALUES[field][1]}


@pytest.mark.parametrize("state", [None, State.PENDING, State.QUEUED])
@pytest.mark.parametrize("field", FROZEN_ONCE_STARTED)
def test_before_the_start_a_field_may_change(task: StoredTask, field: str, state: State | None) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field)).status == 200


@pytest.mark.parametrize("state", STARTED)
@pytest.mark.parametrize("field", FROZEN_ONCE_STARTED)
def test_after_the_start_a_field_is_frozen(task: StoredTask, field: str, state: State) -> None:
    task.create(state, **with_value(field))

    assert is_frozen(task.patch_spec(with_other_value(field)), field)


@pytest.mark.parametrize("field", OPTIONAL)
def test_after_the_start_a_field_cannot_be_removed(task: StoredTask, field: str) -> None:
    task.create(State.IN_PROGRESS, **with_value(field))

    assert is_frozen(task.patch_spec({field: None}), field)


@pytest.mark.parametrize("field", OPTIONAL)
def test_after_the_start_a_field_cannot_be_added(task: StoredTask, field: str) -> None:
    task.create(State.IN_PROGRESS)

    assert is_frozen(task.patch_spec(with_value(field)), field)


@pytest.mark.parametrize("state", FINISHED)
@pytest.mark.parametrize("field", FROZEN_ONCE_STARTED)
def test_a_higher_incarnation_frees_every_field_of_a_finished_task(
    task: StoredTask, field: str, state: State
) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field) | {"incarnation": 1}).status == 200


@pytest.mark.parametrize("field", FROZEN_ONCE_STARTED)
def test_a_higher_incarnation_frees_nothing_while_the_task_runs(task: StoredTask, field: str) -> None:
    task.create(State.IN_PROGRESS, **with_value(field))

    answer = task.patch_spec(with_other_value(field) | {"incarnation": 1})

    assert answer.status == 422
    assert "spec.incarnation cannot be raised while the task runs; wait until" in answer.message


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    "field", [f for f, when in MUTABILITY.items() if when is Mutability.ALWAYS and f != "runNow"]
)
def test_some_fields_may_change_at_any_time(task: StoredTask, field: str, state: State) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field)).status == 200


@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS, State.COMPLETED])
@pytest.mark.parametrize("incarnation", [0, 1])
@pytest.mark.parametrize(("before", "after"), [("k", "l"), ("k", None), (None, "k"), ("k", "K")], ids=str)
def test_the_key_never_changes(
    task: StoredTask, before: str | None, after: str | None, state: State, incarnation: int
) -> None:
    task.create(state, taskKey=before)

    answer = task.patch_spec({"taskKey": after, "incarnation": incarnation})

    assert is_frozen(answer, "taskKey")
    assert "make another task for another key" in answer.message


@pytest.mark.parametrize("state", list(State))
def test_a_task_may_be_cancelled_at_any_time(task: StoredTask, state: State) -> None:
    assert task.create(state).patch_spec({"cancel": True}).status == 200


TAKING_CANCEL_BACK: dict[str, Any] = {
    "false": {"spec": {"cancel": False}},
    "null": {"spec": {"cancel": None}},
    "patched-to-false": [{"op": "replace", "path": "/spec/cancel", "value": False}],
    "removed": [{"op": "remove", "path": "/spec/cancel"}],
    "spec-replaced": [{"op": "replace", "path": "/spec", "value": {"handler": "shop:A"}}],
}


@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS, State.CANCELLED])
@pytest.mark.parametrize("change", TAKING_CANCEL_BACK.values(), ids=TAKING_CANCEL_BACK)
def test_cancel_is_final(task: StoredTask, change: Any, state: State) -> None:
    task.create(state, handler="shop:A", cancel=True)

    answer = task.client.patch(task.path, change)

    assert answer.status == 422
    assert "spec.cancel: Forbidden: spec.cancel is final; to start the task again" in answer.message
    assert task.get()["spec"]["cancel"] is True


def test_cancel_is_final_for_a_replaced_object_too(task: StoredTask) -> None:
    body = task.create(cancel=True).get()
    del body["spec"]["cancel"]

    assert "spec.cancel is final" in task.client("PUT", task.path, body).message


@pytest.mark.parametrize("state", [State.PENDING, *FINISHED])
def test_cancel_goes_back_with_a_higher_incarnation(task: StoredTask, state: State) -> None:
    task.create(state, cancel=True)

    assert task.patch_spec({"cancel": False, "incarnation": 1}).status == 200


@pytest.mark.parametrize("state", [State.PENDING, State.QUEUED, *FINISHED])
def test_incarnation_grows(task: StoredTask, state: State) -> None:
    assert task.create(state, incarnation=3).patch_spec({"incarnation": 5}).status == 200


@pytest.mark.parametrize("lower", [2, 0, None])
@pytest.mark.parametrize("state", [State.PENDING, State.IN_PROGRESS, State.COMPLETED])
def test_incarnation_never_shrinks(task: StoredTask, state: State, lower: int | None) -> None:
    answer = task.create(state, incarnation=3).patch_spec({"incarnation": lower})

    assert answer.status == 422
    assert "spec.incarnation: Forbidden: spec.incarnation only grows; use a number" in answer.message


def test_equal_values_are_no_change(task: StoredTask) -> None:
    payload = {"a": [1, {"b": None}], "c": 1.5}
    task.create(State.IN_PROGRESS, payload=payload, incarnation=2)

    change = [{"op": "add", "path": "/spec/payload", "value": payload}]

    assert task.client.patch(task.path, change).status == 200
