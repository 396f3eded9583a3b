"""Follow tasks until they have finished: a live table on a terminal, elsewhere one line a change."""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table

from evertask.api.protocol import TERMINAL_STATES, State
from hack.kubectl import json_lines

if TYPE_CHECKING:
    import subprocess
    from typing import Self

    from rich.console import Console

    from hack.kubectl import Kubectl

COLOURS = {
    State.PENDING: "dim",
    State.QUEUED: "yellow",
    State.IN_PROGRESS: "cyan",
    State.COMPLETED: "green",
    State.FAILED: "red",
    State.CANCELLED: "magenta",
}
NAME_WIDTH = 24
LONGEST_TEXT = 30
RESULT_WIDTH = 72
"""Characters of a result or error that the table shows."""


@dataclass
class Followed:
    """One task as it was last seen, and the states that it went through."""

    document: dict[str, Any]
    path: list[tuple[State, float]] = field(default_factory=list)
    """Each state with the seconds since the watch began."""

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.document["metadata"]["name"])

    @property
    def handler(self) -> str:
        """The path of the handler."""
        return str(self.document["spec"]["handler"])

    @property
    def status(self) -> dict[str, Any]:
        """The status, empty before the operator saw the task."""
        return self.document.get("status") or {}

    @property
    def state(self) -> State:
        """The state; Pending before the operator saw the task."""
        return State(self.status.get("state") or State.PENDING)

    @property
    def is_finished(self) -> bool:
        """Whether the state is final."""
        return self.state in TERMINAL_STATES

    def see(self, document: dict[str, Any], seconds: float) -> bool:
        """Take in a newer version; tell whether the state changed."""
        self.document = document
        if self.path and self.path[-1][0] is self.state:
            return False
        self.path.append((self.state, seconds))
        return True

    def answer(self) -> str:
        """Give the result, the error or the message, in one short line."""
        error = self.status.get("error")
        if error:
            text = f"{error['type']}: {error.get('message', '')}"
        elif self.state is State.COMPLETED:
            text = _brief(self.status.get("result"))
        else:
            text = str(self.status.get("message") or "")
        text = " ".join(text.split())
        return text if len(text) <= RESULT_WIDTH else text[: RESULT_WIDTH - 1] + "…"


def _brief(result: Any) -> str:
    """Write a result as ``key=value``, long texts left out: they are in the object."""
    if not isinstance(result, dict):
        return json.dumps(result, ensure_ascii=False)
    values = {
        key: "…"
        if isinstance(value, str) and len(value) > LONGEST_TEXT
        else json.dumps(value, ensure_ascii=False)
        for key, value in result.items()
    }
    return "  ".join(f"{key}={value}" for key, value in values.items())


def _short(name: str) -> str:
    # A dispatched task's name is task-<uuid>: its beginning tells it apart well enough.
    return name[:13] + "…" if len(name) > NAME_WIDTH else name


def table(tasks: list[Followed]) -> Table:
    """Draw the tasks, in the order in which they appeared."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("TASK", "HANDLER", "STATE", "SECONDS: PENDING → … → END", "RESULT OR ERROR"):
        drawn.add_column(column, no_wrap=True)
    for task in tasks:
        steps = " → ".join(f"{seconds:.1f}" for _, seconds in task.path)
        colour = COLOURS[task.state]
        state = f"[{colour}]{task.state}[/{colour}]"
        handler = task.handler.rsplit(":", 1)[-1].removesuffix("Handler")
        drawn.add_row(_short(task.name), handler, state, steps, task.answer().replace("[", r"\["))
    return drawn


class TaskWatch:
    """The tasks of one namespace, watched from entering the context until leaving it.

    A thread reads what ``kubectl get --watch`` prints and notes the moment; ``follow`` shows it.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, console: Console) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._console = console
        self._news: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._tasks: dict[str, Followed] = {}
        self._over = threading.Event()
        self._watch: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._watch is not None:
            self._watch.terminate()
        self._reader.join(timeout=5)

    @property
    def tasks(self) -> list[Followed]:
        """The tasks as last seen, in the order in which they appeared."""
        return list(self._tasks.values())

    def follow(self, expected: int, timeout: float) -> bool:
        """Show the tasks until ``expected`` of them, and all that are there, have finished.

        Args:
            expected: how many tasks there will be.
            timeout: seconds after which to give up.

        Returns:
            Whether they finished in time.
        """
        end = time.monotonic() + timeout
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while not self._done(expected):
                try:
                    moment, event = self._news.get(timeout=max(end - time.monotonic(), 0))
                except queue.Empty:
                    return False
                self._see(event, moment - self._began)
                if self._console.is_terminal:
                    live.update(table(self.tasks), refresh=True)
        return True

    def _read(self) -> None:
        arguments = ("--namespace", self._namespace, "--watch", "--output-watch-events", "-o", "json")
        # The API server ends watches now and then; the next one begins with all objects.
        while not self._over.is_set():
            with self._kubectl.stream("get", "evertasks", *arguments) as self._watch:
                assert self._watch.stdout is not None
                for event in json_lines(self._watch.stdout):
                    self._news.put((time.monotonic(), event))
            self._over.wait(0.5)

    def _see(self, event: dict[str, Any], seconds: float) -> None:
        document = event["object"]
        if document.get("kind") != "EverTask" or event["type"] == "DELETED":
            return
        task = self._tasks.setdefault(document["metadata"]["uid"], Followed(document))
        if task.see(document, seconds) and not self._console.is_terminal:
            path = " → ".join(state for state, _ in task.path)
            ending = f"   {task.answer()}" if task.is_finished else ""
            line = f"{seconds:6.1f} s  {_short(task.name):<20} {path}{ending}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _done(self, expected: int) -> bool:
        return len(self._tasks) >= expected and all(task.is_finished for task in self.tasks)
