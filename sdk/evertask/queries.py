"""Finding tasks: pages in the order of the names, which together hold each task once.

A page may end in the middle of what the API server answered, because some of that is sifted here. So the token for
the next page says with which token of the API server the chunk is read again, and the name after which the page begins.
The name is what makes it last: where the API server has forgotten its own token (after minutes), the list is read from
its beginning, up to that name without a look.
"""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.connected import Connected
from evertask.errors import ExpiredError
from evertask.filters import filters_of
from evertask.objects import CHUNK
from evertask.references import reference_of
from evertask.views import Page, TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from datetime import datetime
    from typing import Unpack

    from evertask.api.protocol import State
    from evertask.filters import Asked, Filters
    from evertask.objects import TaskObjects
    from evertask.references import Reference, TaskRef

LIMIT = 100
"""Tasks of a page."""

_VERSION = 1
"""Of the form of a token."""


class Position(NamedTuple):
    """Where a page begins."""

    chunk: str = ""
    """The API server's token of the chunk; empty for the first."""
    after: str = ""
    """Name of the task before."""


def write_token(position: Position, digest: str) -> str:
    """Write a position as text that callers keep.

    Args:
        position: where the next page begins.
        digest: of the query.
    """
    text = json.dumps([_VERSION, digest, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(token: str, digest: str) -> Position:
    """Read a position that a caller has kept.

    Raises:
        ValueError: it is no such token, or belongs to another query.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        version, of_query, chunk, after = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError, binascii.Error):
        version = of_query = chunk = after = None
    if version != _VERSION or not isinstance(chunk, str) or not isinstance(after, str):
        raise ValueError(
            f"continue_token={token!r} is none that a Page gave; leave it out for the first page"
        )
    if of_query != digest:
        raise ValueError(
            "continue_token belongs to a query with other filters, or in another namespace; give it to the same query"
        )
    return Position(chunk, after)


@dataclass(frozen=True)
class _Read:
    """What was found in one answer of the API server."""

    chunk: str
    """The API server's token that gave it."""
    found: list[TaskView]
    last: str
    """Name of its last task, found or not."""
    following: str
    """The API server's token of the next; empty at the end."""


async def _read(objects: TaskObjects, filters: Filters, start: Position, size: int) -> AsyncGenerator[_Read]:
    """Read on from a position to the end."""
    chunk, after = start
    while True:
        try:
            answer = await objects.chunk(filters.selection, limit=size, token=chunk)
        except ExpiredError:
            chunk = ""  # what is before `after` is passed over again
            continue
        fresh = [item for item in answer.items if item["metadata"]["name"] > after]
        found = [view for view in map(view_of, fresh) if filters.match(view)]
        after = max([after, *(item["metadata"]["name"] for item in fresh[-1:])])
        yield _Read(chunk, found, after, answer.following)
        if not answer.following:
            return
        chunk = answer.following


async def parent_uid(objects: TaskObjects, reference: Reference) -> str:
    """Find a parent's uid in the cluster, by which its children are labelled.

    Args:
        objects: of the namespace.
        reference: of the parent; one that is gone is known by its uid alone.

    Raises:
        TaskNotFoundError: there is no task of that name or key.
    """
    found = await objects.find(reference)
    if found is not None:
        return str(found["metadata"]["uid"])
    if reference.id is not None:
        return str(reference.id)
    raise objects.missing(reference)


async def filters_for(objects: TaskObjects, parent: TaskRef | None, **asked: Unpack[Asked]) -> Filters:
    """Check what a caller asks for, and look for the parent."""
    filters = filters_of(**asked)
    if parent is None:
        return filters
    return replace(filters, parent_uid=await parent_uid(objects, reference_of(objects.namespace, parent)))


class Querying(Connected):
    """The part of a dispatcher that finds tasks."""

    async def query(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
        created_after: datetime | None = None,
        limit: int = LIMIT,
        continue_token: str | None = None,
    ) -> Page:
        """Find tasks, a page at a time, in the order of the names of their objects.

        A page is full unless it is the last. A task that is there all the time is on exactly one page.

        Args:
            state: one, or any of several.
            queue: by name; ``default`` is also that of tasks that name none.
            handler: path ``module:attribute``, or the class. It is sifted here, as ``created_after`` is: a rare one
                among many tasks means reading many.
            key: of the task.
            parent: id or name of the task whose run dispatched them, or its uid (``TaskView.parent``) when it is
                gone.
            created_after: an aware instant; creation is known to the second.
            limit: tasks of the page, from 1.
            continue_token: of the page before, from the same query; ``limit`` and ``created_after`` may differ.

        Raises:
            ValueError: an argument cannot be used; the message names it.
            TaskNotFoundError: there is no parent of that name.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; give the number of tasks of a page, 1 or more")
        objects = await self._objects()
        filters = await filters_for(
            objects, parent, state=state, queue=queue, handler=handler, key=key, created_after=created_after
        )
        digest = filters.digest(objects.namespace)
        start = Position() if continue_token is None else read_token(continue_token, digest)
        items, following = await _page(objects, filters, start, limit)
        return Page(tuple(items), None if following is None else write_token(following, digest))

    async def query_all(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
        created_after: datetime | None = None,
    ) -> AsyncGenerator[TaskView]:
        """Find tasks, however many they are, each as the list comes to it; memory holds one answer at a time.

        Args:
            state: this and the others as for ``query``.
            queue: likewise.
            handler: likewise.
            key: likewise.
            parent: likewise.
            created_after: likewise.

        Raises:
            ValueError: as ``query``, and its other errors.
        """
        objects = await self._objects()
        filters = await filters_for(
            objects, parent, state=state, queue=queue, handler=handler, key=key, created_after=created_after
        )
        async with aclosing(_read(objects, filters, Position(), CHUNK)) as answers:
            async for answer in answers:
                for view in answer.found:
                    yield view


async def _page(
    objects: TaskObjects, filters: Filters, start: Position, limit: int
) -> tuple[list[TaskView], Position | None]:
    """Read until a page is full; None where nothing is left."""
    items: list[TaskView] = []
    size = CHUNK if filters.is_sifting else min(limit, CHUNK)
    async with aclosing(_read(objects, filters, start, size)) as answers:
        async for answer in answers:
            room = limit - len(items)
            items += answer.found[:room]
            if len(answer.found) > room:
                return items, Position(answer.chunk, items[-1].name)
            if len(items) == limit and answer.following:
                return items, Position(answer.following, answer.last)
    return items, None


def by_age(view: TaskView) -> tuple[Any, str]:
    """Sort by creation, and by name within its second."""
    return view.created, view.name
