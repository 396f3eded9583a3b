"""Handlers run inline, by the runner's code, and what they return, raise, report and dispatch shows in the task."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import State, TaskFailedError
from evertask.api.protocol import ANNOTATION_PARENT_NAME, LABEL_PARENT_UID
from evertask.children import RunScope
from evertask.testing import InMemoryDispatcher
from tests.unit.testing.bakery import Bake, Burn, Count, Feast, Missing, Order, Patient, Quitter
from tests.unit.testing.conftest import NOON
from tests.unit.testing.ovens import Heat, Oven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask import TaskView


def run_of(view: TaskView) -> dict[str, Any]:
    """Give the only run in a status."""
    (run,) = view.raw["status"]["runs"].values()
    return dict(run)


async def test_nothing_runs_before_it_is_let(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake())
    view = await dispatcher.get(task_id)
    assert view is not None
    assert (view.state, view.result) == (State.QUEUED, None)


async def test_a_run_shows_as_in_the_cluster(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake(loaves=3))
    (view,) = await dispatcher.run_due()
    assert (view.state, view.result, view.is_finished) == (State.COMPLETED, "3 loaves", True)
    assert (view.start_time, view.end_time, view.attempt) == (NOON, NOON, 1)
    assert view.progress is not None
    assert (view.progress.percent, view.progress.message) == (50, "in the oven")
    states = [entry["state"] for entry in view.raw["status"]["transitions"]]
    assert states == ["Completed", "InProgress", "Queued"]


async def test_callbacks_are_called_in_order(dispatcher: InMemoryDispatcher, calls: list[str]) -> None:
    await dispatcher.dispatch(Bake(loaves=2))
    await dispatcher.run_due()
    assert calls == ["started", "completed 2 loaves"]


async def test_a_failure_has_its_error_and_its_callbacks_error(
    dispatcher: InMemoryDispatcher, calls: list[str]
) -> None:
    await dispatcher.dispatch(Burn())
    (view,) = await dispatcher.run_due()
    assert view.state is State.FAILED
    assert view.error is not None
    assert (view.error.type, view.error.message) == ("RuntimeError", "too hot")
    assert "bakery.py" in (view.error.traceback or "")
    # Three retries by default, half a second apart.
    assert (view.raw["status"]["error"]["time"], view.attempt) == ("2026-03-01T12:00:01.5Z", 4)
    assert calls == ["RuntimeError: too hot"]
    broken = {"callback": "on_error", "message": "ValueError: the smoke detector is broken"}
    assert run_of(view)["callbackErrors"] == [broken]


async def test_a_handler_that_is_not_there_fails_as_in_a_pod(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Missing())
    (view,) = await dispatcher.run_due()
    assert view.error is not None
    assert view.error.type == "HandlerNotFound"
    assert "has no attribute 'NobodyHandler'" in view.error.message


async def test_a_function_is_a_handler_too(dispatcher: InMemoryDispatcher) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Count(loaves=2)))
    assert view.result == 3


async def test_a_stand_in_runs_in_the_place_of_a_path() -> None:
    def bought(payload: Mapping[str, Any]) -> str:
        return f"bought {payload['loaves']}"

    async with InMemoryDispatcher(handlers={"tests.unit.testing.bakery:BakeHandler": bought}) as dispatcher:
        view = await dispatcher.wait(await dispatcher.dispatch(Bake(loaves=2)))
    assert view.result == "bought 2"


async def test_a_handler_is_made_with_what_its_setup_gives(dispatcher: InMemoryDispatcher) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Heat()))
    assert view.result == 220


async def test_what_a_test_provides_goes_before_setup() -> None:
    async with InMemoryDispatcher(provide={Oven: Oven(20)}) as dispatcher:
        view = await dispatcher.wait(await dispatcher.dispatch(Heat()))
    assert view.result == 20


async def test_what_nothing_provides_fails_as_in_a_pod() -> None:
    async with InMemoryDispatcher(provide={}) as dispatcher:
        view = await dispatcher.wait(await dispatcher.dispatch(Heat()), raise_on_failure=False)
    assert view.error is not None
    assert view.error.type == "HandlerInvalid"
    assert "nothing provides HeatHandler's parameter 'oven'" in view.error.message


async def test_children_have_the_ids_that_they_have_in_the_cluster(dispatcher: InMemoryDispatcher) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Feast()))
    (run_id,) = view.raw["status"]["runs"]
    scope = RunScope(view.uid, view.name, "default", run_id)
    path = "tests.unit.testing.bakery:BakeHandler"
    ids = [scope.child(path, {"loaves": number}, {}).id for number in (3, 4)]
    assert {child.id for child in await dispatcher.children(view.name)} == set(ids)
    assert view.result == ["3 loaves", "4 loaves"]


async def test_children_bear_their_parents_marks(dispatcher: InMemoryDispatcher) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Feast()))
    first, *_ = await dispatcher.children(view.name)
    metadata = first.raw["metadata"]
    assert metadata["labels"][LABEL_PARENT_UID] == view.uid
    assert metadata["annotations"][ANNOTATION_PARENT_NAME] == view.name
    assert first.raw["spec"]["podTemplate"] == Feast.pod_template
    assert run_of(view)["childrenCount"] == 2


async def test_what_handlers_dispatch_is_recorded(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Feast())
    await dispatcher.run_due()
    assert [one.task for one in dispatcher.dispatched] == [Feast(), Bake(loaves=3), Bake(loaves=4)]


async def test_a_handler_dispatches_by_the_virtual_clock(dispatcher: InMemoryDispatcher) -> None:
    order = await dispatcher.wait(await dispatcher.dispatch(Order()))
    child = await dispatcher.get(order.result)
    assert child is not None
    assert child.next_run_time == NOON + timedelta(seconds=30)


async def test_a_child_that_is_due_now_runs_after_its_parent(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Order())
    await dispatcher.run_due()
    (child,) = await dispatcher.advance(timedelta(seconds=30))
    assert child.state is State.COMPLETED


async def test_a_handler_that_is_cancelled_while_it_runs_stops(
    dispatcher: InMemoryDispatcher, calls: list[str]
) -> None:
    await dispatcher.dispatch(Quitter())
    (view,) = await dispatcher.run_due()
    assert (view.state, view.error) == (State.CANCELLED, None)
    assert calls == [
        "CancellationRequested: the task was cancelled; the handler stopped when it was asked to"
    ]


async def test_a_timeout_is_the_computers(dispatcher: InMemoryDispatcher, calls: list[str]) -> None:
    task_id = await dispatcher.dispatch(Patient(seconds=60), timeout=timedelta(milliseconds=50))
    with pytest.raises(TaskFailedError, match=r"the handler took longer than spec\.timeout 50ms"):
        await dispatcher.wait(task_id)
    assert calls[0].startswith("TimeoutError: ")


async def test_a_task_that_is_replaced_under_its_key_runs_again(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake(loaves=1), task_key="daily")
    await dispatcher.run_due()
    await dispatcher.dispatch(Bake(loaves=2), task_key="daily")
    (view,) = await dispatcher.run_due()
    assert (view.result, view.counts.runs) == ("2 loaves", 2)
