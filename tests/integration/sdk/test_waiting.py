"""Waiting for several tasks on a real API server; the test plays the operator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from evertask import Dispatcher, TaskCancelledError, TaskFailedError, TaskNotFoundError, waiting
from evertask.api.keys import key_name
from tests.support.cutting_proxies import CuttingProxy
from tests.support.sdk_tasks import Operator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SOON = timedelta(seconds=30)
NAMES = ["a", "b", "c"]
ERROR = {"type": "ValueError", "message": "no CSV"}


@pytest.fixture
def operator(admin, namespace) -> Operator:
    return Operator(admin, namespace)


@pytest.fixture
def requests() -> list[str]:
    """The verbs of the requests of ``counted``."""
    return []


@pytest.fixture
async def counted(control_plane, connect, namespace, requests) -> AsyncIterator[Dispatcher]:
    plane = control_plane
    async with connect(
        plane.ca, plane.server, plane.token, namespace, lambda verb, *_: requests.append(verb)
    ) as connection:
        yield Dispatcher(connection=connection)


@pytest.fixture
def proxy(control_plane) -> Iterator[CuttingProxy]:
    with CuttingProxy(control_plane.server, control_plane.ca) as made:
        yield made


@pytest.fixture
async def cut(proxy, control_plane, connect, namespace) -> AsyncIterator[Dispatcher]:
    """A dispatcher whose watches can be cut."""
    async with connect(control_plane.ca, proxy.url, control_plane.token, namespace) as connection:
        yield Dispatcher(connection=connection)


async def started(dispatcher: Dispatcher, ref: Any, **options: Any) -> asyncio.Task[Any]:
    """Start to wait, and let the watch begin."""
    task = asyncio.create_task(dispatcher.wait(ref, SOON, **options))
    await asyncio.sleep(0.4)
    assert not task.done()
    return task


async def test_the_views_come_in_the_order_of_the_references_by_one_watch(counted, requests, operator):
    operator.make_many(NAMES)
    end = await started(counted, ["b", "a", "c", "a"])
    for name in ("c", "a", "b"):
        operator.set(name, state="Completed", result=name)
    assert [view.result for view in await end] == ["b", "a", "c", "a"]
    assert sorted(requests) == ["get"] * 4 + ["list", "watch"]


async def test_ids_names_and_keys_are_waited_for_together(dispatcher, report, operator, namespace):
    plain = await dispatcher.dispatch(report())
    keyed = await dispatcher.dispatch(report(), task_key="Of the night")
    operator.make("by-hand")
    end = await started(dispatcher, (ref for ref in (plain, UUID(str(keyed)), "by-hand")))
    names = [plain.name, key_name(namespace, "Of the night"), "by-hand"]
    for name in names:
        operator.set(name, state="Completed")
    assert [view.name for view in await end] == names


async def test_a_key_alone_is_waited_for(dispatcher, report, operator):
    made = await dispatcher.dispatch(report(), task_key="nightly")
    operator.set(made.name, state="Completed")
    assert (await dispatcher.wait(key="nightly")).name == "nightly"


async def test_tasks_that_are_over_are_not_watched(counted, requests, operator):
    operator.make_many(NAMES, "Completed")
    assert len(await counted.wait(NAMES)) == 3
    assert requests == ["get"] * 3


async def test_nothing_is_waited_for_at_once(counted, requests):
    assert await counted.wait([]) == []
    assert requests == []


async def test_with_more_ids_than_a_selector_may_name_all_of_the_namespace_is_watched(
    dispatcher, report, operator, monkeypatch
):
    monkeypatch.setattr(waiting, "LABELS", 2)
    ids = [await dispatcher.dispatch(report(region=number)) for number in range(3)]
    end = await started(dispatcher, ids)
    operator.make("another", "Failed")
    for made in ids:
        operator.set(made.name, state="Completed", result=str(made))
    assert [view.result for view in await end] == list(map(str, ids))


async def test_the_first_failure_is_raised_when_all_are_over_and_names_the_others(dispatcher, operator):
    operator.make_many(NAMES)
    end = await started(dispatcher, NAMES)
    operator.set("c", state="Cancelled", message="cancelled before it started")
    operator.set("b", state="Failed", error=ERROR)
    await asyncio.sleep(0.3)
    assert not end.done()
    operator.set("a", state="Completed")
    with pytest.raises(TaskFailedError, match="task b failed: ValueError: no CSV") as caught:
        await end
    assert caught.value.__notes__ == ["1 more: task c was cancelled: cancelled before it started"]


async def test_a_cancellation_is_raised_where_it_comes_first(dispatcher, operator):
    operator.make("a", "Cancelled")
    operator.make("b", "Failed")
    with pytest.raises(TaskCancelledError, match="task a was cancelled"):
        await dispatcher.wait(["a", "b"])
    with pytest.raises(TaskFailedError, match="task b failed"):
        await dispatcher.wait(["b", "a"])


async def test_the_end_of_each_is_given_where_failures_are_no_errors(dispatcher, operator):
    operator.make("a", "Cancelled")
    operator.make("b", "Failed")
    operator.make("c", "Completed")
    views = await dispatcher.wait(NAMES, raise_on_failure=False)
    assert [str(view.state) for view in views] == ["Cancelled", "Failed", "Completed"]


async def test_when_the_time_is_over_it_says_which_are_not(dispatcher, operator):
    operator.make_many(["a", "c"])
    operator.make("b", "Completed")
    said = r"^2 of 3 tasks \(a, c\) have not finished within 0:00:00.5\d*; they go on$"
    with pytest.raises(TimeoutError, match=said):
        await dispatcher.wait(NAMES, timedelta(seconds=0.5))


async def test_of_many_the_first_ten_are_named(dispatcher, operator):
    names = [f"t-{number:02d}" for number in range(12)]
    operator.make_many(names)
    with pytest.raises(TimeoutError, match=r"12 of 12 tasks \(t-00, .*t-09 and 2 more\)"):
        await dispatcher.wait(names, timedelta(seconds=0.7))


async def test_one_that_is_not_there_is_told_at_once(dispatcher, operator):
    operator.make("a")
    missing = uuid4()
    with pytest.raises(TaskNotFoundError, match=f"there is no task {missing}"):
        await asyncio.wait_for(dispatcher.wait(["a", missing]), 10)


@pytest.mark.parametrize("options", [{}, {"raise_on_failure": False}], ids=["raising", "not-raising"])
async def test_one_that_is_deleted_is_told_when_the_others_are_over(dispatcher, operator, options):
    operator.make_many(NAMES)
    end = await started(dispatcher, NAMES, **options)
    operator.delete("a")
    operator.set("b", state="Completed")
    await asyncio.sleep(0.3)
    assert not end.done()
    operator.set("c", state="Completed")
    with pytest.raises(TaskNotFoundError, match="task a was deleted in the state Pending"):
        await end


async def test_one_that_expires_at_once_has_ended(dispatcher, operator):
    operator.make_many(NAMES[:2])
    end = await started(dispatcher, NAMES[:2])
    for name in NAMES[:2]:
        operator.set(name, state="Completed", result=name)
        operator.delete(name)
    assert [view.result for view in await end] == NAMES[:2]


@pytest.mark.parametrize("names", [NAMES[:1], NAMES], ids=["one", "several"])
@pytest.mark.parametrize("gap", ["close_the_way", "break_watches", "expire_watches"])
async def test_an_end_within_a_gap_is_not_missed(proxy, cut, operator, names, gap):
    operator.make_many(names)
    end = await started(cut, names)
    await asyncio.to_thread(getattr(proxy, gap))
    for name in names:
        operator.set(name, state="Completed", result=name)
    proxy.heal()
    assert [view.result for view in await asyncio.wait_for(end, 20)] == names


async def test_one_that_is_deleted_within_a_gap_is_told(proxy, cut, operator):
    operator.make_many(NAMES)
    end = await started(cut, NAMES)
    await asyncio.to_thread(proxy.close_the_way)
    operator.delete("a")
    operator.delete("b")
    operator.make("b", "Completed")  # of the same name, and another
    operator.set("c", state="Completed")
    proxy.heal()
    with pytest.raises(
        TaskNotFoundError, match="task a was deleted in the state Pending, or later"
    ) as caught:
        await asyncio.wait_for(end, 20)
    assert "task b was deleted" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("ref", "key"), [(["a"], "k"), (7, None), ([7], None), (None, None)], ids=["both", "int", "ints", "none"]
)
async def test_what_names_no_task_is_a_type_error(dispatcher, ref, key):
    with pytest.raises(TypeError, match=r"name one task|not by int"):
        await dispatcher.wait(ref, key=key)
