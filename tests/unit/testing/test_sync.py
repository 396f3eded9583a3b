"""The synchronous in-memory dispatcher: the same, blocking, and for handlers that are not asynchronous."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import ConfigurationError, Dispatcher, State, SyncDispatcher
from evertask.testing import InMemoryDispatcher, InMemorySyncDispatcher
from tests.unit.testing.bakery import Bake, Feast, Party
from tests.unit.testing.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOUR = timedelta(hours=1)


@pytest.fixture
def sync() -> Iterator[InMemorySyncDispatcher]:
    with InMemorySyncDispatcher(now=NOON) as made:
        yield made


def test_it_dispatches_waits_and_records(sync: InMemorySyncDispatcher) -> None:
    view = sync.wait(sync.dispatch(Bake(loaves=2), delay=HOUR))
    assert (view.result, sync.now) == ("2 loaves", NOON + HOUR)
    assert [one.options for one in sync.dispatched] == [{"delay": HOUR}]


def test_time_passes_when_it_is_told_to(sync: InMemorySyncDispatcher) -> None:
    sync.dispatch(Bake(), recurring=HOUR)
    assert sync.run_due() == []
    assert len(sync.advance(2 * HOUR)) == 2
    with pytest.raises(RuntimeError, match="give a series an end"):
        sync.run_all(max_runs=3)


CALLS: dict[str, Callable[[InMemorySyncDispatcher, Any], object]] = {
    "dispatch": lambda d, _: d.dispatch(Bake()),
    "dispatch_many": lambda d, _: d.dispatch_many([Bake()]),
    "dispatch_stream": lambda d, _: list(d.dispatch_stream([Bake()])),
    "get": lambda d, one: d.get(one),
    "query": lambda d, _: d.query(),
    "query_all": lambda d, _: list(d.query_all()),
    "wait": lambda d, one: d.wait([one]),
    "watch": lambda d, _: next(d.watch()),
    "cancel": lambda d, one: d.cancel(one),
    "suspend": lambda d, one: d.suspend(one),
    "resume": lambda d, one: d.resume(one),
    "run_now": lambda d, _: d.run_now(key="series"),
    "children": lambda d, one: d.children(one),
    "close": lambda d, _: d.close(),
}


def test_there_is_a_call_for_each_method() -> None:
    public = {name for name, _ in inspect.getmembers(SyncDispatcher, callable) if not name.startswith("_")}
    assert set(CALLS) == public


@pytest.mark.parametrize("name", CALLS)
def test_a_method_needs_no_cluster(
    sync: InMemorySyncDispatcher, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    sync.dispatch(Bake(), recurring="@daily", task_key="series")
    CALLS[name](sync, sync.dispatch(Bake()))


def test_a_handler_that_is_not_asynchronous_dispatches(sync: InMemorySyncDispatcher) -> None:
    view = sync.wait(sync.dispatch(Party(guests=3)))
    assert view.result == ["1 loaves", "2 loaves", "3 loaves"]
    assert len(sync.children(view.name)) == 3


def test_asynchronous_handlers_run_too(sync: InMemorySyncDispatcher) -> None:
    assert sync.wait(sync.dispatch(Feast())).state is State.COMPLETED


async def test_each_kind_of_handler_runs_under_each_kind_of_dispatcher(
    dispatcher: InMemoryDispatcher,
) -> None:
    view = await dispatcher.wait(await dispatcher.dispatch(Party(guests=1)))
    assert view.result == ["1 loaves"]


def test_after_a_run_the_packages_own_dispatchers_are_there(sync: InMemorySyncDispatcher) -> None:
    import evertask

    sync.wait(sync.dispatch(Feast()))
    assert (evertask.Dispatcher, evertask.SyncDispatcher) == (Dispatcher, SyncDispatcher)


def test_it_can_be_given_where_a_sync_dispatcher_is_asked_for(sync: InMemorySyncDispatcher) -> None:
    def application(given: SyncDispatcher) -> None:
        given.dispatch(Bake())

    application(sync)
    assert len(sync.dispatched) == 1


def test_a_closed_one_says_so(sync: InMemorySyncDispatcher) -> None:
    sync.close()
    with pytest.raises(ConfigurationError, match="closed"):
        sync.dispatch(Bake())
