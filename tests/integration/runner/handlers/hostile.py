"""Handlers that mean harm: to their runner, to the operator, to whoever reads what they leave."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evertask.context import Context


def flood_of_results() -> str:
    """Return 100 MB."""
    return "x" * 100_000_000


def many_results() -> list[int]:
    """Return a million numbers."""
    return [0] * 1_000_000


def flood_of_progress(ctx: Context) -> int:
    """Report progress a hundred thousand times."""
    for number in range(100_000):
        ctx.progress(number % 101, f"step {number}")
    return 100_000


def flood_of_lines() -> None:
    """Print 20 MB, partly without a line's end."""
    for _ in range(200_000):
        sys.stdout.write("x" * 100)
    sys.stdout.write("\n" * 1000)


class HostileError(Exception):
    """Does what its argument says when somebody wants to print it."""

    def __str__(self) -> str:
        """Do it."""
        how = self.args[0]
        if how == "recurse":
            return str(self)
        if how == "exit":
            raise SystemExit(3)
        if how == "interrupt":
            raise KeyboardInterrupt
        if how == "hang":
            time.sleep(3600)
        if how == "large":
            return "y" * 50_000_000
        if how == "format":
            return "$(HOME) {0} {{ .Values }} %s %n \x1b[31m\u202e\u0000 <script>"
        if how == "surrogate":
            return "\ud800"
        return 7  # type: ignore[return-value]  # noqa: PLE0307  (that is the point)


def raise_hostile(payload: dict[str, Any]) -> None:
    """Raise an exception that is dangerous to print."""
    raise HostileError(payload["how"])


def raise_misnamed() -> None:
    """Raise an exception of a class whose module has half a character in its name."""
    raise type("Error", (Exception,), {"__module__": "\ud800$(X)" * 1000})("x")


def raise_group() -> None:
    """Raise exceptions within exceptions, in a ring."""
    error: Exception = ValueError("last")
    for number in range(5000):
        outer: Exception = ExceptionGroup(str(number), [error]) if number < 50 else RuntimeError(number)
        outer.__cause__ = error
        error = outer
    raise error


def recurse() -> None:
    """Call itself for ever."""
    recurse()


def kill_parent(payload: dict[str, Any]) -> None:
    """Send the runner a signal, and wait."""
    os.kill(os.getppid(), getattr(signal, payload["signal"]))
    time.sleep(payload.get("wait", 30))


def _pipe() -> int:
    """Find the pipe to the runner among the open files."""
    for number in range(3, 64):
        try:
            flags = Path(f"/proc/self/fdinfo/{number}").read_text()
            is_pipe = str(Path(f"/proc/self/fd/{number}").readlink()).startswith("pipe:")
        except OSError:
            continue
        if is_pipe and "flags:\t02000001" in flags:
            return number
    raise LookupError("no pipe")


def forge(payload: dict[str, Any]) -> str:
    """Say something to the runner in the name of its own code, then return."""
    os.write(_pipe(), payload["say"].encode())
    time.sleep(payload.get("wait", 0.5))
    return "returned"


def write_termination_message(payload: dict[str, Any]) -> None:
    """Leave a termination message of its own, and end the runner before it can leave one."""
    Path(os.environ["EVERTASK_TERMINATION_MESSAGE_PATH"]).write_text(
        payload["text"].replace("RUN", os.environ["EVERTASK_RUN"])
    )
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)


def odd_objects() -> Any:
    """Return an object that fails when it is looked at."""

    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise SystemExit(9)

    return Odd()


def fork_many() -> int:
    """Fork fifty processes that would outlive it."""
    for _ in range(50):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    return 50


def change_the_interpreter() -> str:
    """Break what the runner needs in its process."""
    json.dumps = None  # type: ignore[assignment]
    json.JSONEncoder.encode = None  # type: ignore[method-assign,assignment]
    os.write = None  # type: ignore[assignment]
    return "returned"
