"""``evertask cancel``, ``suspend``, ``resume``, ``run-now``, ``wait``, ``logs``: what is done to tasks that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evertask.cli.endings import ending
from evertask.cli.options import Cluster, Context, Key, Kubeconfig, Name, Names, Namespace, Output
from evertask.cli.printing import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evertask.cli.steering import Action

WaitTimeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="DURATION", help="Wait at most so long, such as 90s or 10m; ends with code 124."
    ),
]


def cancel(
    names: Names = None,
    *,
    key: Key = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Ask to end tasks. One that has not started never starts; one that runs is told to stop."""
    from evertask.cli.steering import cancel as action  # noqa: PLC0415  (not for --help)

    _steer(names, key, output, Cluster(namespace, kubeconfig, context), action)


def suspend(
    names: Names = None,
    *,
    key: Key = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Keep tasks from being started; a run that has started goes on."""
    from evertask.cli.steering import suspend as action  # noqa: PLC0415  (not for --help)

    _steer(names, key, output, Cluster(namespace, kubeconfig, context), action)


def resume(
    names: Names = None,
    *,
    key: Key = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Let suspended tasks be started again."""
    from evertask.cli.steering import resume as action  # noqa: PLC0415  (not for --help)

    _steer(names, key, output, Cluster(namespace, kubeconfig, context), action)


def _steer(
    names: Sequence[str] | None, key: str | None, output: Format, cluster: Cluster, action: Action
) -> None:
    with ending():
        from evertask.cli.sessions import in_session  # noqa: PLC0415  (not for --help)
        from evertask.cli.steering import steer  # noqa: PLC0415
        from evertask.cli.targets import targets_of  # noqa: PLC0415

        targets = targets_of(names, key)
        code = in_session(cluster, lambda session: steer(session, targets, output, action))
    raise typer.Exit(code)


def run_now(
    name: Name = None,
    *,
    key: Key = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the extra run is over.")] = False,
    timeout: WaitTimeout = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Ask a series for one extra run now, under its overlap policy."""
    with ending() as farewell:
        from evertask.cli.durations import duration_of  # noqa: PLC0415  (not for --help)
        from evertask.cli.extra_runs import run_now as ask  # noqa: PLC0415
        from evertask.cli.sessions import in_session  # noqa: PLC0415
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target, patience = target_of(name, key), duration_of("--timeout", timeout)
        told = farewell if wait or patience is not None else None
        code = in_session(
            Cluster(namespace, kubeconfig, context),
            lambda session: ask(session, target, output, farewell=told, timeout=patience),
        )
    raise typer.Exit(code)


def wait(
    names: Names = None,
    *,
    key: Key = None,
    timeout: WaitTimeout = None,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Wait until tasks are finished; a series is so when its last run is over."""
    with ending() as farewell:
        from evertask.cli.durations import duration_of  # noqa: PLC0415  (not for --help)
        from evertask.cli.sessions import in_session  # noqa: PLC0415
        from evertask.cli.targets import targets_of  # noqa: PLC0415
        from evertask.cli.waiting import wait as wait_for  # noqa: PLC0415

        targets, patience = targets_of(names, key), duration_of("--timeout", timeout)
        code = in_session(
            Cluster(namespace, kubeconfig, context),
            lambda session: wait_for(session, targets, output, farewell, timeout=patience),
        )
    raise typer.Exit(code)


def logs(
    name: Name = None,
    *,
    key: Key = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the task is over, from pod to pod.")
    ] = False,
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="Of this run; see: evertask history NAME.")
    ] = None,
    tail: Annotated[int | None, typer.Option(metavar="N", min=0, help="Only the last N lines.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="As it was written: control characters reach the terminal.")
    ] = False,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Print what the newest pod of a task has written."""
    with ending() as farewell:
        from evertask.cli.logs import Excerpt, print_logs  # noqa: PLC0415  (not for --help)
        from evertask.cli.sessions import in_session  # noqa: PLC0415
        from evertask.cli.targets import target_of  # noqa: PLC0415

        target, excerpt = target_of(name, key), Excerpt(run, follow, tail, raw)
        farewell.text = "no longer following the log; the task goes on"
        code = in_session(
            Cluster(namespace, kubeconfig, context), lambda session: print_logs(session, target, excerpt)
        )
    raise typer.Exit(code)
