"""Every command ends here: with an exit code, and one sentence where it failed. Never with a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from evertask.cli.exits import INTERRUPTED, CommandFailedError, code_of
from evertask.cli.texts import one_line
from evertask.errors import EverTaskError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Farewell:
    """What is said when the person leaves early."""

    text: str = "interrupted"


@contextmanager
def ending() -> Iterator[Farewell]:
    """End the process with the message and the code of a command that failed, or that was interrupted.

    What is yielded may be told what Ctrl-C leaves behind.
    """
    farewell = Farewell()
    try:
        yield farewell
    except (CommandFailedError, EverTaskError, TimeoutError) as error:
        typer.echo(f"evertask: {one_line(error)}", err=True)
        raise typer.Exit(code_of(error)) from error
    except KeyboardInterrupt as error:
        typer.echo(f"\nevertask: {farewell.text}", err=True)
        raise typer.Exit(INTERRUPTED) from error
