"""Handlers that fail, for the tests of retries. Files tell the test, and the next attempt, how far they are."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertask import ExitRetry, NonRetryable, Retry, RetryAfter

if TYPE_CHECKING:
    from evertask.context import Context
    from evertask.retries import Failure


def note(payload: dict[str, Any], line: str) -> int:
    """Write a line into the log of the test; give how many there are."""
    path = Path(payload["folder"]) / "log"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def flaky(payload: dict[str, Any], ctx: Context) -> str:
    """Fail so many times, and tell the attempt."""
    note(payload, f"attempt {ctx.attempt}")
    payload["seen"] = payload.get("seen", 0) + 1
    if ctx.attempt <= payload["failures"]:
        raise ConnectionError(f"attempt {ctx.attempt} is refused")
    return f"attempt {ctx.attempt}, payload seen {payload['seen']} time"


def ask_for_more(payload: dict[str, Any], ctx: Context) -> str:
    """Say when to come back."""
    if ctx.attempt == 1:
        raise RetryAfter(payload["seconds"], "busy")
    return f"attempt {ctx.attempt}"


def never_again() -> None:
    """Fail for good."""
    raise NonRetryable("no such customer")


def die(payload: dict[str, Any], ctx: Context) -> str:
    """End the process in the first attempt."""
    note(payload, f"attempt {ctx.attempt} in {os.getpid()}")
    if ctx.attempt == 1:
        os._exit(9)
    return f"attempt {ctx.attempt}"


def be_killed(payload: dict[str, Any], ctx: Context) -> str:
    """Be killed in the first attempt."""
    if ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {ctx.attempt}"


def hang(payload: dict[str, Any], ctx: Context) -> str:
    """Hang in the first attempts, in the way that the payload says."""
    note(payload, f"attempt {ctx.attempt}")
    if ctx.attempt > payload["failures"]:
        return f"attempt {ctx.attempt}"
    how = payload["how"]
    if how == "sleep":
        time.sleep(600)
    elif how == "burn":
        while True:
            pass
    elif how == "hold":
        ctypes.PyDLL(None).sleep(600)
    elif how == "obey":
        ctx.cancellation.wait()
        ctx.cancellation.raise_if_cancelled()
    raise AssertionError(how)


async def hang_async(payload: dict[str, Any], ctx: Context) -> str:
    """Wait for nothing in the first attempts; asyncio cancels."""
    note(payload, f"attempt {ctx.attempt}")
    if ctx.attempt > payload["failures"]:
        return f"attempt {ctx.attempt}"
    try:
        await asyncio.Event().wait()
    finally:
        note(payload, "cleaned")
    return "never"


class Told:
    """Notes all that is called, and fails so many times."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_started(self, task_id: object, ctx: Context) -> None:
        """Note it."""
        self.calls.append("on_started")

    def on_retry(
        self, task_id: object, attempt: int, error: BaseException, delay: timedelta, ctx: Context
    ) -> None:
        """Note it, with what it was told."""
        what = f"{type(error).__name__}: {error}"
        self.calls.append(f"on_retry {attempt} {what} {delay.total_seconds():g} {ctx.attempt}")

    def handle(self, payload: dict[str, Any], ctx: Context) -> list[str]:
        """Note it."""
        self.calls.append(f"handle {ctx.attempt}")
        if ctx.attempt <= payload.get("failures", 0):
            if payload.get("die"):
                os._exit(9)
            raise ConnectionError(f"attempt {ctx.attempt}")
        return self.calls

    def on_error(self, task_id: object, exception: BaseException | None, message: str, ctx: Context) -> None:
        """Note it in the log of the test."""
        calls = " | ".join(self.calls)
        note(ctx.payload, f"on_error {type(exception).__name__}: {exception} after {calls}")


class FailsWhenTold(Told):
    """Fails when ``go`` appears."""

    def handle(self, payload: dict[str, Any], ctx: Context) -> list[str]:
        """Wait for it."""
        folder = Path(payload["folder"])
        (folder / "begun").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)
        raise ConnectionError("now")


class OwnRetry(Told):
    """Has a policy of its own."""

    retry = Retry(limit=1, delay=timedelta(milliseconds=50))


class OwnExit(Told):
    """Has a policy of its own for processes that died."""

    retry = Retry(limit=1, delay=timedelta(0), on_exit=ExitRetry("Fail", (9,)))


class Choosy(Told):
    """Has a predicate."""

    retry = Retry(limit=5, delay=timedelta(0), when=lambda error: "attempt 1" in str(error))


class Broken(Told):
    """Has a predicate that raises."""

    retry = Retry(when=lambda error: error.no_such_thing)  # type: ignore[attr-defined]


class Policy:
    """A policy of the user's own."""

    def next_delay(self, failure: Failure) -> timedelta | None:
        """Allow one retry of anything, twice as many after a death."""
        return timedelta(0) if failure.attempt <= (1 if failure.exit_code is None else 2) else None


class Custom(Told):
    """Has a policy of the user's own."""

    retry = Policy()


class Nonsense(Told):
    """Has a policy that gives no delay."""

    class Minutes:
        """Gives a number."""

        def next_delay(self, failure: Failure) -> Any:
            """Give minutes, or what."""
            return 5

    retry = Minutes()


class NotAPolicy(Told):
    """Has something else in its place."""

    retry = 3


class SlowToMake:
    """Cannot be made at first."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        if self.made == 1:
            raise OSError("no database yet")

    def handle(self, payload: dict[str, Any], ctx: Context) -> str:
        """Tell the attempt."""
        return f"attempt {ctx.attempt}"
