"""The family of a task: the tasks that dispatched it, and those that its runs have dispatched, down to the last.

A child bears its parent's UID as a label that only the parent's pod could set; so nobody puts a task into another's
family. What is read is bounded: a handler may dispatch thousands.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.cli.rows import message_of, state_of
from evertask.cli.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from evertask.views import TaskView

MAX_ANCESTORS = 32
"""Parents' parents that are looked up; a chain may hold more links."""
MESSAGE_WIDTH = 60


@dataclass(frozen=True)
class Tree:
    """A task and what it has dispatched."""

    view: TaskView
    children: tuple[Tree, ...] = ()
    is_asked_for: bool = False
    """It is the task that the command named."""


@dataclass(frozen=True)
class Family:
    """What was found."""

    root: Tree
    cut: str = ""
    """What was left out, and why; empty where this is all."""


def uid_of(view: TaskView) -> str:
    """Give the UID of a task in the cluster."""
    return str(view.raw["metadata"]["uid"])


def parent_uid_of(view: TaskView) -> str | None:
    """Give the UID of the task that dispatched this one; None where nobody did."""
    labels = view.raw["metadata"].get("labels") or {}
    uid = labels.get(protocol.LABEL_PARENT_UID)
    return None if uid is None else str(uid)


async def ancestors(
    view: TaskView, read: Callable[[str], Awaitable[TaskView | None]]
) -> tuple[list[TaskView], str]:
    """Climb from a task to the task without a parent.

    Args:
        view: where to begin.
        read: gets a task by its name.

    Returns:
        The nearest parent first, and what ended the climb before the top: empty where it was reached.
    """
    found: list[TaskView] = []
    seen = {uid_of(view)}
    while (uid := parent_uid_of(view)) is not None:
        annotations = view.raw["metadata"].get("annotations") or {}
        name = annotations.get(protocol.ANNOTATION_PARENT_NAME)
        parent = await read(name) if name else None
        if parent is None or uid_of(parent) != uid:
            return found, f"the parent of {one_line(view.name)}, {one_line(name or uid)}, is gone"
        if uid in seen or len(found) >= MAX_ANCESTORS:
            return found, f"{one_line(parent.name)} has more parents than are shown"
        seen.add(uid)
        found.append(parent)
        view = parent
    return found, ""


async def descendants(
    view: TaskView,
    children_of: Callable[[Sequence[str], int], Awaitable[list[TaskView]]],
    *,
    depth: int,
    limit: int,
) -> tuple[Tree, str]:
    """Find what a task's runs have dispatched, level by level.

    Args:
        view: the task.
        children_of: gets the children of several UIDs, at most so many.
        depth: levels below the task.
        limit: tasks in all.

    Returns:
        The tree, and what was left out; empty where this is all.
    """
    by_parent: dict[str, list[TaskView]] = defaultdict(list)
    seen, level, cut = {uid_of(view)}, [view], ""
    for _ in range(depth):
        room = limit - len(seen) + 1
        found = await children_of([uid_of(each) for each in level], room + 1)
        fresh = [each for each in found if uid_of(each) not in seen]
        if len(fresh) > room:
            cut, fresh = f"more tasks below it than {limit}; raise --limit", fresh[:room]
        for each in fresh:
            seen.add(uid_of(each))
            by_parent[str(parent_uid_of(each))].append(each)
        level = fresh
        if cut or not level:
            break
    else:
        if await children_of([uid_of(each) for each in level], 1):
            cut = f"more levels below it than {depth}; raise --depth"
    return _grown(view, by_parent, asked_for=uid_of(view)), cut


def _grown(view: TaskView, by_parent: dict[str, list[TaskView]], *, asked_for: str) -> Tree:
    children = sorted(by_parent.get(uid_of(view), ()), key=lambda each: (each.created, each.name))
    return Tree(
        view,
        tuple(_grown(child, by_parent, asked_for=asked_for) for child in children),
        is_asked_for=uid_of(view) == asked_for,
    )


def joined(tree: Tree, parents: Sequence[TaskView]) -> Tree:
    """Put a tree under its parents, the nearest first."""
    for parent in parents:
        tree = Tree(parent, (tree,))
    return tree


def rows(tree: Tree, *, ascii_only: bool) -> list[list[str]]:
    """Give a row for each task: the name under its branch, then the state, the handler, what there is to say."""
    branches = ("|- ", "`- ", "|  ", "   ") if ascii_only else ("├─ ", "└─ ", "│  ", "   ")
    return list(_rows(tree, "", "", branches))


def _rows(tree: Tree, lead: str, below: str, branches: tuple[str, str, str, str]) -> Iterator[list[str]]:
    view, (middle, last, line, blank) = tree.view, branches
    mark = " *" if tree.is_asked_for else ""
    yield [
        f"{lead}{one_line(view.name)}{mark}",
        state_of(view),
        one_line(view.handler),
        one_line(message_of(view) or "", MESSAGE_WIDTH),
    ]
    for number, child in enumerate(tree.children, start=1):
        is_last = number == len(tree.children)
        yield from _rows(
            child, below + (last if is_last else middle), below + (blank if is_last else line), branches
        )


def as_value(tree: Tree) -> dict[str, Any]:
    """Give a tree for a program."""
    view = tree.view
    return {
        "name": view.name,
        "namespace": view.namespace,
        "id": None if view.id is None else str(view.id),
        "handler": view.handler,
        "state": str(view.state),
        "message": message_of(view),
        "children": [as_value(child) for child in tree.children],
    }


def views(tree: Tree) -> Iterator[TaskView]:
    """Give the tasks of a tree, parents before their children."""
    yield tree.view
    for child in tree.children:
        yield from views(child)
