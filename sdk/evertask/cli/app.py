"""The verbs of the command line and their options. What a verb needs is imported when it is called."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from evertask.cli.exits import INVALID, CommandFailedError
from evertask.cli.output import Output, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask.cli.forecasts import Forecast

MAX_COUNT = 100_000
"""Occurrences of one call: more are not read by anyone, and a series without an end must not fill the memory."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    # Plain text: it can be piped and read by a screen reader, and needs no half second of imports.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001  (the signature of an option's callback)
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  (only here)

        typer.echo(f"evertask {version('evertask')}")
        raise typer.Exit


@app.callback()
def evertask(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Ask EverTask on Kubernetes."""


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


@app.command("next")
def next_(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An EverTask of the cluster.", show_default=False)
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
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", metavar="NS", help="Of NAME.")] = None,
    kubeconfig: Annotated[
        str | None, typer.Option(metavar="FILE", help="Default: $KUBECONFIG, then ~/.kube/config.")
    ] = None,
    context: Annotated[str | None, typer.Option(metavar="CONTEXT", help="Of the kubeconfig.")] = None,
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
    cluster = {"namespace": namespace, "kubeconfig": kubeconfig, "context": context}
    with _ending():
        forecasts = _of_object(name, cluster, after, count) if name else _of_file(str(file), after, count)
    # Of a file, the answers in JSON are all that a program reads.
    _print(forecasts, output, notes=output is not Output.JSON or file is None)
    if any(one.problems for one in forecasts):
        raise typer.Exit(INVALID)


@contextmanager
def _ending() -> Iterator[None]:
    """End the process with the message and the code of a command that failed."""
    try:
        yield
    except CommandFailedError as error:
        typer.echo(f"evertask: {error}", err=True)
        raise typer.Exit(error.code) from error


def _of_file(file: str, after: datetime, count: int) -> list[Forecast]:
    from evertask.cli.documents import read_documents  # noqa: PLC0415  (only for a file)
    from evertask.cli.forecasts import forecast  # noqa: PLC0415  (not for --help)

    return [
        forecast(document.content, name=document.name, label=document.label, after=after, count=count)
        for document in read_documents(file)
    ]


def _of_object(name: str, cluster: dict[str, str | None], after: datetime, count: int) -> list[Forecast]:
    from evertask.cli.forecasts import forecast  # noqa: PLC0415  (not for --help)
    from evertask.cli.objects import Cluster, read_object  # noqa: PLC0415  (not for a file)

    found = read_object(name, Cluster(**cluster))
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
