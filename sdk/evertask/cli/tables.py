"""``evertask list`` and ``evertask get``: tables of tasks, or their objects; and the list that goes on."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from evertask.cli.durations import now
from evertask.cli.exits import CommandFailedError
from evertask.cli.listing import listed
from evertask.cli.printing import Format, note, print_objects, print_table, say
from evertask.cli.rows import heading, row
from evertask.cli.sessions import WAITING_PATIENCE
from evertask.cli.texts import GAP, as_json, as_yaml, width
from evertask.connection.paths import evertask_path
from evertask.connection.retries import pause, worth_a_retry
from evertask.errors import ApiError, ApiUnavailableError, ExpiredError
from evertask.filters import Filters
from evertask.views import view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from evertask.cli.sessions import Session
    from evertask.cli.targets import Target
    from evertask.views import TaskView


def print_views(
    views: Sequence[TaskView], form: Format, *, namespaces: bool = False, as_list: bool = True
) -> None:
    """Print tasks in any form.

    Args:
        views: the tasks.
        form: how.
        namespaces: show the namespace of each.
        as_list: wrap objects in a List, also when there is one.
    """
    if not form.is_for_people:
        print_objects([view.raw for view in views], form, as_list=as_list)
        return
    wide, instant = form is Format.WIDE, now()
    rows = [row(view, instant, wide=wide, namespaces=namespaces) for view in views]
    print_table(heading(wide=wide, namespaces=namespaces), rows)


async def print_list(
    session: Session, filters: Filters, form: Format, *, everywhere: bool, limit: int | None
) -> int:
    """List tasks once, and give the exit code."""
    found = await listed(session, filters, namespace=None if everywhere else session.namespace, limit=limit)
    if found.views or not form.is_for_people:
        print_views(found.views, form, namespaces=everywhere)
    else:
        where = "any namespace" if everywhere else f"namespace {session.namespace!r}"
        note(
            f"there is no such EverTask in {where}"
            if filters != Filters()
            else f"there is no EverTask in {where}"
        )
    if found.is_cut:
        note(f"these are the first {limit}; see more with a greater --limit, or all with --limit 0")
    return 0


async def print_named(session: Session, targets: Sequence[Target], form: Format) -> int:
    """Print tasks that are named, and give the exit code; one that is not there does not keep the others back."""
    views, code = [], 0
    for target in targets:
        try:
            views.append(await target.find(session))
        except CommandFailedError as error:
            note(str(error))
            code = error.code
    if views:
        print_views(views, form, as_list=len(targets) > 1)
    return code


class _Feed:
    """Prints a row for each change, under the columns of the first table."""

    def __init__(self, form: Format, *, namespaces: bool) -> None:
        self._form, self._namespaces = form, namespaces
        self._widths: list[int] = []

    def begin(self, views: Sequence[TaskView]) -> None:
        """Print the table of what is there."""
        if not self._form.is_for_people:
            for view in views:
                self.add(view)
            return
        wide = self._form is Format.WIDE
        columns = heading(wide=wide, namespaces=self._namespaces)
        rows = [row(view, now(), wide=wide, namespaces=self._namespaces) for view in views]
        # Room for what is to come: a state may grow, a name is a UUID as a rule.
        least = {"NAME": 41, "STATE": 20, "HANDLER": 30, "NEXT": 8, "LAST": 8, "AGE": 6}
        self._widths = [
            max(least.get(name, 0), *(width(cells[place]) for cells in (columns, *rows)))
            for place, name in enumerate(columns)
        ]
        self._print(columns)
        for cells in rows:
            self._print(cells)

    def add(self, view: TaskView, *, deleted: bool = False) -> None:
        """Print one change."""
        if self._form is Format.NAME:
            say(view.name)
        elif self._form is Format.JSON:
            say(as_json(view.raw, indent=None))
        elif self._form is Format.YAML:
            say(f"---\n{as_yaml(view.raw)}")
        else:
            cells = row(view, now(), wide=self._form is Format.WIDE, namespaces=self._namespaces)
            if deleted:
                cells[-1] = f"{cells[-1]} (deleted)"
            self._print(cells)

    def _print(self, cells: Sequence[str]) -> None:
        padded = [
            f"{cell}{' ' * (size - width(cell))}" for cell, size in zip(cells, self._widths, strict=True)
        ]
        say(GAP.join(padded).rstrip())


async def watch_list(session: Session, filters: Filters, form: Format, *, everywhere: bool) -> None:
    """List tasks, then print each change until the person leaves."""
    feed = _Feed(form, namespaces=everywhere)
    known: dict[str, str] = {}
    begun, failures, since = False, 0, time.monotonic()
    while True:
        try:
            path = evertask_path(None if everywhere else session.namespace)
            views, version = await _present(session, path, filters)
            fresh = [view for view in views if known.get(_uid(view)) != _version(view)]
            known |= {_uid(view): _version(view) for view in fresh}
            if begun:
                for view in fresh:
                    feed.add(view)
            else:
                feed.begin(fresh)
                begun = True
            failures, since = 0, time.monotonic()
            await _feed_changes(session, path, version, filters, feed=feed, known=known)
        except (ApiError, ApiUnavailableError) as error:
            is_over = time.monotonic() - since > WAITING_PATIENCE
            if not begun or is_over or not (worth_a_retry(error) or isinstance(error, ExpiredError)):
                raise
            failures += 1
            await asyncio.sleep(pause(failures, error, luck=random.random()))  # noqa: S311  (keeps no secret)


async def _feed_changes(
    session: Session, path: str, version: str, filters: Filters, *, feed: _Feed, known: dict[str, str]
) -> None:
    async with aclosing(_changes(session, path, version)) as changes:
        async for kind, view in changes:
            # One that does not belong any more is shown once: it has changed.
            was_shown = known.pop(_uid(view), None) is not None
            if filters.match(view) and kind != "DELETED":
                known[_uid(view)] = _version(view)
            elif not was_shown:
                continue
            feed.add(view, deleted=kind == "DELETED")


async def _present(session: Session, path: str, filters: Filters) -> tuple[list[TaskView], str]:
    """List from the first page's version on: a change that comes between two pages is in the watch."""
    views: list[TaskView] = []
    query = {"limit": "250"}
    while True:
        page: dict[str, Any] = await session.objects.call("GET", path, params=query)
        views += [view for view in map(view_of, page["items"]) if filters.match(view)]
        if not (token := page["metadata"].get("continue")):
            return views, page["metadata"]["resourceVersion"]
        query["continue"] = token


async def _changes(session: Session, path: str, version: str) -> AsyncGenerator[tuple[str, TaskView]]:
    params = {"resourceVersion": version}
    async with aclosing(session.connection.watch(path, params=params)) as events:
        async for event in events:
            yield event.type, view_of(event.object)


def _uid(view: TaskView) -> str:
    return str(view.raw["metadata"]["uid"])


def _version(view: TaskView) -> str:
    return str(view.raw["metadata"]["resourceVersion"])
