"""What the type checker knows of looking after tasks, asynchronous and blocking."""

from __future__ import annotations

import pytest

from tests.support.type_checks import check_types, is_found

GOOD = """
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from evertask import CancelOutcome, Dispatcher, Handler, Page, State, SyncDispatcher, Task, TaskEvent, TaskView
from evertask.batches import Dispatch, DispatchResult


class Report(Task):
    handler = "shop.reports:Daily"
    region: str = "eu"


async def look_after(dispatcher: Dispatcher) -> None:
    task_id = await dispatcher.dispatch(Report(), task_key="daily")
    one: TaskView = await dispatcher.wait(task_id, timedelta(seconds=1))
    named: TaskView = await dispatcher.wait("daily", raise_on_failure=False)
    keyed: TaskView = await dispatcher.wait(key="daily")
    ids: list[UUID] = [task_id]
    several: list[TaskView] = await dispatcher.wait([task_id])
    more: list[TaskView] = await dispatcher.wait(ids, timedelta(seconds=1), raise_on_failure=False)
    mixed: list[TaskView] = await dispatcher.wait([task_id, "daily"])
    lazily: list[TaskView] = await dispatcher.wait(one_id for one_id in ids)
    found: TaskView | None = await dispatcher.get(key="daily")
    outcome: CancelOutcome = await dispatcher.cancel(key="daily")
    was: bool = await dispatcher.suspend("daily") and await dispatcher.resume(task_id)
    token: str = await dispatcher.run_now(task_id, "t") or await dispatcher.run_now(key="daily")
    page: Page = await dispatcher.query(
        state={State.FAILED}, parent=task_id, created_after=datetime.now(UTC), handler=Handler
    )
    print(await dispatcher.query(state=State.FAILED, continue_token=page.continue_token))
    async for view in dispatcher.query_all(queue="mails"):
        print(view.queue, view.error)
    async for event in dispatcher.watch(parent="daily"):
        if event.kind == "removed":
            print(event.view.name)
    children: list[TaskView] = await dispatcher.children(task_id)
    print(one, named, keyed, several, more, mixed, lazily, found, outcome, was, token, children)


def look_after_blocking(dispatcher: SyncDispatcher) -> None:
    task_id = dispatcher.dispatch(Report(), recurring=lambda r: r.schedule().every_day())
    one: TaskView = dispatcher.wait(task_id, timedelta(seconds=1))
    keyed: TaskView = dispatcher.wait(key="daily")
    several: list[TaskView] = dispatcher.wait([task_id])
    found: TaskView | None = dispatcher.get(task_id)
    events: Iterator[TaskEvent] = dispatcher.watch(state=State.FAILED)
    views: Iterator[TaskView] = dispatcher.query_all()
    results: list[DispatchResult] = dispatcher.dispatch_many(
        (Report(), Dispatch(Report(), delay=timedelta(hours=1))), progress=print
    )
    stream: Iterator[DispatchResult] = dispatcher.dispatch_stream(Report() for _ in range(3))
    print(one, keyed, several, found, events, views, results, stream, task_id.outcome)


def use() -> None:
    with SyncDispatcher(namespace="shop", patience=timedelta(seconds=5)) as dispatcher:
        look_after_blocking(dispatcher)
"""

MISTAKES = {
    "SyncDispatcher().get(17)": "arg-type",
    "SyncDispatcher().wait(17)": "call-overload",
    "SyncDispatcher().wait([17])": "list-item",
    'SyncDispatcher().wait("daily", 5)': "call-overload",
    'Dispatcher().wait("daily", key=None)': "call-overload",
    'SyncDispatcher().query(state="Done")': "arg-type",
    "SyncDispatcher().query(limit=None)": "arg-type",
    "SyncDispatcher().watch(created_after=None)": "call-arg",
    'several: list[TaskView] = SyncDispatcher().wait("daily")': "assignment",
    "one: TaskView = SyncDispatcher().wait([])": "assignment",
    "SyncDispatcher(connection=None)": "call-arg",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    return check_types(tmp_path_factory.mktemp("typing"), GOOD, [*MISTAKES])


def test_good_code_passes(said):
    assert "good.py" not in said
    assert "bad.py" in said


@pytest.mark.parametrize(("mistake", "code"), MISTAKES.items())
def test_a_mistake_is_found_where_it_is(said, mistake, code):
    assert is_found(said, GOOD, [*MISTAKES], mistake, code), said
