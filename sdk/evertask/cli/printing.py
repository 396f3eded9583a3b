"""The standard output of the verbs: tables for people, objects for programs.

A table is coloured where the standard output is a terminal (and NO_COLOR does not forbid it); else it is the same text,
plain. rich is loaded for a terminal only: a pipe does not wait for it.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from evertask.cli.texts import GAP, aligned, as_json, as_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    """For a person."""
    WIDE = "wide"
    """With more columns."""
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    """The names alone, one a line."""

    @property
    def is_for_people(self) -> bool:
        """Whether words may stand beside the answer."""
        return self in {Format.TABLE, Format.WIDE}


STYLES = {
    "Completed": "green",
    "Succeeded": "green",
    "Failed": "red",
    "Cancelled": "yellow",
    "InProgress": "cyan",
    "Running": "cyan",
    "Queued": "blue",
    "Launching": "blue",
    "Pending": "dim",
    "False": "red",
}
"""Colour of a cell by its first word."""

HEADING = "bold"


def is_terminal() -> bool:
    """Tell whether a person reads the standard output."""
    return sys.stdout.isatty()


def say(text: str) -> None:
    """Write a line of an answer."""
    typer.echo(text)


def note(text: str) -> None:
    """Say something beside the answer, on the error output."""
    typer.echo(f"evertask: {text}", err=True)


def style_of(cell: str) -> str:
    """Choose the colour of a cell; none for most."""
    return STYLES.get(cell.partition(" ")[0], "")


def print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of cells that are safe to show."""
    print_lines(
        [heading, *rows], style_of_row=lambda number, cell: HEADING if number == 0 else style_of(cell)
    )


def print_lines(rows: Sequence[Sequence[str]], *, style_of_row: Callable[[int, str], str]) -> None:
    """Print aligned rows, each cell in the style that is given for it."""
    if not is_terminal():
        for line in aligned(rows):
            say(GAP.join(line).rstrip())
        return
    from rich.console import Console  # noqa: PLC0415  (for a terminal only)
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)
    for number, (cells, padded) in enumerate(zip(rows, aligned(rows), strict=True)):
        made = Text()
        for place, (cell, text) in enumerate(zip(cells, padded, strict=True)):
            made.append(GAP if place else "").append(text, style=style_of_row(number, cell))
        made.rstrip()
        # The terminal breaks long lines: what is copied from it is whole.
        console.print(made, soft_wrap=True)


def print_objects(objects: Sequence[Mapping[str, Any]], form: Format, *, as_list: bool) -> None:
    """Print objects for a program.

    Args:
        objects: as the API server gave them.
        form: JSON, YAML or NAME.
        as_list: wrap them in a List, also when there is one; else the only one is printed bare.
    """
    if form is Format.NAME:
        for each in objects:
            say(str(each["metadata"]["name"]))
        return
    value: Any = objects[0]
    if as_list:
        value = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    print_value(value, form)


def print_value(value: Any, form: Format) -> None:
    """Print a value as JSON or YAML."""
    say(as_yaml(value) if form is Format.YAML else as_json(value))
