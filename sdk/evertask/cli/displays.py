"""What a person sees while a command waits: bars that move on a terminal, a line for each change elsewhere.

The log of a pod goes to the standard output, above the bars where there are some; what is said about the tasks goes to
the error output where the standard output is for a program.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

from evertask.api.protocol import State
from evertask.cli.printing import STYLES, is_terminal
from evertask.cli.rows import message_of, retry_of, state_of, waiting_of
from evertask.cli.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from evertask.views import TaskView

MESSAGE_WIDTH = 60
"""Characters of a progress message beside its bar."""


class Display(Protocol):
    """Shows how tasks go."""

    def show(self, view: TaskView) -> None:
        """Show a task as it is now."""

    def log(self, line: str) -> None:
        """Show a line of a log, which is safe to show."""

    def remark(self, text: str) -> None:
        """Say something beside."""


class PlainDisplay:
    """A line on the error output whenever something changed."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._log: TextIO | None = None

    def log_to(self, stream: TextIO) -> None:
        """Print logs there, because the standard output is for an object."""
        self._log = stream

    def show(self, view: TaskView) -> None:
        """Say how a task is, unless that was said."""
        said = " ".join(part for part in (one_line(view.name), state_of(view), aside_of(view)) if part)
        if self._shown.get(view.name) != said:
            self._shown[view.name] = said
            typer.echo(said, err=True)

    def log(self, line: str) -> None:
        """Print a line of a log."""
        typer.echo(line, file=self._log)

    def remark(self, text: str) -> None:
        """Say something beside."""
        typer.echo(f"evertask: {text}", err=True)


class LiveDisplay:
    """A bar for each task."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console, self._progress = console, progress
        self._bars: dict[str, TaskID] = {}

    def show(self, view: TaskView) -> None:
        """Move the bar of a task."""
        from rich.text import Text  # noqa: PLC0415  (for a terminal only)

        percent = 100 if view.state is State.COMPLETED else percent_of(view)
        # Without a total the bar pulses: it runs, and has not said how far it is.
        total = None if percent is None and view.state is State.IN_PROGRESS else 100
        fields: dict[str, Any] = {
            "label": Text(one_line(view.name)),
            "state": Text(str(view.state), style=STYLES.get(str(view.state), "")),
            "aside": Text(": ".join(part for part in (_retry(view), aside_of(view)) if part)),
        }
        if view.name not in self._bars:
            bar = self._progress.add_task("", total=total, completed=percent or 0, **fields)
            self._bars[view.name] = bar
            return
        bar = self._bars[view.name]
        # `update` knows no way back to None.
        next(each for each in self._progress.tasks if each.id == bar).total = total
        self._progress.update(bar, completed=percent or 0, **fields)

    def log(self, line: str) -> None:
        """Print a line of a log above the bars."""
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def remark(self, text: str) -> None:
        """Say something above the bars."""
        self._console.print(f"evertask: {text}", markup=False, highlight=False, emoji=False, style="dim")


def percent_of(view: TaskView) -> int | None:
    """Give how far a handler says it is; None where it says nothing."""
    return view.progress.percent if view.progress else None


def aside_of(view: TaskView) -> str:
    """Give what stands beside the state: why it waits for an attempt, the handler's words, else why it is so."""
    at_work = view.progress.message if view.progress else None
    if view.state is State.IN_PROGRESS:
        return one_line(waiting_of(view) or at_work or "", MESSAGE_WIDTH)
    said = message_of(view)
    return one_line(said or "", MESSAGE_WIDTH)


def _retry(view: TaskView) -> str:
    """Name the attempt; a bar's state has no brackets for it."""
    return retry_of(view) if view.state is State.IN_PROGRESS else ""


@contextmanager
def display() -> Iterator[Display]:
    """Open the display that fits: bars where a person reads the standard output, else lines."""
    if not is_terminal():
        yield PlainDisplay()
        return
    from rich.console import Console  # noqa: PLC0415  (for a terminal only)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.progress import Task as Bar  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Field(TextColumn):
        """Shows a text as it is: in a name nothing is markup."""

        def render(self, task: Bar) -> Text:
            """Give the field's text."""
            found = task.fields.get(self.text_format)
            return found if isinstance(found, Text) else Text()

    class Percent(TextColumn):
        """Shows how far a task says it is."""

        def render(self, task: Bar) -> Text:
            """Give the percentage; nothing for a bar that pulses."""
            return Text(f"{task.percentage:>3.0f}%" if task.total else "    ")

    console = Console(file=sys.stdout)
    columns = (Field("label"), Field("state"), BarColumn(bar_width=24), Percent(""), Field("aside"))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        yield LiveDisplay(console, progress)
