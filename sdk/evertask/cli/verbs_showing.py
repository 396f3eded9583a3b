"""``evertask list``, ``get``, ``describe``, ``history``, ``tree``: how tasks are."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from evertask.api.protocol import State  # noqa: TC001  (typer reads the annotations)
from evertask.cli.endings import ending
from evertask.cli.options import Cluster, Context, Key, Kubeconfig, Name, Names, Namespace, Output
from evertask.cli.printing import Format

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target

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
        from evertask.cli.sessions import in_session  # noqa: PLC0415
        from evertask.filters import Filters  # noqa: PLC0415

        begin = durations.since("--since", since, durations.now())
        filters = Filters(
            states=frozenset(states) if states else None,
            queue=queue,
            handler=handler,
            key=key,
            # The instant itself counts too.
            created_after=None if begin is None else begin - timedelta.resolution,
        )
        cluster = Cluster(namespace, kubeconfig, context)
        if watch:
            farewell.text = "no longer watching"
            in_session(
                cluster,
                lambda session: tables.watch_list(session, filters, output, everywhere=everywhere),
            )
        in_session(
            cluster,
            lambda session: tables.print_list(
                session, filters, output, everywhere=everywhere, limit=limit or None
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
    from evertask.cli.showing import print_description  # noqa: PLC0415  (not for --help)

    _show(name, key, Cluster(namespace, kubeconfig, context), print_description)


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
    from evertask.cli.showing import print_history  # noqa: PLC0415  (not for --help)

    _show(name, key, Cluster(namespace, kubeconfig, context), partial(print_history, form=output))


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
    from evertask.cli.showing import print_tree  # noqa: PLC0415  (not for --help)

    show = partial(print_tree, form=output, depth=depth, limit=limit)
    _show(name, key, Cluster(namespace, kubeconfig, context), show)


def _show(
    name: str | None, key: str | None, cluster: Cluster, show: Callable[[Session, Target], Awaitable[int]]
) -> None:
    """Show one task, and end with the code that this gives."""
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target = target_of(name, key)
        code = in_session(cluster, lambda session: show(session, target))
    raise typer.Exit(code)
