"""Dispatching many tasks: a bounded number of calls at a time, one result for each, however many there are.

A task that cannot be dispatched does not keep the others back: its result has the error. Nothing is held but what is
under way, so a generator of any length can be dispatched. A batch is no transaction: what was dispatched before it was
given up is there, each task whole.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

from evertask.dispatching import Dispatching
from evertask.errors import EverTaskError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
    from datetime import datetime, timedelta
    from uuid import UUID

    from evertask.api.recurrence import Recurrence
    from evertask.recurrence.builder import RecurrenceCallback
    from evertask.registration import TaskId
    from evertask.retries import Retry
    from evertask.tasks import Audit, Interruption, Task

    _Call: TypeAlias = "asyncio.Task[tuple[int, DispatchResult]]"

CONCURRENCY = 16
"""Calls at a time: more only wait in the API server, which has other clients too."""


class DispatchOptions(TypedDict, total=False):
    """What may be said about one task of a batch, as ``Dispatcher.dispatch`` takes it."""

    delay: timedelta | None
    at: datetime | None
    recurring: str | timedelta | Recurrence | RecurrenceCallback | None
    task_key: str | None
    queue: str | None
    audit_level: Audit | None
    timeout: timedelta | None
    run_timeout: timedelta | None
    retry: Retry | None
    grace_period: timedelta | None
    start_deadline: timedelta | None
    on_interruption: Interruption | None
    max_interruptions: int | None
    fence_after: timedelta | None
    ttl_after_finished: timedelta | None
    task_id: UUID | None


class Dispatch:
    """One task of a batch, with options of its own: ``Dispatch(task, delay=timedelta(hours=1))``."""

    __slots__ = ("options", "task")

    def __init__(self, task: Task, **options: Unpack[DispatchOptions]) -> None:
        """Say what to dispatch.

        Args:
            task: the payload.
            options: as ``Dispatcher.dispatch`` takes them.
        """
        self.task = task
        self.options = options

    def __repr__(self) -> str:
        said = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Dispatch({self.task!r}{said})"


@dataclass(frozen=True)
class DispatchResult:
    """What became of one task of a batch."""

    task: Task
    """The payload that was to be dispatched."""
    id: TaskId | None
    """None where it was not."""
    error: EverTaskError | None
    """Why not."""

    @property
    def ok(self) -> bool:
        """The task is in the cluster."""
        return self.error is None


class Batches(Dispatching):
    """The part of a dispatcher that makes many tasks."""

    async def dispatch_many(
        self,
        tasks: Iterable[Task | Dispatch] | AsyncIterable[Task | Dispatch],
        *,
        concurrency: int = CONCURRENCY,
        progress: Callable[[int, int], object] | None = None,
    ) -> list[DispatchResult]:
        """Dispatch many tasks, and give the results in the order of the tasks.

        Args:
            tasks: of which some may be ``Dispatch(task, delay=…)``, with options of their own.
            concurrency: calls at a time, from 1.
            progress: is told after each call how many are over, and how many of them failed.

        Raises:
            ValueError: ``concurrency`` is less than 1.
            TypeError: an item is neither a Task nor a Dispatch, or an option has another type; it ends the batch.
        """
        async with aclosing(self._dispatch_all(tasks, concurrency, progress)) as results:
            numbered = {number: result async for number, result in results}
        return [numbered[number] for number in sorted(numbered)]

    async def dispatch_stream(
        self,
        tasks: Iterable[Task | Dispatch] | AsyncIterable[Task | Dispatch],
        *,
        concurrency: int = CONCURRENCY,
        progress: Callable[[int, int], object] | None = None,
    ) -> AsyncGenerator[DispatchResult]:
        """Dispatch any number of tasks, and give each result as it comes; tasks are taken as results are.

        Wrap it in ``contextlib.aclosing`` where it may be left early: what is under way is given up then.

        Args:
            tasks: as for ``dispatch_many``.
            concurrency: as for ``dispatch_many``.
            progress: as for ``dispatch_many``.

        Raises:
            ValueError: as for ``dispatch_many``.
            TypeError: as for ``dispatch_many``.
        """
        async with aclosing(self._dispatch_all(tasks, concurrency, progress)) as results:
            async for _, result in results:
                yield result

    async def _dispatch_all(
        self,
        tasks: Iterable[Task | Dispatch] | AsyncIterable[Task | Dispatch],
        concurrency: int,
        progress: Callable[[int, int], object] | None,
    ) -> AsyncGenerator[tuple[int, DispatchResult]]:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; give the number of calls at a time, 1 or more")
        over = failed = 0
        async with (
            aclosing(_items(tasks)) as items,
            aclosing(_InFlight(items, self._dispatch_one, concurrency).results()) as results,
        ):
            async for number, result in results:
                over, failed = over + 1, failed + (not result.ok)
                if progress is not None:
                    progress(over, failed)
                yield number, result

    async def _dispatch_one(self, number: int, item: Task | Dispatch) -> tuple[int, DispatchResult]:
        task, options = (item.task, item.options) if isinstance(item, Dispatch) else (item, DispatchOptions())
        try:
            return number, DispatchResult(task, await self.dispatch(task, **options), None)
        except EverTaskError as error:
            return number, DispatchResult(task, None, error)


async def _items(
    tasks: Iterable[Task | Dispatch] | AsyncIterable[Task | Dispatch],
) -> AsyncGenerator[Task | Dispatch]:
    if isinstance(tasks, AsyncIterable):
        async for task in tasks:
            yield task
    else:
        for task in tasks:
            yield task


class _InFlight:
    """The calls that are under way, and the taking of items, each of which waits for room.

    There is room again when a result has been given, so that neither calls nor results pile up.
    """

    def __init__(
        self,
        items: AsyncIterator[Task | Dispatch],
        call: Callable[[int, Task | Dispatch], Coroutine[Any, Any, tuple[int, DispatchResult]]],
        room: int,
    ) -> None:
        self._items, self._call = items, call
        self._room = asyncio.Semaphore(room)
        self._calls: set[_Call] = set()
        self._ended: asyncio.Queue[_Call | None] = asyncio.Queue()
        """Calls in the order of their ends; None: no more are begun."""

    async def results(self) -> AsyncGenerator[tuple[int, DispatchResult]]:
        """Give results as they come; where taking an item fails, after those of the items before it."""
        taking = asyncio.create_task(self._take())
        taking.add_done_callback(lambda _: self._ended.put_nowait(None))
        try:
            while self._calls or not taking.done():
                if (ended := await self._ended.get()) is not None:
                    self._calls.discard(ended)
                    self._room.release()
                    yield ended.result()
            taking.result()
        finally:
            await _give_up({taking, *self._calls})

    async def _take(self) -> None:
        for number in itertools.count():
            await self._room.acquire()
            if (item := await anext(self._items, None)) is None:
                break
            call = asyncio.create_task(self._call(number, item))
            self._calls.add(call)
            call.add_done_callback(self._ended.put_nowait)


async def _give_up(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
