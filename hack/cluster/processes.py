"""Start, watch and end processes that outlive the command that started them.

A pid alone proves nothing: pids are reused. Each started process gets a pid file that records the pid
*and* the kernel's start time of that process *and* the boot it belongs to; only a process that matches
all three is ever signalled. Output goes to a log file beside it, whose tail is shown when a part dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hack.cluster.paths import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

POLL_SECONDS = 0.05
STOP_SECONDS = 15.0
"""How long a process may take to end after SIGTERM before SIGKILL follows."""

_STAT_STATE = 0
_STAT_PARENT = 1
_STAT_THREADS = 17
_STAT_START_TIME = 19
"""Positions in /proc/<pid>/stat, counted after the command name (see proc(5))."""


@dataclass(frozen=True)
class Program:
    """One long-running part: a name, a command line and how to see that it serves."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def boot_id() -> str:
    """Return the kernel's id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name is in parentheses and may itself hold spaces and parentheses.
    return text[text.rindex(")") + 2 :].split()


def start_time(pid: int) -> int | None:
    """Return when ``pid`` started, in clock ticks since boot; None when it is gone or a zombie.

    A killed process whose first thread is a zombie already is not gone while others of its threads end: until then it
    holds its ports.
    """
    stat = _stat(pid)
    if stat is None or (stat[_STAT_STATE] in "ZX" and int(stat[_STAT_THREADS]) <= 1):
        return None
    return int(stat[_STAT_START_TIME])


def parent(pid: int) -> int | None:
    """Return the parent of ``pid``, None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else int(stat[_STAT_PARENT])


def send(pid: int, number: int) -> None:
    """Signal ``pid``; a process that has just gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_gone(pid: int, started: int, seconds: float) -> bool:
    """Wait until the process that started at ``started`` is gone, reaping it when it is our child."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if start_time(pid) != started:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def end(pid: int, started: int, seconds: float = STOP_SECONDS) -> None:
    """End exactly the process ``pid`` that started at ``started``: SIGTERM, then SIGKILL."""
    if start_time(pid) != started:
        wait_gone(pid, started, 0)
        return
    send(pid, signal.SIGTERM)
    if not wait_gone(pid, started, seconds):
        send(pid, signal.SIGKILL)
        wait_gone(pid, started, seconds)


class ProcessFolder:
    """The processes that belong to one state folder: ``pids/<name>.json`` and ``logs/<name>.log``."""

    def __init__(self, folder: Path) -> None:
        self.pids = folder / "pids"
        self.logs = folder / "logs"

    def log(self, name: str) -> Path:
        """Return the log file of ``name``."""
        return self.logs / f"{name}.log"

    def tail(self, name: str, lines: int = 15) -> str:
        """Return the last lines of the log of ``name``."""
        try:
            text = self.log(name).read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def names(self) -> list[str]:
        """Return the names that have a pid file, alive or not."""
        return sorted(path.stem for path in self.pids.glob("*.json"))

    def start(self, program: Program) -> int:
        """Start ``program`` detached from this terminal, unless it already runs; return its pid."""
        running = self.alive(program.name)
        if running is not None:
            return running
        self.pids.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log(program.name)), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # posix_spawn and not Popen: the process is meant to outlive us, and Popen warns about that.
        pid = os.posix_spawn(
            program.argv[0],
            list(program.argv),
            {**os.environ, **program.environment},
            file_actions=actions,
            setsid=True,
            setsigmask=(),
        )
        record = {"pid": pid, "start_time": start_time(pid), "boot": boot_id(), "argv": list(program.argv)}
        draft = self.pids / f".{program.name}.{os.getpid()}"
        draft.write_text(json.dumps(record))
        draft.replace(self.pids / f"{program.name}.json")
        return pid

    def _recorded(self, name: str) -> tuple[int, int] | None:
        try:
            record = json.loads((self.pids / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        if record["boot"] != boot_id() or record["start_time"] is None:
            return None
        return int(record["pid"]), int(record["start_time"])

    def alive(self, name: str) -> int | None:
        """Return the pid of ``name`` when the recorded process itself still runs."""
        recorded = self._recorded(name)
        if recorded is None or start_time(recorded[0]) != recorded[1]:
            return None
        return recorded[0]

    def stop(self, name: str, seconds: float = STOP_SECONDS) -> None:
        """End ``name`` when the recorded process still runs, and forget it."""
        recorded = self._recorded(name)
        if recorded is not None:
            end(*recorded, seconds=seconds)
        (self.pids / f"{name}.json").unlink(missing_ok=True)

    def wait_healthy(self, name: str, check: Callable[[], bool], seconds: float) -> None:
        """Wait until ``check`` holds; fail with the log's tail when the part dies or stays silent.

        Raises:
            ClusterError: the part ended, or ``seconds`` passed.
        """
        deadline = time.monotonic() + seconds
        while not check():
            if self.alive(name) is None:
                raise ClusterError(f"{name} ended; the end of {self.log(name)}:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{name} is not healthy after {seconds:.0f} s; the end of {self.log(name)}:\n"
                    f"{self.tail(name)}"
                )
            time.sleep(POLL_SECONDS)
