"""``evertask logs``: what the pods of a task have written."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from evertask.api.protocol import OPEN_PHASES
from evertask.cli.exits import NOT_FOUND, CommandFailedError
from evertask.cli.following import readable
from evertask.cli.histories import runs_of
from evertask.cli.log_following import LAST_WORDS_SECONDS, LOOK_AGAIN_SECONDS, LogFollower
from evertask.cli.observations import observe
from evertask.cli.pod_logs import log_of, pods_of
from evertask.cli.printing import note, say
from evertask.cli.sessions import WAITING_PATIENCE
from evertask.cli.texts import lines, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.cli.pod_logs import Pod
    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView


@dataclass(frozen=True)
class Excerpt:
    """Which part of the logs is meant."""

    run: str | None = None
    """Only pods of this run; None for the newest."""
    follow: bool = False
    tail: int | None = None
    raw: bool = False
    """As it was written, control characters too."""


async def print_logs(session: Session, target: Target, excerpt: Excerpt) -> int:
    """Print the log of a task's newest pod, or follow it from pod to pod; gives the exit code."""
    view = await target.find(session)
    write = _raw if excerpt.raw else lambda line: say(readable(line))
    if excerpt.follow and not view.is_finished:
        return await _follow(session, view, excerpt, write)
    pod = await _newest(session, view, excerpt.run)
    if pod is None:
        return _without_pod(view, excerpt)
    async with aclosing(log_of(session, pod.name, tail=excerpt.tail)) as found:
        async for line in found:
            write(line)
    return 0


async def _newest(session: Session, view: TaskView, run: str | None) -> Pod | None:
    """Give the newest pod that has a log; that of a run that is over is waited for until its kubelet tells of it."""
    uid, deadline = view.raw["metadata"]["uid"], time.monotonic() + LAST_WORDS_SECONDS
    while True:
        pods = await pods_of(session, uid, run)
        has_begun = bool(pods) and (view.is_finished or pods[0].run in _begun(view))
        if not has_begun or pods[0].has_log or time.monotonic() > deadline:
            return next((pod for pod in pods if pod.has_log), None)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _begun(view: TaskView) -> set[str]:
    """Name the runs whose handler has started: their pods have a log, whether the cluster knows it yet or not."""
    return {run["run"] for run in runs_of(view) if run.get("startTime")}


def _raw(line: bytes) -> None:
    typer.echo(line)


def _without_pod(view: TaskView, excerpt: Excerpt) -> int:
    """Print what the status has kept of the log, or say why there is none."""
    name = one_line(view.name)
    if view.error and view.error.log_tail and excerpt.run is None:
        note(f"the pod of {name} is gone; this is the end of its log, from the status")
        say(lines(view.error.log_tail.rstrip("\n")))
        return 0
    if excerpt.run is not None:
        known = ", ".join(one_line(run["run"]) for run in runs_of(view)) or "none"
        raise CommandFailedError(
            f"no pod of the run {excerpt.run!r} of {name} is left, if there was one; runs that are known: {known}",
            code=NOT_FOUND,
        )
    why = (
        "its pods are gone, and their logs with them"
        if view.start_time or view.last_run_time
        else "no pod has started"
    )
    raise CommandFailedError(
        f"there is no log of {name}: {why} (state {view.state}); see: evertask describe {name}",
        code=NOT_FOUND,
    )


async def _follow(session: Session, view: TaskView, excerpt: Excerpt, write: Callable[[bytes], None]) -> int:
    follower = LogFollower(
        session, view.raw["metadata"]["uid"], write, note, run=excerpt.run, tail=excerpt.tail
    )
    telling = asyncio.create_task(follower.run())
    ending = asyncio.create_task(_until_over(session, view.name, excerpt.run))
    try:
        await asyncio.wait({telling, ending}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            telling.result()
        await ending
        follower.finish()
        await telling
    finally:
        for each in (telling, ending):
            each.cancel()
        await asyncio.gather(telling, ending, return_exceptions=True)
    if not follower.has_told:
        found = await session.dispatcher.get(view.name)
        return _without_pod(found or view, excerpt)
    return 0


async def _until_over(session: Session, name: str, run: str | None) -> None:
    """Wait until a task is finished or gone, or one of its runs is over."""
    async with aclosing(observe(session, [name], WAITING_PATIENCE)) as looks:
        async for look in looks:
            if look.view is None or look.view.is_finished or (run and _has_ended(look.view, run)):
                return


def _has_ended(view: TaskView, run: str) -> bool:
    known = next((one for one in runs_of(view) if one["run"] == run), None)
    return known is None or known.get("phase") not in OPEN_PHASES
