"""The command line as a whole: its verbs, and the options that stand before them."""

from __future__ import annotations

from typing import Annotated

import typer

from evertask.cli import verbs_forecasting, verbs_showing, verbs_starting, verbs_steering
from evertask.cli.options import Context, Kubeconfig, Namespace  # noqa: TC001  (typer reads the annotations)

app = typer.Typer(
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
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Run tasks on Kubernetes, and look after them.

    Exit codes: 0 for success, 1 when a task that was waited for failed or was cancelled, 2 for a wrong option or
    input, 3 when there is no such task, 4 when it is not allowed, 5 when there is no cluster to ask, 124 when the
    time for waiting is over, 130 after Ctrl-C.
    """


app.command("run")(verbs_starting.run)
app.command("list")(verbs_showing.list_)
app.command("ls", hidden=True, help="The same as list.")(verbs_showing.list_)
app.command("get")(verbs_showing.get)
app.command("describe")(verbs_showing.describe)
app.command("logs")(verbs_steering.logs)
app.command("wait")(verbs_steering.wait)
app.command("cancel")(verbs_steering.cancel)
app.command("suspend")(verbs_steering.suspend)
app.command("resume")(verbs_steering.resume)
app.command("run-now")(verbs_steering.run_now)
app.command("next")(verbs_forecasting.next_)
app.command("history")(verbs_showing.history)
app.command("tree")(verbs_showing.tree)
