"""``evertask cancel``, ``suspend`` and ``resume``: each task is told by itself, and each answer is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.cli.exits import CommandFailedError, code_of
from evertask.cli.printing import Format, note, print_objects, say
from evertask.cli.texts import one_line
from evertask.errors import EverTaskError
from evertask.views import CancelOutcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView

    Action = Callable[[Session, TaskView], Awaitable[str]]


async def cancel(session: Session, view: TaskView) -> str:
    """Ask to end a task, and say what was found."""
    match await session.dispatcher.cancel(view.name):
        case CancelOutcome.REQUESTED:
            return "cancellation requested"
        case CancelOutcome.CANCELLED:
            return "was cancelled already"
        case CancelOutcome.ALREADY_FINISHED:
            return "has finished already; nothing was changed"
        case _:
            return "is gone"


async def suspend(session: Session, view: TaskView) -> str:
    """Keep a task from being started, and say what was found."""
    if view.is_finished:
        return "has finished already; nothing was changed"
    changed = await session.dispatcher.suspend(view.name)
    return "suspended" if changed else "was suspended already"


async def resume(session: Session, view: TaskView) -> str:
    """Let a task be started again, and say what was found."""
    changed = await session.dispatcher.resume(view.name)
    return "resumed" if changed else "was not suspended"


async def steer(session: Session, targets: Sequence[Target], form: Format, action: Action) -> int:
    """Do something to each task, and give the exit code: that of the first which could not be told."""
    code, steered = 0, []
    for target in targets:
        try:
            view = await target.find(session)
            said = await action(session, view)
            if form.is_for_people:
                say(f"{one_line(view.name)} {said}")
            elif form is Format.NAME:
                say(one_line(view.name))
            else:
                steered.append((await target.find(session)).raw)
        except (CommandFailedError, EverTaskError) as error:
            note(one_line(error))
            code = code or code_of(error)
    if steered:
        print_objects(steered, form, as_list=len(targets) > 1)
    return code
