"""``evertask run``: the task is created, or registered under its key, and waited for if that is asked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import typer

from evertask.api.durations import parse_duration
from evertask.api.protocol import State
from evertask.api.times import format_time
from evertask.cli.displays import PlainDisplay, display
from evertask.cli.exits import NOT_FOUND, CommandFailedError
from evertask.cli.following import readable, wait_for
from evertask.cli.log_following import LogFollower
from evertask.cli.objects import PATIENCE
from evertask.cli.orders import Order, manifest_of
from evertask.cli.pod_logs import pods_of
from evertask.cli.printing import Format, is_terminal, note, print_objects, print_value, say
from evertask.cli.rows import message_of
from evertask.cli.sessions import Session, in_session
from evertask.cli.targets import Target
from evertask.cli.texts import as_json, one_line
from evertask.errors import ApiError, DispatchRefusedError
from evertask.registration import Registration, Wanted
from evertask.writes import create, register

if TYPE_CHECKING:
    from datetime import timedelta

    from evertask.cli.endings import Farewell
    from evertask.cli.options import Cluster
    from evertask.views import TaskView


@dataclass(frozen=True)
class Wish:
    """What the person wants to see of the task that was created."""

    form: Format = Format.TABLE
    wait: bool = False
    follow: bool = False
    patience: timedelta | None = None
    """How long the end is waited for; None for ever."""
    dry_run: bool = False


def create_task(cluster: Cluster, order: Order, wish: Wish, farewell: Farewell) -> int:
    """Create the task and give the exit code."""
    if wish.dry_run and cluster.namespace is not None:
        _print_dry(order, cluster.namespace, wish.form)
        return 0

    async def work(session: Session) -> int:
        if wish.dry_run:
            _print_dry(order, session.namespace, wish.form)
            return 0
        return await _run(session, order, wish, farewell)

    return in_session(cluster, work)


def _print_dry(order: Order, namespace: str, form: Format) -> None:
    manifest = manifest_of(order, namespace)
    if form is Format.NAME:
        say(manifest["metadata"]["name"])
    else:
        print_value(manifest, Format.YAML if form.is_for_people else form)


async def _run(session: Session, order: Order, wish: Wish, farewell: Farewell) -> int:
    manifest = manifest_of(order, session.namespace)
    name: str = manifest["metadata"]["name"]
    outcome = await _registered(session, manifest)
    if not (wish.wait or wish.follow):
        await _print_created(session, name, outcome, wish.form)
        return 0
    farewell.text = (
        f"task {name} goes on; wait for it with: evertask wait {name} -n {session.namespace}, "
        f"or cancel it with: evertask cancel {name} -n {session.namespace}"
    )
    note(f"task {name} {_word(outcome)}")
    return await _until_finished(session, name, outcome, wish)


async def _registered(session: Session, manifest: dict[str, Any]) -> Registration:
    spec = manifest["spec"]
    try:
        if "taskKey" not in spec:
            remedy = "choose another --name, or register it under a --key"
            return await create(session.objects, manifest, ignoring=frozenset(), remedy=remedy)
        due = None
        if "delay" in spec:
            due = format_time(datetime.now(UTC) + parse_duration(spec["delay"]))
        return await register(session.objects, Wanted(manifest, run_at=due), PATIENCE)
    except DispatchRefusedError as error:
        cause = error.__cause__
        if isinstance(cause, ApiError) and cause.status == HTTPStatus.NOT_FOUND:
            raise CommandFailedError(
                f"there is no namespace {session.namespace!r}; create it, or name another with -n",
                code=NOT_FOUND,
            ) from error
        raise


def _word(outcome: Registration) -> str:
    return "is unchanged" if outcome is Registration.UNCHANGED else str(outcome).lower()


async def _print_created(session: Session, name: str, outcome: Registration, form: Format) -> None:
    if form.is_for_people:
        say(f"{name} {_word(outcome)}")
    elif form is Format.NAME:
        say(name)
    else:
        view = await Target(name).find(session)
        print_objects([view.raw], form, as_list=False)


async def _until_finished(session: Session, name: str, outcome: Registration, wish: Wish) -> int:
    log = None
    with display() as shown:
        if isinstance(shown, PlainDisplay) and not wish.form.is_for_people:
            shown.log_to(sys.stderr)
        if wish.follow:
            view = await Target(name).find(session)
            uid = view.raw["metadata"]["uid"]
            # The pods of the incarnation before are not what was asked for.
            ended = outcome is Registration.REPLACED and {
                pod.name for pod in await pods_of(session, uid) if pod.is_over
            }
            log = LogFollower(
                session,
                uid,
                lambda line: shown.log(readable(line)),
                shown.remark,
                ignoring=frozenset(ended or ()),
            )
        waited = await wait_for(session, [name], shown, timeout=wish.patience, log=log)
    if name in waited.gone:
        raise CommandFailedError(f"task {name} was deleted before it finished", code=NOT_FOUND)
    if waited.unfinished:
        note(f"task {name} has not finished within the time given; it goes on")
    print_end(waited.views[name], wish.form, is_over=not waited.unfinished)
    return waited.code


def print_end(view: TaskView, form: Format, *, is_over: bool) -> None:
    """Print how a task ended: its result on the standard output, what else there is to say beside it."""
    if not form.is_for_people:
        print_objects([view.raw], form, as_list=False)
    elif view.result is not None and view.state is State.COMPLETED:
        say(as_json(view.result))
    if not is_over:
        return
    if view.state is not State.COMPLETED:
        said = one_line(message_of(view) or "no reason was recorded")
        note(f"task {one_line(view.name)} {str(view.state).lower()}: {said}")
    elif is_terminal():
        # The bars are gone; without a terminal the last line has said it.
        typer.echo(f"{one_line(view.name)} {view.state}", err=True)
