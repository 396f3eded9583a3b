"""``evertask run``: a task from the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from evertask.api.audit import AuditLevel  # noqa: TC001  (typer reads the annotations)
from evertask.cli.endings import ending
from evertask.cli.options import Cluster, Context, Kubeconfig, Namespace, Output
from evertask.cli.printing import Format


class Overlap(StrEnum):
    """What becomes of a run that is due while another is not over."""

    SKIP = "Skip"
    QUEUE = "Queue"
    REPLACE = "Replace"
    ALLOW = "Allow"


class Backoff(StrEnum):
    """How the delay before a retry grows."""

    FIXED = "Fixed"
    EXPONENTIAL = "Exponential"


class OnInterruption(StrEnum):
    """What follows when the pod is lost."""

    RELAUNCH = "Relaunch"
    FAIL = "Fail"


def _text(help_: str, *names: str, metavar: str = "DURATION") -> Any:
    return typer.Option(*names, metavar=metavar, help=help_, show_default=False)


def run(
    handler: Annotated[
        str, typer.Argument(metavar="HANDLER", help="module:attribute in the runner's image.")
    ],
    *,
    payload: Annotated[
        str | None, _text("JSON object, @FILE, or - for the standard input.", "--payload", metavar="JSON")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        _text(
            "Set a key of the payload; the value is JSON if it parses, else a string. May be repeated.",
            "-p",
            "--param",
            metavar="KEY=VALUE",
        ),
    ] = None,
    name: Annotated[str | None, _text("Name of the task. Default: made up.", metavar="NAME")] = None,
    key: Annotated[
        str | None,
        _text(
            "Register under this key: once, however often it is run; a finished one starts anew.",
            metavar="KEY",
        ),
    ] = None,
    labels: Annotated[
        list[str] | None, _text("A label of the task. May be repeated.", "--label", metavar="KEY=VALUE")
    ] = None,
    delay: Annotated[str | None, _text("So long from now, such as 90s or 1h30m.")] = None,
    at: Annotated[str | None, _text("At an instant: RFC 3339 with a zone.", metavar="TIME")] = None,
    cron: Annotated[
        str | None, _text("Again and again, by a cron expression of 5 or 6 fields.", metavar="EXPRESSION")
    ] = None,
    every: Annotated[str | None, _text("Again and again, at an interval.")] = None,
    time_zone: Annotated[
        str | None, _text("Of the cron expression, such as Europe/Rome. Default: UTC.", metavar="ZONE")
    ] = None,
    until: Annotated[str | None, _text("The series ends before this instant.", metavar="TIME")] = None,
    max_runs: Annotated[int | None, _text("The series ends after so many runs.", metavar="N")] = None,
    overlap: Annotated[
        Overlap | None,
        typer.Option(
            case_sensitive=False, help="Of a run that is due while another is not over. Default: Skip."
        ),
    ] = None,
    queue: Annotated[str | None, _text("The group that the task belongs to.", metavar="QUEUE")] = None,
    retries: Annotated[
        int | None,
        _text(
            "How often a handler that fails is called again. Default: as its class says, or else 3.",
            metavar="N",
        ),
    ] = None,
    retry_delay: Annotated[str | None, _text("Before the first retry. Default: 500ms.")] = None,
    retry_backoff: Annotated[
        Backoff | None,
        typer.Option(
            case_sensitive=False,
            help="The same delay before each retry, or twice the one before, up to 5m. Default: Fixed.",
        ),
    ] = None,
    timeout: Annotated[str | None, _text("The longest time that one attempt may take.")] = None,
    run_timeout: Annotated[
        str | None, _text("The longest time for all attempts and the delays between them.")
    ] = None,
    grace_period: Annotated[str | None, _text("From the signal to stop until it is killed.")] = None,
    start_deadline: Annotated[str | None, _text("The longest time until the handler starts.")] = None,
    on_interruption: Annotated[
        OnInterruption | None,
        typer.Option(case_sensitive=False, help="When its pod is lost. Default: Relaunch."),
    ] = None,
    max_interruptions: Annotated[
        int | None, _text("How many pods the run may lose. Default: 10.", metavar="N")
    ] = None,
    fence_after: Annotated[
        str | None, _text("So long without the API server kills the handler, and lets another pod begin.")
    ] = None,
    audit_level: Annotated[
        AuditLevel | None,
        typer.Option(case_sensitive=False, help="How much of the past is kept. Default: Full."),
    ] = None,
    ttl: Annotated[str | None, _text("How long the finished task is kept.")] = None,
    pod_template: Annotated[
        str | None,
        _text("spec.podTemplate, from a file in YAML or JSON; - is the standard input.", metavar="FILE"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and print the result.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Wait, and print the log meanwhile.")] = False,
    wait_timeout: Annotated[
        str | None, _text("Wait at most so long; ends with code 124, and the task goes on.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the object instead of creating it.")
    ] = False,
    output: Output = Format.TABLE,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Run a handler: now, later, or again and again.

    With --wait or --follow the standard output has the result (and the log), and the exit code tells how it ended.
    Ctrl-C leaves the task running.
    """
    with ending() as farewell:
        from evertask.cli.creating import Wish, create_task  # noqa: PLC0415  (not for --help)
        from evertask.cli.documents import read_object_file  # noqa: PLC0415
        from evertask.cli.durations import duration_of  # noqa: PLC0415
        from evertask.cli.orders import Order  # noqa: PLC0415

        given = {
            "delay": delay,
            "at": at,
            "cron": cron,
            "every": every,
            "time_zone": time_zone,
            "until": until,
            "max_runs": max_runs,
            "overlap": overlap and str(overlap),
            "queue": queue,
            "retries": retries,
            "retry_delay": retry_delay,
            "retry_backoff": retry_backoff and str(retry_backoff),
            "timeout": timeout,
            "run_timeout": run_timeout,
            "grace_period": grace_period,
            "start_deadline": start_deadline,
            "on_interruption": on_interruption and str(on_interruption),
            "max_interruptions": max_interruptions,
            "fence_after": fence_after,
            "audit_level": audit_level and str(audit_level),
            "ttl": ttl,
        }
        order = Order(
            handler,
            payload,
            parameters or (),
            name,
            key,
            {option: value for option, value in given.items() if value is not None},
            labels or (),
            read_object_file("--pod-template", pod_template) if pod_template else None,
        )
        patience = duration_of("--wait-timeout", wait_timeout)
        wish = Wish(output, wait or patience is not None, follow, patience, dry_run)
        code = create_task(Cluster(namespace, kubeconfig, context), order, wish, farewell)
    raise typer.Exit(code)
