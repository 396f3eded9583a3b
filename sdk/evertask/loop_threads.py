"""An event loop in a thread of its own, and blocking calls into it.

    calling thread                         the loop's thread
    ──────────────                         ─────────────────
    run(call) ───── a coroutine ─────────► runs it as a task
       waits                               asks the caller, where the caller's own code has to run
       does what is asked (Caller)  ◄───── (an iterable that is read, a callback that is told)
       gives the answer  ◄────────────────

What a coroutine needs of the caller's code runs in the calling thread: it may block, and may be bound to its thread as
a database cursor is. A call that is interrupted (Ctrl-C) cancels its coroutine. The thread starts with the first call,
and is a daemon: a program may end without closing it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from evertask.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_SECONDS = 10.0
"""How long ``close`` waits for the thread: requests are broken off at once, a login program may take its time."""

_END: Any = object()


class LoopThread:
    """The thread, its loop, and whether they may be used."""

    def __init__(self, name: str, farewell: Callable[[], Awaitable[object]]) -> None:
        """Prepare a thread; it starts with the first call.

        Args:
            name: what uses it, for the thread's name and for messages.
            farewell: is awaited in the loop at its end.
        """
        self._name = name
        self._farewell = farewell
        self._lock = threading.RLock()  # the garbage collector may close us in the middle of a call
        self._process: int | None = None
        """Id of the process in which the thread was started."""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_closed = False

    def check(self) -> None:
        """Refuse a call that cannot go well.

        Raises:
            ConfigurationError: the thread is closed, is in another process, or this is a thread with a running loop.
        """
        if self._is_closed:
            raise ConfigurationError(f"this {self._name} is closed; make a new one")
        if self._process not in {None, os.getpid()}:
            raise ConfigurationError(
                f"this {self._name} was used in process {self._process}, and this is its fork {os.getpid()}: its "
                f"thread and its connection are not here; make a {self._name} in each process, after the fork "
                "(at the first request, or in gunicorn's post_fork hook)"
            )
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise ConfigurationError(
            f"this thread runs an event loop, which a call of {self._name} would block; use Dispatcher here, "
            f"and await it (or call {self._name} by asyncio.to_thread)"
        )

    def run(self, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a coroutine in the loop, and wait for its answer.

        Raises:
            ConfigurationError: as ``check``; or it was closed meanwhile.
        """
        one = _Call(partial(call, *args, **kwargs))
        try:
            return self._submit(one.run).result()
        except CancelledError as error:
            raise self._closed_meanwhile() from error
        finally:
            one.drop()

    def run_with(
        self, caller: Caller, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do as ``run``, and meanwhile what the coroutine asks of the caller."""
        one = _Call(partial(call, *args, **kwargs))
        try:
            return caller.serve(self._submit(one.run))
        except CancelledError as error:
            raise self._closed_meanwhile() from error
        finally:
            one.drop()

    def iterate(self, make: Callable[[], AsyncGenerator[T]], caller: Caller | None = None) -> Generator[T]:
        """Give the items of an async generator as they are asked for.

        Raises:
            ConfigurationError: as ``run``. What can be known of it is raised at once, and not with the first item.
        """
        self.check()
        return self._iterate(_Steps(make), caller or Caller())

    def _iterate(self, steps: _Steps[T], caller: Caller) -> Generator[T]:
        try:
            while (item := self.run_with(caller, steps.next)) is not _END:
                yield item
        finally:
            self._end(steps)

    def _end(self, steps: _Steps[Any]) -> None:
        """Close an async generator; whoever drops its iterator may be anywhere, even in the garbage collector."""
        if self._process != os.getpid():
            return
        with self._lock:
            if self._is_closed or self._loop is None:
                return
            future = asyncio.run_coroutine_threadsafe(steps.close(), self._loop)
        if threading.current_thread() is not self._thread:
            with suppress(CancelledError, TimeoutError):
                future.result(CLOSE_SECONDS)

    def close(self) -> None:
        """End the thread. Calls that are under way in other threads raise ``ConfigurationError``."""
        if self._process not in {None, os.getpid()}:
            return  # a fork's copy: the thread is another process's
        with self._lock:
            self._is_closed = True
            thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None:
            return
        with suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stop.set)
        if thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)

    def _submit(self, call: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        self.check()
        loop = self._running()
        with self._lock:
            if self._is_closed:
                raise self._closed_meanwhile()
            return asyncio.run_coroutine_threadsafe(call(), loop)

    def _running(self) -> asyncio.AbstractEventLoop:
        """Start the thread, once."""
        with self._lock:
            if self._loop is None:
                self._process = os.getpid()
                ready: Future[asyncio.AbstractEventLoop] = Future()
                self._thread = threading.Thread(target=self._run, args=(ready,), name=self._name, daemon=True)
                self._thread.start()
                self._loop = ready.result()
            return self._loop

    def _run(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            asyncio.run(self._live(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)  # no loop could be made

    async def _live(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        self._stop = stop = asyncio.Event()
        ready.set_result(asyncio.get_running_loop())
        await stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._farewell()

    def _closed_meanwhile(self) -> ConfigurationError:
        return ConfigurationError(
            f"this {self._name} was closed while a call was under way; close it at the end"
        )


class Caller:
    """The calling thread, as a coroutine in the loop sees it: it does what it is asked."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def serve(self, future: Future[T]) -> T:
        """Do what is asked until a call is over, and give its answer. For the calling thread."""
        future.add_done_callback(lambda _: self._jobs.put(None))
        while (job := self._jobs.get()) is not None:
            job()
        return future.result()

    def tell(self, call: Callable[[], object]) -> None:
        """Have something called. For the loop's thread; what is raised ends the call that is served."""
        self._jobs.put(call)

    async def ask(self, call: Callable[[], T]) -> T:
        """Have something called, and wait for its answer. For the loop's thread."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(partial(_answer, answer, call))
        return await answer

    async def read(self, items: Iterable[T]) -> AsyncGenerator[T]:
        """Give the items of an iterable that is read in the calling thread."""
        iterator = await self.ask(lambda: iter(items))
        while (item := await self.ask(lambda: next(iterator, _END))) is not _END:
            yield item


def _answer(answer: asyncio.Future[T], call: Callable[[], T]) -> None:
    """Call, and take the answer into the loop. An interruption (Ctrl-C) is the caller's own."""
    if answer.done():
        return  # nobody waits any more
    try:
        value = call()
    except Exception as error:  # noqa: BLE001  (whatever it is, the coroutine that asked raises it)
        setting = partial(_set_unless_done, answer, answer.set_exception, error)
    else:
        setting = partial(_set_unless_done, answer, answer.set_result, value)
    with suppress(RuntimeError):  # the loop is closed
        answer.get_loop().call_soon_threadsafe(setting)


def _set_unless_done(answer: asyncio.Future[T], setter: Callable[[Any], None], value: object) -> None:
    if not answer.done():
        setter(value)


class _Call(Generic[T]):
    """A coroutine for the loop that its caller can drop at any moment: Ctrl-C may come before its future is known."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._task: asyncio.Task[Any] | None = None
        self._is_dropped = False

    async def run(self) -> T:
        """Run it, in the loop."""
        # First the task, then the question: `drop` does both the other way round, so one of the two notices.
        self._task = asyncio.current_task()
        if self._is_dropped:
            raise asyncio.CancelledError
        return await self._make()

    def drop(self) -> None:
        """Break it off, if it is not over."""
        self._is_dropped = True
        task, self._task = self._task, None  # it holds what it raised, whose frames hold the caller
        if task is not None and not task.done():
            with suppress(RuntimeError):  # the loop is closed
                task.get_loop().call_soon_threadsafe(task.cancel)


class _Steps(Generic[T]):
    """An async generator, one step at a time: it is closed only when no step is under way."""

    def __init__(self, make: Callable[[], AsyncGenerator[T]]) -> None:
        self._make = make
        self._items: AsyncGenerator[T] | None = None
        self._lock = asyncio.Lock()

    async def next(self) -> T:
        """Give the next item; ``_END`` where there is none."""
        async with self._lock:
            if self._items is None:
                self._items = self._make()
            return await anext(self._items, _END)

    async def close(self) -> None:
        async with self._lock:
            if self._items is not None:
                await self._items.aclose()
