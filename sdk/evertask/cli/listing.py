"""Tasks of a namespace, or of all: read page by page, chosen as the person asked.

What the API server can select (one state, a queue, a key, the parents) it selects; the rest is chosen here, and a list
is filled by reading on. The Dispatcher's query is for one namespace; a person also asks for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import DEFAULT_QUEUE, LABEL_PARENT_UID, State
from evertask.cli.rows import queue_of, spec_of
from evertask.connection.paths import evertask_path
from evertask.views import view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from datetime import datetime

    from evertask.cli.sessions import Session
    from evertask.views import TaskView

PAGE = 250
"""Objects of one request: a page of large ones must not fill the memory."""

UIDS = 40
"""Parents of one request: a selector is part of the URL, whose length is bounded."""


@dataclass(frozen=True)
class Choice:
    """Which tasks are meant; what is empty does not choose."""

    states: frozenset[State] = frozenset()
    queue: str | None = None
    handler: str | None = None
    key: str | None = None
    created_after: datetime | None = None

    def selector(self) -> dict[str, str]:
        """Give the part that the API server selects by, as a query."""
        fields: dict[str, str] = {}
        if len(self.states) == 1:
            (state,) = self.states
            # A task that no operator has seen has no state yet, and counts as Pending.
            fields |= {"status.state": str(state)} if state is not State.PENDING else {}
        if self.queue is not None and self.queue != DEFAULT_QUEUE:
            fields["spec.queue"] = self.queue
        if self.key is not None:
            fields["spec.taskKey"] = self.key
        text = ",".join(f"{name}={_escaped(value)}" for name, value in fields.items())
        return {"fieldSelector": text} if text else {}

    def takes(self, view: TaskView) -> bool:
        """Tell whether a task is meant."""
        return (
            (not self.states or view.state in self.states)
            and (self.queue is None or queue_of(view) == self.queue)
            and (self.handler is None or self.handler == view.handler)
            and (self.key is None or spec_of(view).get("taskKey") == self.key)
            and (self.created_after is None or view.created >= self.created_after)
        )


@dataclass(frozen=True)
class Listed:
    """An answer."""

    views: list[TaskView]
    is_cut: bool = False
    """There are more than were asked for."""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


async def listed(
    session: Session, choice: Choice, *, namespace: str | None, limit: int | None = None
) -> Listed:
    """List tasks in the order of their names.

    Args:
        session: the cluster.
        choice: which ones.
        namespace: None for all.
        limit: how many at most; None for no bound.
    """
    views: list[TaskView] = []
    async for view in _read(session, namespace, choice.selector()):
        if not choice.takes(view):
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
