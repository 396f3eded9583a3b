"""Following what happens to tasks, as events: what came, changed, and went.

Through a gap nothing is told twice and no end is missed: what is listed after it is compared with what was told before.
A state that came and went within a gap is not told, and of a task that was deleted in it the last that was seen is.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from evertask.connected import Connected
from evertask.following import Snapshot, follow
from evertask.queries import filters_for
from evertask.views import TaskEvent, TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from typing import Any

    from evertask.api.protocol import State
    from evertask.connection.watches import WatchEvent
    from evertask.filters import Filters
    from evertask.references import TaskRef


class Told:
    """The tasks that were told of, as they were told. Pure."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._views: dict[str, TaskView] = {}

    def compare(self, items: Iterable[Mapping[str, Any]]) -> list[TaskEvent]:
        """Say what has happened, from all that is there now."""
        now = {item["metadata"]["name"]: item for item in items}
        gone = [name for name in self._views if name not in now]
        events = [TaskEvent("removed", self._views.pop(name)) for name in gone]
        for item in now.values():
            events += self._seen(item)
        return events

    def take(self, event: WatchEvent) -> list[TaskEvent]:
        """Say what has happened, from an event of the API server."""
        if event.type != "DELETED":
            return self._seen(event.object)
        known = self._views.pop(event.object["metadata"]["name"], None)
        if known is None:
            return []
        last = view_of(event.object)
        # Its last state, unless that is the one in which it was not selected any more.
        return [TaskEvent("removed", last if self._filters.match(last) else known)]

    def _seen(self, item: Mapping[str, Any]) -> list[TaskEvent]:
        metadata = item["metadata"]
        known = self._views.get(metadata["name"])
        if known is not None:
            told = known.raw["metadata"]
            if told["resourceVersion"] == metadata["resourceVersion"]:
                return []
            if told["uid"] != metadata["uid"]:  # deleted, and made again
                del self._views[known.name]
                return [TaskEvent("removed", known), *self._seen(item)]
        view = view_of(item)
        if self._filters.match(view):
            self._views[view.name] = view
            return [TaskEvent("added" if known is None else "changed", view)]
        if known is None:
            return []
        del self._views[view.name]
        return [TaskEvent("removed", known)]


class Watching(Connected):
    """The part of a dispatcher that tells what happens to tasks."""

    async def watch(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
    ) -> AsyncGenerator[TaskEvent]:
        """Follow tasks for as long as you listen, across restarts of the API server.

        It begins with what is there (``added``). A task that is not selected any more, because its state is another
        one, is ``removed``. Memory holds the newest view of each selected task.

        Wrap it in ``contextlib.aclosing`` where it may be left early.

        Args:
            state: this and the others as for ``query``.
            queue: likewise.
            handler: likewise.
            key: likewise.
            parent: likewise.

        Raises:
            ValueError: an argument cannot be used; the message names it.
            TaskNotFoundError: there is no parent of that name.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for longer than ``patience``.
        """
        objects = await self._objects()
        filters = await filters_for(objects, parent, state=state, queue=queue, handler=handler, key=key)
        told = Told(filters)
        async with aclosing(follow(objects, filters.selection)) as news:
            async for one in news:
                events = told.compare(one.items) if isinstance(one, Snapshot) else told.take(one)
                for event in events:
                    yield event
