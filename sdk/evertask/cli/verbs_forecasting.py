"""``evertask next``: when tasks will run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from evertask.cli.endings import ending
from evertask.cli.exits import INVALID
from evertask.cli.options import Cluster, Context, Kubeconfig, Namespace, complete_names
from evertask.cli.output import Output, as_json, as_text

if TYPE_CHECKING:
    from evertask.cli.forecasts import Forecast

MAX_COUNT = 100_000
"""Occurrences of one call: more are not read by anyone, and a series without an end must not fill the memory."""


def _instant(text: str) -> datetime:
    from evertask.api.times import parse_time  # noqa: PLC0415  (not for --help)

    if text == "now":
        # To the second, as the API server dates what it creates.
        return datetime.now(UTC).replace(microsecond=0)
    example = "write it like 2026-12-25T10:00:00Z or 2026-12-25T10:00:00.250+01:00"
    try:
        return parse_time(text)
    except OverflowError as error:
        raise typer.BadParameter(
            f"{text!r} is not within the years 1 to 9999 in UTC; {example}", param_hint="--from"
        ) from error
    except ValueError as error:
        reason = "says no time zone" if "time zone" in str(error) else f"is no instant ({error})"
        raise typer.BadParameter(f"{text!r} {reason}; {example}", param_hint="--from") from error


def _count(text: str) -> int:
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if not 1 <= number <= MAX_COUNT:
        raise typer.BadParameter(
            f"{text!r} is not a whole number from 1 to {MAX_COUNT}; leave it out for 5", param_hint="--count"
        )
    return number


def next_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="An EverTask of the cluster.",
            autocompletion=complete_names,
            show_default=False,
        ),
    ] = None,
    *,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="A file of EverTasks, YAML or JSON; - is the standard input."
        ),
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Occurrences strictly after this instant (RFC 3339), which also stands for the creation of a task "
            "that is only a file.",
        ),
    ] = "now",
    number: Annotated[str, typer.Option("--count", metavar="N", help="Occurrences of each task.")] = "5",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Instants only, with local times, or for programs.")
    ] = Output.TEXT,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print when tasks will run: those of a file, or one of the cluster.

    Exit codes: 0 for an answer, also when no run is to come; 1 when the cluster gives none (no such task, no
    access); 2 when an option, the file or a document is wrong. What is wrong, and why no run is to come, is said on
    the error output.
    """
    after, count = _instant(start), _count(number)
    if (not name) == (file is None):
        raise typer.BadParameter(
            "give one of them: evertask next -f FILE, or evertask next NAME", param_hint="-f, NAME"
        )
    cluster = Cluster(namespace, kubeconfig, context)
    with ending():
        forecasts = _of_object(name, cluster, after, count) if name else _of_file(str(file), after, count)
    # Of a file, the answers in JSON are all that a program reads.
    _print(forecasts, output, notes=output is not Output.JSON or file is None)
    if any(one.problems for one in forecasts):
        raise typer.Exit(INVALID)


def _of_file(file: str, after: datetime, count: int) -> list[Forecast]:
    from evertask.cli.documents import read_documents  # noqa: PLC0415  (only for a file)
    from evertask.cli.forecasts import forecast  # noqa: PLC0415  (not for --help)

    return [
        forecast(document.content, name=document.name, label=document.label, after=after, count=count)
        for document in read_documents(file)
    ]


def _of_object(name: str, cluster: Cluster, after: datetime, count: int) -> list[Forecast]:
    from evertask.cli.forecasts import forecast  # noqa: PLC0415  (not for --help)
    from evertask.cli.objects import read_object  # noqa: PLC0415  (not for a file)

    found = read_object(name, cluster)
    return [forecast(found, name=name, label=name, after=after, count=count)]


def _print(forecasts: list[Forecast], output: Output, *, notes: bool) -> None:
    if output is Output.JSON:
        typer.echo(as_json(forecasts))
    elif text := as_text(forecasts, output):
        typer.echo(text)
    for one in forecasts:
        complaints = one.problems if output is not Output.JSON else ()
        for line in (*complaints, *(one.notes if notes else ())):
            typer.echo(f"evertask: {one.label}: {line}", err=True)
