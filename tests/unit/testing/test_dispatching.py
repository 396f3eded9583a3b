"""What is dispatched in memory is checked, named and registered as in a cluster, and recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import ConfigurationError, Dispatch, DispatchRefusedError, Registration, State, Task
from evertask.api.keys import key_id, key_name
from evertask.testing import InMemoryDispatcher
from tests.unit.testing.bakery import Bake, Burn
from tests.unit.testing.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = timedelta(hours=1)


async def test_a_dispatch_is_recorded(dispatcher: InMemoryDispatcher) -> None:
    task = Bake(loaves=3)
    task_id = await dispatcher.dispatch(task, delay=HOUR, queue="night")
    (recorded,) = dispatcher.dispatched
    assert recorded.task is task
    assert recorded.options == {"delay": HOUR, "queue": "night"}
    assert (recorded.id, recorded.id.outcome) == (task_id, Registration.CREATED)
    assert recorded.manifest["spec"] == {
        "handler": "tests.unit.testing.bakery:BakeHandler",
        "payload": {"loaves": 3},
        "delay": "1h",
        "queue": "night",
    }


async def test_the_manifest_is_what_the_cluster_has(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring=HOUR)
    view = await dispatcher.get(task_id)
    assert view is not None
    manifest = dispatcher.dispatched[0].manifest
    assert view.raw["spec"] == {**manifest["spec"], "cancel": False, "suspend": False}
    assert (view.name, view.raw["metadata"]["labels"]) == (
        manifest["metadata"]["name"],
        manifest["metadata"]["labels"],
    )


class Nothing(Task):
    """Names no handler."""


@pytest.mark.parametrize(
    ("task", "options", "error"),
    [
        (Bake(), {"delay": HOUR, "at": NOON}, DispatchRefusedError),
        (Bake(), {"at": datetime(2026, 3, 1)}, DispatchRefusedError),  # noqa: DTZ001
        (Bake(), {"recurring": "61 * * * *"}, DispatchRefusedError),
        (Bake(), {"task_key": " "}, DispatchRefusedError),
        (Bake(), {"queue": "Not A Name"}, DispatchRefusedError),
        (Bake(), {"start_deadline": timedelta(0)}, DispatchRefusedError),
        (Nothing(), {}, ConfigurationError),
        ("bake", {}, TypeError),
    ],
    ids=["two-times", "naive", "cron", "key", "queue", "duration", "no-handler", "no-task"],
)
async def test_what_a_cluster_refuses_is_refused_and_not_recorded(
    dispatcher: InMemoryDispatcher, task: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await dispatcher.dispatch(task, **options)
    assert dispatcher.dispatched == []
    assert (await dispatcher.query()).items == ()


async def test_a_refusal_of_the_api_server_names_the_field(dispatcher: InMemoryDispatcher) -> None:
    with pytest.raises(DispatchRefusedError, match="queue must be a name") as refusal:
        await dispatcher.dispatch(Bake(), queue="Not A Name")
    assert [cause.field for cause in refusal.value.causes] == ["spec.queue"]


async def test_an_id_is_given_once(dispatcher: InMemoryDispatcher) -> None:
    first = await dispatcher.dispatch(Bake(loaves=1))
    again = await dispatcher.dispatch(Bake(loaves=1), task_id=first)
    assert (again, again.outcome) == (first, Registration.UNCHANGED)
    with pytest.raises(DispatchRefusedError, match="exists already, with another handler, payload"):
        await dispatcher.dispatch(Bake(loaves=2), task_id=first)


async def test_a_key_names_its_task(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), task_key="daily")
    assert (task_id, task_id.name) == (key_id("default", "daily"), key_name("default", "daily"))
    assert (await dispatcher.get(key="daily")) == (await dispatcher.get(task_id))


async def ended(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.run_due()


async def cancelled(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.cancel(key="daily")


async def left_alone(dispatcher: InMemoryDispatcher) -> None:
    assert dispatcher.dispatched


@pytest.mark.parametrize(
    ("first", "meanwhile", "again", "outcome"),
    [
        pytest.param({"delay": HOUR}, left_alone, {"delay": 2 * HOUR}, "Updated", id="waits"),
        pytest.param({"recurring": HOUR}, left_alone, {"recurring": HOUR}, "Unchanged", id="same-series"),
        pytest.param({"recurring": HOUR}, left_alone, {"recurring": 2 * HOUR}, "Updated", id="other-series"),
        pytest.param({"recurring": HOUR}, left_alone, {}, "Unchanged", id="series-to-one-shot"),
        pytest.param({}, ended, {}, "Replaced", id="ended"),
        pytest.param({"delay": HOUR}, cancelled, {"delay": HOUR}, "Replaced", id="cancelled"),
    ],
)
async def test_a_key_is_registered_as_in_a_cluster(
    dispatcher: InMemoryDispatcher,
    first: dict[str, Any],
    meanwhile: Callable[[InMemoryDispatcher], Any],
    again: dict[str, Any],
    outcome: str,
) -> None:
    created = await dispatcher.dispatch(Bake(), task_key="daily", **first)
    await meanwhile(dispatcher)
    second = await dispatcher.dispatch(Bake(), task_key="daily", **again)
    assert (created.outcome, second.outcome) == (Registration.CREATED, Registration(outcome))


async def test_a_batch_goes_on_after_a_fault(dispatcher: InMemoryDispatcher) -> None:
    results = await dispatcher.dispatch_many([Bake(), Dispatch(Bake(), queue="Not A Name"), Burn()])
    assert [result.ok for result in results] == [True, False, True]
    assert [one.task for one in dispatcher.dispatched] == [Bake(), Burn()]


async def test_a_stream_gives_each_result(dispatcher: InMemoryDispatcher) -> None:
    stream = dispatcher.dispatch_stream(Bake(loaves=number) for number in range(20))
    assert sum([result.ok async for result in stream]) == 20


async def test_a_large_batch_runs_to_its_end(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch_many(Bake(loaves=number) for number in range(300))
    views = await dispatcher.run_due()
    assert [view.state for view in views] == [State.COMPLETED] * 300


async def test_a_pod_template_is_the_dispatchers(dispatcher: InMemoryDispatcher) -> None:
    template = {"spec": {"nodeSelector": {"oven": "yes"}}}
    async with InMemoryDispatcher(namespace="shop", pod_template=template) as shaped:
        view = await shaped.get(await shaped.dispatch(Bake()))
    assert view is not None
    assert (view.namespace, view.raw["spec"]["podTemplate"]) == ("shop", template)
