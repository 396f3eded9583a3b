"""Following tasks on a real API server, through everything that interrupts a watch."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing, contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import ApiUnavailableError, Dispatcher, State, TaskNotFoundError
from tests.support.api_client import ApiClient
from tests.support.cutting_proxies import CuttingProxy
from tests.support.sdk_tasks import Operator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from hack.cluster.light import LightControlPlane

SECONDS = 30.0

Event = tuple[str, str, str]


@contextmanager
def owning(plane: LightControlPlane) -> Iterator[Operator]:
    """Play the operator there, for as long as the API server is the same process."""
    with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
        yield Operator(client, "default")


@pytest.fixture
def operator(admin, namespace) -> Operator:
    return Operator(admin, namespace)


@pytest.fixture
def proxy(control_plane) -> Iterator[CuttingProxy]:
    with CuttingProxy(control_plane.server, control_plane.ca) as made:
        yield made


@pytest.fixture
async def cut(proxy, control_plane, connect, namespace) -> AsyncIterator[Dispatcher]:
    """A dispatcher whose watches can be cut."""
    async with connect(control_plane.ca, proxy.url, control_plane.token, namespace) as connection:
        yield Dispatcher(connection=connection)


class Listener:
    """Listens to a watch, and keeps what it is told."""

    def __init__(self, dispatcher: Dispatcher, **filters: Any) -> None:
        self.told: list[Event] = []
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._listen(dispatcher, filters))

    async def _listen(self, dispatcher: Dispatcher, filters: dict[str, Any]) -> None:
        async with aclosing(dispatcher.watch(**filters)) as events:
            async for event in events:
                async with self._news:
                    self.told.append((event.kind, event.view.name, str(event.view.state)))
                    self._news.notify_all()

    async def until(self, *events: Event) -> None:
        """Wait until the events were told, each of them."""
        try:
            async with asyncio.timeout(SECONDS), self._news:
                await self._news.wait_for(lambda: set(events) <= set(self.told))
        except TimeoutError:
            raise AssertionError(f"told was only {self.told}") from None

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(dispatcher: Dispatcher, **filters: Any) -> Listener:
        listeners.append(Listener(dispatcher, **filters))
        return listeners[-1]

    yield start
    for listener in listeners:
        await listener.end()


async def test_what_is_there_is_told_and_then_what_happens(dispatcher, operator, listen):
    operator.make("a")
    listener = listen(dispatcher)
    await listener.until(("added", "a", "Pending"))
    operator.make("b")
    operator.set("a", state="InProgress")
    operator.set("a", state="Completed")
    operator.delete("a")
    await listener.until(("removed", "a", "Completed"), ("added", "b", "Pending"))
    assert [event for event in listener.told if event[1] == "a"] == [
        ("added", "a", "Pending"),
        ("changed", "a", "InProgress"),
        ("changed", "a", "Completed"),
        ("removed", "a", "Completed"),
    ]


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param({"queue": "mails"}, id="queue"),
        pytest.param({"key": "of,a"}, id="key"),
        pytest.param({"handler": "shop.orders:Export"}, id="handler"),
        pytest.param({"parent": "parent"}, id="parent"),
    ],
)
async def test_only_what_is_asked_for_is_told(dispatcher, operator, listen, filters):
    parent = operator.make("parent")["metadata"]["uid"]
    listener = listen(dispatcher, **filters)
    await asyncio.sleep(0.3)
    operator.make("b", queue="other")
    operator.make("a", queue="mails", taskKey="of,a", handler="shop.orders:Export", parent_uid=parent)
    await listener.until(("added", "a", "Pending"))
    assert [event[1] for event in listener.told] == ["a"]


async def test_a_task_comes_into_a_state_and_leaves_it(dispatcher, operator, listen):
    operator.make_many(["a", "b"])
    listener = listen(dispatcher, state=[State.QUEUED, State.IN_PROGRESS])
    await asyncio.sleep(0.3)
    for state in ("Queued", "InProgress", "Completed"):
        operator.set("a", state=state)
    operator.set("b", state="InProgress")
    await listener.until(("added", "b", "InProgress"))
    assert listener.told == [
        ("added", "a", "Queued"),
        ("changed", "a", "InProgress"),
        ("removed", "a", "InProgress"),
        ("added", "b", "InProgress"),
    ]


async def test_a_task_that_changes_its_queue_leaves_it(dispatcher, operator, listen):
    operator.make("a")
    listener = listen(dispatcher, queue="default")
    await listener.until(("added", "a", "Pending"))
    operator.edit("a", queue="mails")
    await listener.until(("removed", "a", "Pending"))


@pytest.mark.parametrize("gap", ["close_the_way", "break_watches", "expire_watches"])
async def test_through_a_gap_no_end_is_missed_and_nothing_is_told_twice(proxy, cut, operator, listen, gap):
    operator.make_many(["ends", "goes", "stays", "anew"])
    listener = listen(cut)
    await listener.until(*[("added", name, "Pending") for name in ("ends", "goes", "stays", "anew")])
    await asyncio.sleep(0.3)
    await asyncio.to_thread(getattr(proxy, gap))
    operator.set("ends", state="Completed")
    operator.delete("goes", "anew")
    operator.make("anew")
    operator.make("comes", "Failed")
    proxy.heal()
    operator.make("afterwards")
    await listener.until(
        ("changed", "ends", "Completed"),
        ("removed", "goes", "Pending"),
        ("removed", "anew", "Pending"),
        ("added", "afterwards", "Pending"),
    )
    assert listener.told.count(("added", "stays", "Pending")) == 1
    assert listener.told.count(("added", "anew", "Pending")) == 2
    assert ("added", "comes", "Failed") in listener.told or ("changed", "comes", "Failed") in listener.told


async def restart(plane: LightControlPlane, *, abruptly: bool) -> None:
    await asyncio.to_thread(plane.stop_apiserver, abruptly=abruptly)
    await asyncio.to_thread(plane.start_apiserver)


@pytest.mark.parametrize("abruptly", [pytest.param(True, id="crash"), pytest.param(False, id="shutdown")])
async def test_a_watch_goes_on_after_a_restart_of_the_api_server(plane, connect, listen, abruptly):
    name = f"restart-{abruptly}".lower()
    with owning(plane) as operator:
        operator.make(name)
    async with connect(plane.ca, plane.server, plane.token, "default") as connection:
        listener = listen(Dispatcher(connection=connection))
        await listener.until(("added", name, "Pending"))
        await restart(plane, abruptly=abruptly)
        with owning(plane) as operator:
            operator.set(name, state="Completed")
        await listener.until(("changed", name, "Completed"))
        assert listener.told.count(("added", name, "Pending")) == 1
        await listener.end()


async def test_a_wait_of_an_old_task_is_told_at_once_after_a_restart(plane, connect):
    with owning(plane) as operator:
        operator.make_many(["old", "older"])
    await restart(plane, abruptly=True)
    async with connect(plane.ca, plane.server, plane.token, "default") as connection:
        end = asyncio.create_task(Dispatcher(connection=connection).wait(["old", "older"]))
        await asyncio.sleep(1)
        with owning(plane) as operator:
            operator.set("old", state="Completed")
            operator.set("older", state="Completed")
        assert len(await asyncio.wait_for(end, 2)) == 2


async def test_patience_ends_a_watch(plane, connect):
    async with connect(plane.ca, plane.server, plane.token, "default") as connection:
        dispatcher = Dispatcher(connection=connection, patience=timedelta(seconds=1))
        async with aclosing(dispatcher.watch(key="none")) as events:
            following = asyncio.create_task(anext(events))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(plane.stop_apiserver, abruptly=True)
            try:
                with pytest.raises(ApiUnavailableError, match="no answer from"):
                    await asyncio.wait_for(following, SECONDS)
            finally:
                await asyncio.to_thread(plane.start_apiserver)


async def test_children_of_nobody_cannot_be_watched(dispatcher):
    with pytest.raises(TaskNotFoundError, match="there is no task nobody"):
        await anext(dispatcher.watch(parent="nobody"))
