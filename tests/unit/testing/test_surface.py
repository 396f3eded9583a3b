"""Every method of a dispatcher works in memory: none of them is left that would look for a cluster."""

from __future__ import annotations

import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Dispatcher
from evertask.testing import InMemoryDispatcher
from tests.unit.testing.bakery import Bake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def first_of(stream: Any) -> None:
    async with aclosing(stream) as items:
        assert await anext(items)


async def series(dispatcher: InMemoryDispatcher) -> Any:
    return await dispatcher.dispatch(Bake(), recurring="@daily", task_key="series")


CALLS: dict[str, Callable[[InMemoryDispatcher, Any], Awaitable[object]]] = {
    "dispatch": lambda d, _: d.dispatch(Bake()),
    "dispatch_many": lambda d, _: d.dispatch_many([Bake()]),
    "dispatch_stream": lambda d, _: first_of(d.dispatch_stream([Bake()])),
    "get": lambda d, one: d.get(one),
    "query": lambda d, _: d.query(),
    "query_all": lambda d, _: first_of(d.query_all()),
    "wait": lambda d, one: d.wait(one),
    "watch": lambda d, _: first_of(d.watch()),
    "cancel": lambda d, one: d.cancel(one),
    "suspend": lambda d, one: d.suspend(one),
    "resume": lambda d, one: d.resume(one),
    "run_now": lambda d, _: d.run_now(key="series"),
    "children": lambda d, one: d.children(one),
    "aclose": lambda d, _: d.aclose(),
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Leave no cluster to be found: whoever looked for one would fail."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def public_methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}


def test_there_is_a_call_for_each_method() -> None:
    assert set(CALLS) == public_methods(Dispatcher)


@pytest.fixture
async def stocked(dispatcher: InMemoryDispatcher) -> InMemoryDispatcher:
    await series(dispatcher)
    return dispatcher


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_needs_no_cluster(stocked: InMemoryDispatcher, name: str) -> None:
    await CALLS[name](stocked, await stocked.dispatch(Bake()))


async def test_it_can_be_given_where_a_dispatcher_is_asked_for(dispatcher: InMemoryDispatcher) -> None:
    async def application(given: Dispatcher) -> None:
        await given.dispatch(Bake())

    await application(dispatcher)
    assert len(dispatcher.dispatched) == 1


async def test_its_connection_opens_nothing(dispatcher: InMemoryDispatcher) -> None:
    with pytest.raises(AssertionError, match="about to open a connection"):
        dispatcher._memory._open()


@pytest.mark.parametrize("name", sorted(public_methods(Dispatcher)))
def test_an_override_takes_what_the_original_takes(name: str) -> None:
    original = inspect.signature(getattr(Dispatcher, name))
    assert inspect.signature(getattr(InMemoryDispatcher, name)).parameters == original.parameters
