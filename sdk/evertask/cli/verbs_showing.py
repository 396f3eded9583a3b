"""``evertask list``, ``get``, ``describe``, ``history``, ``tree``: how tasks are."""

from __future__ import annotations

from typing import Annotated

import typer

from evertask.api.protocol import State  # noqa: TC001  (typer reads the annotations)
from evertask.cli.endings import ending
from evertask.cli.options import Cluster, Context, Key, Kubeconfig, Name, Names, Namespace, Output
from evertask.cli.printing import Format

MAX_LIMIT = 1_000_000


def list_(
    *,
    states: Annotated[
        list[State] | None,
        typer.Option("--state", case_sensitive=False, help="In this state; may be given more than once."),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(metavar="QUEUE", help="Of this queue; default means those that name none too."),
    ] = None,
    handler: Annotated[str | None, typer.Option(metavar="HANDLER", help="Of this handler.")] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Of this key.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Created since: a duration (2h, 7d) or an instant (RFC 3339)."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, max=MAX_LIMIT, help="At most so many; 0 for all.")
    ] = 500,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="In all namespaces.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on: a row for each change.")] = False,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List tasks, in the order of their names."""
    with ending() as farewell:
        from evertask.cli import durations, tables  # noqa: PLC0415  (not for --help)
        from evertask.cli.listing import Choice  # noqa: PLC0415
        from evertask.cli.sessions import in_session  # noqa: PLC0415

        created_after = durations.since("--since", since, durations.now())
        choice = Choice(frozenset(states or ()), queue, handler, key, created_after)
        cluster = Cluster(namespace, kubeconfig, context)
        if watch:
            farewell.text = "no longer watching"
            in_session(
                cluster,
                lambda session: tables.watch_list(session, choice, output, everywhere=everywhere),
            )
        in_session(
            cluster,
            lambda session: tables.print_list(
                session, choice, output, everywhere=everywhere, limit=limit or None
            ),
        )


def get(
    names: Names = None,
    *,
    key: Key = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show tasks by their names, or by a key."""
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.tables import print_named  # noqa: PLC0415
        from evertask.cli.targets import targets_of  # noqa: PLC0415

        targets = targets_of(names, key)
        code = in_session(
            Cluster(namespace, kubeconfig, context),
            lambda session: print_named(session, targets, output),
        )
    raise typer.Exit(code)


def describe(
    name: Name = None,
    *,
    key: Key = None,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show a task at length: what it is, how it goes, what went wrong, its events."""
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.showing import print_description  # noqa: PLC0415
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target = target_of(name, key)
        code = in_session(
            Cluster(namespace, kubeconfig, context), lambda session: print_description(session, target)
        )
    raise typer.Exit(code)


def history(
    name: Name = None,
    *,
    key: Key = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show the runs of a task and the changes of its state, newest first."""
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.showing import print_history  # noqa: PLC0415
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target = target_of(name, key)
        code = in_session(
            Cluster(namespace, kubeconfig, context), lambda session: print_history(session, target, output)
        )
    raise typer.Exit(code)


def tree(
    name: Name = None,
    *,
    key: Key = None,
    depth: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="At most so many levels below the task.")
    ] = 8,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="At most so many tasks below it.")
    ] = 1000,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show who dispatched a task, and what its runs have dispatched, down to the last."""
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.showing import print_tree  # noqa: PLC0415
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target = target_of(name, key)
        code = in_session(
            Cluster(namespace, kubeconfig, context),
            lambda session: print_tree(session, target, output, depth=depth, limit=limit),
        )
    raise typer.Exit(code)
