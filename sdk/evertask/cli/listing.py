"""Tasks of a namespace, or of all: read page by page, chosen as the person asked.

What the API server can select (one state, a queue, a key, the parents) it selects; the rest is chosen here, and a list
is filled by reading on. The Dispatcher's query is for one namespace; a person also asks for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import LABEL_PARENT_UID
from evertask.connection.paths import evertask_path
from evertask.views import view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from evertask.cli.sessions import Session
    from evertask.filters import Filters
    from evertask.views import TaskView

PAGE = 250
"""Objects of one request: a page of large ones must not fill the memory."""

UIDS = 40
"""Parents of one request: a selector is part of the URL, whose length is bounded."""


@dataclass(frozen=True)
class Listed:
    """An answer."""

    views: list[TaskView]
    is_cut: bool = False
    """There are more than were asked for."""


async def listed(
    session: Session, filters: Filters, *, namespace: str | None, limit: int | None = None
) -> Listed:
    """List tasks in the order of their names.

    Args:
        session: the cluster.
        filters: which ones.
        namespace: None for all.
        limit: how many at most; None for no bound.
    """
    views: list[TaskView] = []
    async for view in _read(session, namespace, filters.selection.params):
        if not filters.match(view):
            continue
        if limit is not None and len(views) >= limit:
            return Listed(views, is_cut=True)
        views.append(view)
    return Listed(views)


async def children_of(session: Session, uids: Sequence[str], limit: int) -> list[TaskView]:
    """List the tasks that were dispatched by the tasks of these UIDs, in the session's namespace."""
    views: list[TaskView] = []
    for start in range(0, len(uids), UIDS):
        selector = {"labelSelector": f"{LABEL_PARENT_UID} in ({','.join(uids[start : start + UIDS])})"}
        async for view in _read(session, session.namespace, selector):
            if len(views) >= limit:
                return views
            views.append(view)
    return views


async def _read(
    session: Session, namespace: str | None, selector: Mapping[str, str]
) -> AsyncGenerator[TaskView]:
    query: dict[str, str] = {**selector, "limit": str(PAGE)}
    while True:
        page: dict[str, Any] = await session.objects.call("GET", evertask_path(namespace), params=query)
        for item in page["items"]:
            yield view_of(item)
        token = page["metadata"].get("continue")
        if not token:
            return
        query = {**query, "continue": token}
