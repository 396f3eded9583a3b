"""``evertask describe``, ``history`` and ``tree``: one task at length."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from evertask.cli import histories, trees
from evertask.cli.descriptions import describe
from evertask.cli.durations import now
from evertask.cli.listing import children_of
from evertask.cli.printing import Format, note, print_lines, print_table, print_value, say, style_of
from evertask.errors import PermissionDeniedError
from evertask.views import view_of

if TYPE_CHECKING:
    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView

MAX_CHILDREN = 100
"""Children that a description shows."""


async def print_description(session: Session, target: Target) -> int:
    """Describe a task, and give the exit code."""
    view = await target.find(session)
    children = await children_of(session, [trees.uid_of(view)], MAX_CHILDREN)
    say(describe(view, now(), children=children, events=await _events(session, view)))
    return 0


async def _events(session: Session, view: TaskView) -> list[dict[str, Any]] | None:
    """Read what the cluster has said about a task; None where that may not be read."""
    # The core API's events can be selected by the object that they are about.
    path = f"/api/v1/namespaces/{session.namespace}/events"
    query = {"fieldSelector": f"involvedObject.uid={trees.uid_of(view)}", "limit": "100"}
    try:
        answer = await session.connection.call_with_retries("GET", path, params=query)
    except PermissionDeniedError:
        return None
    events: list[dict[str, Any]] = answer["items"]
    return sorted(events, key=lambda event: str(event["metadata"]["creationTimestamp"]))


async def print_history(session: Session, target: Target, form: Format) -> int:
    """Print the past of a task, and give the exit code."""
    view = await target.find(session)
    if form is Format.NAME:
        for run in histories.runs_of(view):
            say(run["run"])
        return 0
    if not form.is_for_people:
        print_value(histories.as_value(view), form)
        return 0
    runs, transitions = histories.run_rows(view, now()), histories.transition_rows(view)
    if runs:
        print_table(histories.RUN_COLUMNS, runs)
    if runs and transitions:
        say("")
    if transitions:
        print_table(histories.TRANSITION_COLUMNS, transitions)
    if not runs and not transitions:
        note(f"{view.name} has no past: it has not started, or its auditLevel keeps nothing")
    return 0


async def print_tree(session: Session, target: Target, form: Format, *, depth: int, limit: int) -> int:
    """Print the family of a task, and give the exit code."""
    view = await target.find(session)

    async def read(name: str) -> TaskView | None:
        found = await session.objects.read(name)
        return None if found is None else view_of(found)

    parents, ended = await trees.ancestors(view, read)
    tree, cut = await trees.descendants(
        view, lambda uids, most: children_of(session, uids, most), depth=depth, limit=limit
    )
    whole = trees.joined(tree, parents)
    if form.is_for_people:
        rows = trees.rows(whole, ascii_only=not _draws_lines())
        print_lines(rows, style_of_row=lambda _, cell: style_of(cell))
    elif form is Format.NAME:
        for each in trees.views(whole):
            say(each.name)
    else:
        print_value(trees.as_value(whole), form)
    for remark in (ended, cut):
        if remark:
            note(remark)
    return 0


def _draws_lines() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in {"utf8", "utf16"}
