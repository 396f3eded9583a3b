"""Handlers for the runner's tests. They run in the child of a real runner; files tell the test how far they are."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from evertask.context import Context


class Order(BaseModel):
    """A payload's model."""

    number: int
    customer: str


class OrderHandler:
    """A handler class with a model."""

    async def handle(self, order: Order, ctx: Context) -> dict[str, Any]:
        """Tell what arrived."""
        await asyncio.sleep(0)
        return {"number": order.number, "customer": order.customer, "run": ctx.run_id}


def order(order: Order) -> int:
    """Tell the order's number."""
    return order.number


def echo(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload."""
    return payload


def about(ctx: Context) -> dict[str, Any]:
    """Tell the context."""
    scheduled = ctx.scheduled_time
    return {
        "id": ctx.task_id,
        "name": ctx.task_name,
        "namespace": ctx.namespace,
        "run": ctx.run_id,
        "attempt": ctx.attempt,
        "scheduled": scheduled.isoformat() if scheduled else None,
    }


def surroundings() -> dict[str, Any]:
    """Tell about the process."""
    return {
        "stdin": sys.stdin.read(),
        "leads_session": os.getsid(0) == os.getpid(),
        "path_has_cwd": str(Path.cwd()) in sys.path,
        "sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "line_buffered": sys.stdout.line_buffering if hasattr(sys.stdout, "line_buffering") else None,
    }


def nulls() -> dict[str, Any]:
    """Return nulls within."""
    return {"a": None, "b": [None, {"c": None}]}


def nothing() -> None:
    """Return nothing."""


def wait_for_file(payload: dict[str, Any], ctx: Context) -> str:
    """Say that it has begun, and return when ``go`` appears."""
    folder = Path(payload["folder"])
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return f"attempt {ctx.attempt}"


def sleep_deaf(payload: dict[str, Any]) -> None:
    """Block in one long call."""
    (Path(payload["folder"]) / "begun").touch()
    time.sleep(600)


def burn_deaf(payload: dict[str, Any]) -> None:
    """Block in pure Python."""
    (Path(payload["folder"]) / "begun").touch()
    while True:
        pass


def hold_interpreter_deaf(payload: dict[str, Any]) -> None:
    """Block in C with the interpreter's lock held: no other thread of this process runs."""
    (Path(payload["folder"]) / "begun").touch()
    ctypes.PyDLL(None).sleep(600)


def cooperate(payload: dict[str, Any], ctx: Context) -> str:
    """Wait for the token, and obey."""
    (Path(payload["folder"]) / "begun").touch()
    ctx.cancellation.wait()
    (Path(payload["folder"]) / f"asked-{ctx.cancellation.reason}").touch()
    ctx.cancellation.raise_if_cancelled()
    return "never"


async def cooperate_async(payload: dict[str, Any]) -> None:
    """Wait for nothing; asyncio cancels."""
    (Path(payload["folder"]) / "begun").touch()
    try:
        await asyncio.Event().wait()
    finally:
        (Path(payload["folder"]) / "cleaned").touch()


def finish_when_asked(payload: dict[str, Any], ctx: Context) -> str:
    """Use the grace period to finish."""
    (Path(payload["folder"]) / "begun").touch()
    ctx.cancellation.wait()
    return "finished in the grace period"


def fail_when_asked(payload: dict[str, Any], ctx: Context) -> None:
    """Fail in the grace period, for a reason of its own."""
    (Path(payload["folder"]) / "begun").touch()
    ctx.cancellation.wait()
    raise OSError("disk full")


def report_progress(payload: dict[str, Any], ctx: Context) -> None:
    """Report often, and wait for ``go`` before the last report."""
    folder = Path(payload["folder"])
    for step in range(50):
        ctx.progress(step, f"step {step}")
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    ctx.progress(99, "the last")


def fail() -> None:
    """Raise with a cause."""
    try:
        {}["missing"]  # type: ignore[index]
    except KeyError as error:
        raise ValueError("no such order") from error


def fail_elsewhere(payload: dict[str, Any]) -> None:
    """Raise an exception of this module."""
    raise OrderError(payload)


class OrderError(Exception):
    """An own exception."""


def exit_3() -> None:
    """End the process."""
    os._exit(3)


def call_sys_exit() -> None:
    """Ask Python to end."""
    sys.exit(5)


def segfault() -> None:
    """Crash."""
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed() -> None:
    """Be killed by somebody else."""
    os.kill(os.getpid(), signal.SIGKILL)


def large_result() -> str:
    """Return more than fits."""
    return "x" * 40_000


def large_but_fitting_result() -> str:
    """Return what fits into a status."""
    return "x" * 30_000


def odd_result() -> dict[str, Any]:
    """Return what is not JSON."""
    return {"at": [1, {2, 3}]}


def leave_grandchild(payload: dict[str, Any]) -> None:
    """Start a program that outlives the handler, in its process group."""
    program = subprocess.Popen(["/bin/sleep", "600"])
    (Path(payload["folder"]) / "grandchild").write_text(str(program.pid))


def fork_and_raise(payload: dict[str, Any]) -> str:
    """Fork a process that comes back through the runner's own frames."""
    if os.fork() == 0:
        raise RuntimeError("I am not the handler")
    os.wait()
    return str(payload["say"])


def register_exit_hook(payload: dict[str, Any]) -> None:
    """Have something to do when the interpreter ends."""
    import atexit

    atexit.register((Path(payload["folder"]) / "hook").touch)


def close_everything() -> str:
    """Close every descriptor, as programs that become daemons do, and go on."""
    os.closerange(3, 100)
    time.sleep(0.3)
    return "lost"


def when() -> float:
    """Tell when it was called."""
    return time.time()


async def when_async() -> float:
    """Tell when it was called."""
    return time.time()


class Prepared:
    """Tells when it was made and when it was called."""

    def __init__(self) -> None:
        self.made = time.time()

    def handle(self, payload: dict[str, Any]) -> list[float]:
        """Tell both."""
        return [self.made, time.time()]


def three_parameters(payload: object, ctx: object, more: object) -> None:
    """Ask for too much."""


not_callable = 5


class WithoutHandle:
    """No handler."""
