"""Options and arguments that several verbs share, each said once.

``-n``, ``--kubeconfig`` and ``--context`` may stand before the verb or after it; what stands after it wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from evertask.cli.printing import Format

PANEL = "Cluster"


def complete_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete names of tasks from the cluster; nothing where it cannot be asked."""
    from evertask.cli.completion import names  # noqa: PLC0415  (only for a completion)

    return names(ctx, incomplete)


def or_before_the_verb(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
    """Take the value that was given before the verb where there is none after it."""
    return value if value is not None else ctx.find_root().params.get(str(param.name))


Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NS",
        callback=or_before_the_verb,
        help="Namespace of the tasks. Default: the context's.",
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", callback=or_before_the_verb, help="Default: $KUBECONFIG, then ~/.kube/config."
    ),
]
Context = Annotated[
    str | None, typer.Option(metavar="CONTEXT", callback=or_before_the_verb, help="Of the kubeconfig.")
]

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="Name of the EverTask, or its id.",
        autocompletion=complete_names,
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME...",
        help="Names of EverTasks, or their ids.",
        autocompletion=complete_names,
        show_default=False,
    ),
]
Key = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="The task of this key, instead of a NAME.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="For people, or for programs.")]


@dataclass(frozen=True)
class Cluster:
    """Which cluster and namespace; what is None is as the kubeconfig, or the pod, has it."""

    namespace: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
