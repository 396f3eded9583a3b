"""``evertask wait``: until tasks are finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.cli.displays import display
from evertask.cli.following import wait_for
from evertask.cli.printing import Format, note, print_lines, print_objects, style_of
from evertask.cli.rows import message_of
from evertask.cli.texts import as_json, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from evertask.cli.endings import Farewell
    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView

RESULT_WIDTH = 100
"""Characters of a result beside the state; ``-o json`` has the whole."""


async def wait(
    session: Session,
    targets: Sequence[Target],
    form: Format,
    farewell: Farewell,
    *,
    timeout: timedelta | None,  # noqa: ASYNC109  (what is over then is the waiting, not a failure)
) -> int:
    """Wait for tasks, print how they ended, and give the exit code."""
    names = list(dict.fromkeys([(await target.find(session)).name for target in targets]))
    farewell.text = f"they go on; cancel with: evertask cancel {' '.join(names)} -n {session.namespace}"
    with display() as shown:
        waited = await wait_for(session, names, shown, timeout=timeout)
    ended = [waited.views[name] for name in names if name in waited.views]
    if form.is_for_people:
        rows = [_row(view) for view in ended if view.name not in waited.unfinished]
        if rows:
            print_lines(rows, style_of_row=lambda _, cell: style_of(cell))
    elif ended:
        print_objects([view.raw for view in ended], form, as_list=len(names) > 1)
    for name in sorted(waited.gone):
        note(f"task {name} was deleted before it finished")
    if waited.unfinished:
        note(f"not finished within the time given: {', '.join(waited.unfinished)}; they go on")
    return waited.code


def _row(view: TaskView) -> list[str]:
    said = message_of(view)
    if view.state == "Completed" and view.result is not None:
        said = as_json(view.result, indent=None)
    return [one_line(view.name), str(view.state), one_line(said or "", RESULT_WIDTH)]
