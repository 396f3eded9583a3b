"""Dispatch, get, wait and cancel against a real API server; the test plays the operator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from evertask import (
    CancelOutcome,
    Dispatcher,
    DispatchRefusedError,
    TaskCancelledError,
    TaskFailedError,
    TaskNotFoundError,
)
from evertask.objects import TaskObjects
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.cluster.light import LightControlPlane

FAILURE = {"type": "ValueError", "message": "no CSV", "traceback": "Traceback…"}
COMPLETED = {"state": "Completed", "result": {"rows": 3}}
SOON = timedelta(seconds=20)


@pytest.fixture
def set_status(admin, namespace) -> Callable[[UUID, dict[str, Any]], None]:
    """Write a status as the operator would."""

    def write(task_id: UUID, status: dict[str, Any]) -> None:
        answer = admin.patch(tasks_path(namespace, f"task-{task_id}", "status"), {"status": status})
        assert answer.status == 200, answer

    return write


@pytest.fixture
def stored(admin, namespace) -> Callable[[UUID], dict[str, Any]]:
    def read(task_id: UUID) -> dict[str, Any]:
        body: dict[str, Any] = admin("GET", tasks_path(namespace, f"task-{task_id}")).body
        return body

    return read


async def test_a_dispatched_task_is_in_the_cluster(dispatcher, report, namespace):
    view = await dispatcher.get(await dispatcher.dispatch(report(region="us")))
    assert (view.namespace, view.state, view.raw["spec"]["payload"]) == (
        namespace,
        "Pending",
        {"region": "us"},
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("$(HOME) $$ ${X} `id`", id="dollars"),
        pytest.param("x" * 102_400, id="100-KiB"),
        pytest.param([[], {}, [None, [True, False]], {"a": [{"b": None}]}], id="odd"),
        pytest.param([2**63 - 1, -(2**63), 0.1, 1e300, 5e-324], id="numbers"),
        pytest.param("\u0000\u2028\U0001f600 é", id="characters"),
        pytest.param({"": 1, "a.b/c~d": 2, "__proto__": 3}, id="keys"),
    ],
)
async def test_a_payload_arrives_unchanged_and_may_be_sent_again(dispatcher, report, stored, value):
    task_id = await dispatcher.dispatch(report(region=value), task_id=uuid4())
    assert stored(task_id)["spec"]["payload"] == {"region": value}
    assert await dispatcher.dispatch(report(region=value), task_id=task_id) == task_id


async def test_a_short_delay_may_be_sent_again(dispatcher, report, stored):
    task_id = await dispatcher.dispatch(report(), delay=timedelta(seconds=5), task_id=uuid4())
    first = stored(task_id)["spec"]["runAt"]
    await dispatcher.dispatch(report(), delay=timedelta(seconds=5), task_id=task_id)
    assert stored(task_id)["spec"]["runAt"] == first


async def test_an_id_of_another_task_is_refused_and_the_other_is_untouched(dispatcher, report, stored):
    task_id = await dispatcher.dispatch(report())
    with pytest.raises(DispatchRefusedError, match="exists already, with another handler, payload"):
        await dispatcher.dispatch(report(region="us"), task_id=task_id)
    assert stored(task_id)["spec"]["payload"] == {"region": "eu"}


async def test_a_kubeconfig_leads_to_the_cluster(control_plane: LightControlPlane, namespace, report):
    async with Dispatcher(kubeconfig=control_plane.kubeconfig, namespace=namespace) as dispatcher:
        assert await dispatcher.get(await dispatcher.dispatch(report())) is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            {"grace_period": timedelta(hours=2)}, "gracePeriod must be a duration from 0s to 1h", id="grace"
        ),
        pytest.param(
            {"start_deadline": timedelta(0)}, "startDeadline must be a duration from 1s", id="deadline"
        ),
        pytest.param({"on_interruption": "Stop"}, 'Unsupported value: "Stop"', id="interruption"),
    ],
)
async def test_what_the_schema_refuses_comes_back_with_its_field(dispatcher, report, options, said):
    with pytest.raises(DispatchRefusedError, match=said) as caught:
        await dispatcher.dispatch(report(), **options)
    assert caught.value.causes[0].field.startswith("spec.")


async def test_a_namespace_that_is_not_there_is_named(connection, report):
    with pytest.raises(DispatchRefusedError, match='"nowhere" not found; create the namespace'):
        await Dispatcher(connection=connection, namespace="nowhere").dispatch(report())


async def test_nothing_is_found_under_an_unknown_id(dispatcher):
    assert await dispatcher.get(uuid4()) is None
    assert await dispatcher.cancel(uuid4()) is CancelOutcome.NOT_FOUND
    with pytest.raises(TaskNotFoundError, match="never dispatched there"):
        await dispatcher.wait(uuid4())


async def waiting(dispatcher: Dispatcher, task_id: UUID, **options: Any) -> asyncio.Task[Any]:
    """Start to wait, and let the watch begin."""
    task = asyncio.create_task(dispatcher.wait(task_id, SOON, **options))
    await asyncio.sleep(0.3)
    assert not task.done()
    return task


async def test_wait_gives_the_result_as_soon_as_there_is_one(dispatcher, report, set_status):
    task_id = await dispatcher.dispatch(report())
    end = await waiting(dispatcher, task_id)
    set_status(task_id, {"state": "InProgress"})
    set_status(task_id, COMPLETED)
    assert (await asyncio.wait_for(end, 5)).result == {"rows": 3}
    assert (await dispatcher.wait(task_id)).state == "Completed"


async def test_wait_raises_what_the_handler_raised(dispatcher, report, set_status):
    task_id = await dispatcher.dispatch(report())
    end = await waiting(dispatcher, task_id)
    set_status(task_id, {"state": "Failed", "error": FAILURE})
    with pytest.raises(TaskFailedError, match="ValueError: no CSV") as caught:
        await end
    assert caught.value.error_traceback == "Traceback…"
    assert (await dispatcher.wait(task_id, raise_on_failure=False)).state == "Failed"


async def test_wait_tells_a_cancellation(dispatcher, report, set_status):
    task_id = await dispatcher.dispatch(report())
    set_status(task_id, {"state": "Cancelled", "message": "cancelled before it started"})
    with pytest.raises(TaskCancelledError, match="before it started"):
        await dispatcher.wait(task_id)


async def test_wait_tells_a_deletion(dispatcher, report, admin, namespace):
    task_id = await dispatcher.dispatch(report())
    end = await waiting(dispatcher, task_id)
    admin("DELETE", tasks_path(namespace, f"task-{task_id}"))
    with pytest.raises(TaskNotFoundError, match="deleted in the state Pending"):
        await end


async def test_wait_ends_in_time_and_leaves_the_task_alone(dispatcher, report):
    task_id = await dispatcher.dispatch(report())
    with pytest.raises(TimeoutError, match=r"not finished within 0:00:00.2.*; it goes on"):
        await dispatcher.wait(task_id, timedelta(seconds=0.2))
    assert await dispatcher.get(task_id) is not None


async def test_a_cancellation_is_stored_once(dispatcher, report, stored):
    task_id = await dispatcher.dispatch(report())
    assert await dispatcher.cancel(task_id) is CancelOutcome.REQUESTED
    first = stored(task_id)
    assert first["spec"]["cancel"] is True
    assert await dispatcher.cancel(task_id) is CancelOutcome.REQUESTED
    assert stored(task_id) == first


@pytest.mark.parametrize(
    "end",
    [
        ("Completed", CancelOutcome.ALREADY_FINISHED),
        ("Failed", CancelOutcome.ALREADY_FINISHED),
        ("Cancelled", CancelOutcome.CANCELLED),
    ],
    ids=lambda end: end[0],
)
async def test_a_finished_task_is_never_changed_by_cancel(dispatcher, report, set_status, stored, end):
    task_id = await dispatcher.dispatch(report())
    set_status(task_id, {"state": end[0]})
    before = stored(task_id)
    assert await dispatcher.cancel(task_id) is end[1]
    assert stored(task_id) == before


async def test_a_stale_cancellation_changes_nothing(connection, dispatcher, report, set_status, stored):
    task_id = await dispatcher.dispatch(report())
    before = stored(task_id)
    set_status(task_id, COMPLETED)
    assert not await TaskObjects(connection, before["metadata"]["namespace"], 10).set_spec(
        before, "cancel", True
    )
    assert stored(task_id)["spec"]["cancel"] is False


async def test_cancel_gets_through_a_stream_of_other_writes(dispatcher, report, set_status, stored):
    task_id = await dispatcher.dispatch(report())

    def chatter() -> None:
        for number in range(100):
            set_status(task_id, {"message": f"step {number}"})

    writes = asyncio.create_task(asyncio.to_thread(chatter))
    assert await dispatcher.cancel(task_id) is CancelOutcome.REQUESTED
    await writes
    assert stored(task_id)["spec"]["cancel"] is True
