"""A loop in a thread of its own: who may call, where things run, and how calls end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from evertask import ConfigurationError
from evertask.loop_threads import Caller, LoopThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECONDS = 10.0


class Farewell:
    """What is done at the end of the loop."""

    def __init__(self) -> None:
        self.said = threading.Event()

    async def __call__(self) -> None:
        self.said.set()


@pytest.fixture
def farewell() -> Farewell:
    return Farewell()


@pytest.fixture
def thread(farewell) -> Iterator[LoopThread]:
    made = LoopThread("SyncThing", farewell)
    yield made
    made.close()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


class Endless:
    """A coroutine that waits for ever, and tells when it began and was cancelled."""

    def __init__(self) -> None:
        self.began, self.cancelled = threading.Event(), threading.Event()

    async def __call__(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_a_call_gives_the_answer_of_its_coroutine(thread):
    assert thread.run(double, 21) == 42


def test_a_call_raises_what_its_coroutine_raises(thread):
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        thread.run(fail)


def test_calls_of_many_threads_share_one_loop(thread):
    async def loop_of() -> int:
        return id(asyncio.get_running_loop())

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(thread.run(loop_of))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(SECONDS)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_call_sees_the_context_of_its_caller(thread):
    request = contextvars.ContextVar[str]("request")

    async def read() -> str:
        return request.get()

    request.set("r-17")
    assert thread.run(read) == "r-17"


async def test_in_a_running_loop_a_call_is_refused(thread):
    with pytest.raises(ConfigurationError, match="use Dispatcher here, and await it"):
        thread.run(double, 1)
    assert await asyncio.to_thread(thread.run, double, 1) == 2


def test_after_the_end_a_call_is_refused(thread, farewell):
    thread.run(double, 1)
    thread.close()
    thread.close()
    assert farewell.said.is_set()
    with pytest.raises(ConfigurationError, match="this SyncThing is closed; make a new one"):
        thread.run(double, 1)


def test_what_was_never_used_starts_and_ends_nothing(thread, farewell):
    thread.close()
    assert not farewell.said.is_set()


def test_the_end_breaks_off_what_is_under_way(thread):
    endless, raised = Endless(), []

    def call() -> None:
        try:
            thread.run(endless)
        except ConfigurationError as error:
            raised.append(str(error))

    other = threading.Thread(target=call)
    other.start()
    assert endless.began.wait(SECONDS)
    thread.close()
    other.join(SECONDS)
    assert endless.cancelled.is_set()
    assert raised == ["this SyncThing was closed while a call was under way; close it at the end"]


def interrupt_when(began: threading.Event) -> threading.Thread:
    """Press Ctrl-C as soon as something has begun."""

    def press() -> None:
        if began.wait(SECONDS):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    return presser


def test_ctrl_c_ends_a_call_and_cancels_its_coroutine(thread):
    endless = Endless()
    presser = interrupt_when(endless.began)
    with pytest.raises(KeyboardInterrupt):
        thread.run(endless)
    presser.join(SECONDS)
    assert endless.cancelled.wait(SECONDS)
    assert thread.run(double, 2) == 4


def test_ctrl_c_ends_an_iteration(thread):
    endless = Endless()

    async def items() -> AsyncIterator[int]:
        yield 1
        await endless()

    presser = interrupt_when(endless.began)
    found = thread.iterate(items)
    assert next(found) == 1
    with pytest.raises(KeyboardInterrupt):
        next(found)
    presser.join(SECONDS)
    assert endless.cancelled.wait(SECONDS)


class Numbers:
    """An async generator without an end, which tells when it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    async def __call__(self) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                await asyncio.sleep(0)
                yield number
                number += 1
        finally:
            self.closed.set()


def test_an_async_generator_becomes_a_plain_iterator(thread):
    async def letters() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    assert list(thread.iterate(letters)) == ["a", "b"]


def test_an_iterator_that_is_closed_closes_its_generator(thread):
    numbers = Numbers()
    with closing(thread.iterate(numbers)) as items:
        assert [next(items), next(items)] == [0, 1]
    assert numbers.closed.is_set()


def test_an_iterator_that_is_dropped_closes_its_generator(thread):
    numbers = Numbers()
    items = thread.iterate(numbers)
    next(items)
    del items
    gc.collect()
    assert numbers.closed.wait(SECONDS)


def test_an_iterator_raises_what_its_generator_raises(thread):
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no more")

    found = thread.iterate(items)
    assert next(found) == 1
    with pytest.raises(ValueError, match="no more"):
        next(found)


async def test_an_iterator_is_refused_at_once_and_not_with_its_first_item(thread):
    with pytest.raises(ConfigurationError, match="runs an event loop"):
        thread.iterate(Numbers())


def test_what_the_caller_gives_is_read_in_the_callers_thread(thread):
    def numbers() -> Iterator[int]:
        for number in range(3):
            threads.append(threading.get_ident())
            yield number

    async def total(items: Any) -> int:
        return sum([item async for item in items])

    threads: list[int] = []
    caller = Caller()
    assert thread.run_with(caller, total, caller.read(numbers())) == 3
    assert set(threads) == {threading.get_ident()}


def test_what_the_callers_iterable_raises_is_raised(thread):
    def numbers() -> Iterator[int]:
        yield 1
        raise LookupError("no cursor")

    async def total(items: Any) -> int:
        return sum([item async for item in items])

    caller = Caller()
    with pytest.raises(LookupError, match="no cursor"):
        thread.run_with(caller, total, caller.read(numbers()))


def test_a_callback_is_called_in_the_callers_thread_and_may_end_the_call(thread):
    endless, caller, told = Endless(), Caller(), []

    def tell() -> None:
        told.append(threading.get_ident())
        raise OverflowError("enough")

    async def work() -> None:
        caller.tell(tell)
        await endless()

    with pytest.raises(OverflowError, match="enough"):
        thread.run_with(caller, work)
    assert told == [threading.get_ident()]
    assert endless.cancelled.wait(SECONDS)


def in_a_fork(check: Any) -> int:
    """Run something in a fork of this process; 0 where it went well."""
    process = os.fork()
    if process == 0:
        try:
            check()
        except BaseException:  # noqa: BLE001  (told by the exit code)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_after_a_fork_a_call_is_refused_and_the_end_is_nothing(thread):
    def check() -> None:
        with pytest.raises(ConfigurationError, match=r"make a SyncThing in each process, after the fork"):
            thread.run(double, 1)
        thread.close()

    thread.run(double, 1)
    assert in_a_fork(check) == 0
    assert thread.run(double, 1) == 2


def test_what_was_made_before_a_fork_and_used_only_after_it_serves(thread):
    def check() -> None:
        assert thread.run(double, 1) == 2

    assert in_a_fork(check) == 0
