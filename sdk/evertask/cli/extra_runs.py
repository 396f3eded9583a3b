"""``evertask run-now``: one extra run of a series, and what became of it.

The request is a token in the spec; the operator answers in ``status.runNow``, with the id of the run. From then on
the run is looked for by its id: among the open ones, then in the history, which ``auditLevel`` may leave empty; so
what was last seen of it while it was open counts too.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import OPEN_PHASES, Phase, run_now_run_id
from evertask.cli.exits import FAILED, INVALID, NOT_FOUND, TIMEOUT, CommandFailedError
from evertask.cli.observations import observe
from evertask.cli.printing import Format, note, print_objects, say
from evertask.cli.rows import is_series
from evertask.cli.sessions import WAITING_PATIENCE
from evertask.cli.texts import one_line

if TYPE_CHECKING:
    from datetime import timedelta

    from evertask.cli.displays import Display
    from evertask.cli.endings import Farewell
    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView


@dataclass
class ExtraRun:
    """The run that a token asks for, as far as looks at its series tell."""

    token: str
    seen: bool = False
    """It was open once."""
    answer: str | None = None
    """Started, Waiting or Skipped."""
    phase: str | None = None
    """Its last known one; none of ``OPEN_PHASES`` when it is over."""
    message: str = ""

    @property
    def id(self) -> str:
        """Id of the run."""
        return run_now_run_id(self.token)

    def look(self, view: TaskView) -> bool:
        """Take a look at the series into account; True when the run is over, or will not be."""
        status: dict[str, Any] = view.raw.get("status") or {}
        told = status.get("runNow") or {}
        if told.get("token") == self.token:
            self.answer = told.get("answer")
        run = (status.get("runs") or {}).get(self.id)
        past = next((one for one in status.get("history") or () if one["run"] == self.id), None)
        if run is not None:
            self.seen, self.phase, self.message = True, run["phase"], run.get("message") or ""
        elif past is not None:
            self.phase, self.message = past.get("outcome"), past.get("message") or ""
        is_waiting = any(one.get("run") == self.id for one in status.get("waiting") or ())
        is_over = self.phase is not None and self.phase not in OPEN_PHASES
        has_left = self.seen and run is None and not is_waiting
        return is_over or has_left or self.answer == "Skipped" or (view.is_finished and not is_waiting)

    def verdict(self) -> tuple[str, int]:
        """Say how it ended, with the exit code."""
        if self.answer == "Skipped":
            return "was skipped: a run is not over, and overlap is Skip", FAILED
        if self.phase == Phase.SUCCEEDED:
            return "succeeded", 0
        if self.phase in {Phase.FAILED, Phase.CANCELLED}:
            return f"{self.phase.lower()}: {self.message or 'no reason was recorded'}", FAILED
        if self.seen:
            return "is over; its outcome was not recorded (auditLevel)", 0
        return "was not started: the series has ended", FAILED


async def run_now(
    session: Session,
    target: Target,
    form: Format,
    *,
    farewell: Farewell | None,
    timeout: timedelta | None,  # noqa: ASYNC109
) -> int:
    """Ask for an extra run, and give the exit code.

    Args:
        session: the cluster.
        target: the series.
        form: how to print the answer.
        farewell: told what Ctrl-C leaves; None does not wait for the run.
        timeout: how long its end is waited for; None for ever.
    """
    view = await target.find(session)
    if not is_series(view):
        raise CommandFailedError(
            f"{one_line(view.name)} is no series, and runs once; run its handler again with: "
            f"evertask run {one_line(view.handler)}",
            code=INVALID,
        )
    if view.is_finished:
        raise CommandFailedError(
            f"the series {one_line(view.name)} is {view.state}; register it again to let it run", code=INVALID
        )
    run = ExtraRun(await session.dispatcher.run_now(view.name))
    if farewell is None:
        await _print(session, target, form, f"{one_line(view.name)} extra run {run.id} requested")
        return 0
    note(f"extra run {run.id} of {view.name} requested")
    farewell.text = f"the extra run goes on; see it with: evertask history {view.name} -n {session.namespace}"
    from evertask.cli.displays import display  # noqa: PLC0415  (only to wait)

    with display() as shown:
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                await _until_over(session, view.name, run, shown)
        except TimeoutError:
            note(f"the extra run {run.id} is not over within the time given; it goes on")
            return TIMEOUT
    said, code = run.verdict()
    await _print(session, target, form, f"{one_line(view.name)} extra run {run.id} {one_line(said)}")
    return code


async def _until_over(session: Session, name: str, run: ExtraRun, shown: Display) -> None:
    async with aclosing(observe(session, [name], WAITING_PATIENCE)) as looks:
        async for look in looks:
            if look.view is None:
                raise CommandFailedError(f"the series {name} was deleted", code=NOT_FOUND)
            shown.show(look.view)
            if run.look(look.view):
                return


async def _print(session: Session, target: Target, form: Format, text: str) -> None:
    if form.is_for_people:
        say(text)
        return
    print_objects([(await target.find(session)).raw], form, as_list=False)
