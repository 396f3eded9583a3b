"""Waiting for the end of tasks, shown as it goes; with the log of one of them beneath."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from evertask.cli.exits import FAILED, NOT_FOUND, TIMEOUT
from evertask.cli.observations import observe
from evertask.cli.sessions import WAITING_PATIENCE
from evertask.cli.texts import lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from evertask.cli.displays import Display
    from evertask.cli.log_following import LogFollower
    from evertask.cli.sessions import Session
    from evertask.views import TaskView


@dataclass
class Waited:
    """What became of the tasks that were waited for."""

    names: Sequence[str]
    views: dict[str, TaskView] = field(default_factory=dict)
    """Each as it was last seen."""
    gone: set[str] = field(default_factory=set)
    """Those that are not there, or were deleted before they finished."""

    def note(self, name: str, view: TaskView | None) -> None:
        """Take a look at a task into account; what has ended stays as it ended."""
        if self.is_over(name):
            return
        if view is None:
            self.gone.add(name)
        else:
            self.views[name] = view

    def is_over(self, name: str) -> bool:
        """Tell whether there is nothing more to wait for."""
        return name in self.gone or (name in self.views and self.views[name].is_finished)

    @property
    def unfinished(self) -> list[str]:
        """The tasks that go on."""
        return [name for name in self.names if not self.is_over(name)]

    @property
    def code(self) -> int:
        """The exit code."""
        if self.unfinished:
            return TIMEOUT
        if self.gone:
            return NOT_FOUND
        return 0 if all(view.state is State.COMPLETED for view in self.views.values()) else FAILED


async def wait_for(
    session: Session,
    names: Sequence[str],
    shown: Display,
    *,
    timeout: timedelta | None = None,  # noqa: ASYNC109  (what is over then is the waiting, not a failure)
    log: LogFollower | None = None,
) -> Waited:
    """Wait until tasks are finished, and show how they go.

    Args:
        session: the cluster.
        names: of the tasks.
        shown: where.
        timeout: how long at most; None for ever.
        log: follows the log of the task, and is told when it is over.
    """
    waited = Waited(names)
    telling = asyncio.create_task(log.run()) if log else None
    try:
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                await _until_over(session, waited, shown, telling)
        except TimeoutError:
            pass
        if log and telling and not waited.unfinished:
            log.finish()
            await telling
    finally:
        if telling:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
    return waited


async def _until_over(
    session: Session, waited: Waited, shown: Display, telling: asyncio.Task[None] | None
) -> None:
    async with aclosing(observe(session, waited.names, WAITING_PATIENCE)) as looks:
        async for look in looks:
            waited.note(look.name, look.view)
            if look.view is not None:
                shown.show(waited.views.get(look.name, look.view))
            if not waited.unfinished:
                return
            if telling and telling.done():
                telling.result()  # the log may not be read: say so now, not at the end


def readable(line: bytes) -> str:
    """Make a line of a log fit for a terminal."""
    return lines(line.rstrip(b"\r").decode(errors="replace"))
