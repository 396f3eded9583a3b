"""Waiting for the end of tasks: one watch, however many they are.

Each task is looked up once; those that go on are followed together until the last is over. What is gone from the
cluster has no end to give: that is an error, and like a failure it is raised when the others are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast, overload

from evertask.api.protocol import LABEL_TASK_ID, State
from evertask.connected import Connected
from evertask.errors import EverTaskError, TaskCancelledError, TaskFailedError, TaskNotFoundError
from evertask.following import Snapshot, follow
from evertask.objects import Selection
from evertask.references import Reference, reference_of
from evertask.views import TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from evertask.connection.watches import WatchEvent
    from evertask.objects import TaskObjects
    from evertask.references import TaskRef

LOOKUPS = 16
"""Look-ups at a time."""

LABELS = 100
"""Ids that one label selector may name: 4 KiB of a URL. More tasks are watched among all of the namespace."""

NAMES = 10
"""Names in the message of an error."""


class Waiting(Connected):
    """The part of a dispatcher that waits for tasks."""

    @overload
    async def wait(  # type: ignore[overload-overlap]  # a text is one name, and no iterable of names
        self,
        ref: TaskRef,
        timeout: timedelta | None = None,  # noqa: ASYNC109
        *,
        raise_on_failure: bool = True,
    ) -> TaskView: ...

    @overload
    async def wait(
        self,
        ref: None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109
        *,
        key: str,
        raise_on_failure: bool = True,
    ) -> TaskView: ...

    @overload
    async def wait(
        self,
        ref: Iterable[TaskRef],
        timeout: timedelta | None = None,  # noqa: ASYNC109
        *,
        raise_on_failure: bool = True,
    ) -> list[TaskView]: ...

    async def wait(
        self,
        ref: TaskRef | Iterable[TaskRef] | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109  (part of the error message)
        *,
        key: str | None = None,
        raise_on_failure: bool = True,
    ) -> TaskView | list[TaskView]:
        """Wait until a task, or each of several, is finished, across restarts of the API server.

        A series is finished when its last run is over.

        Args:
            ref: of ``dispatch``, or the name of the task's object; or several of these, for a list of views in their
                order.
            timeout: how long at most; None waits for ever.
            key: of the task, instead of ``ref``.
            raise_on_failure: False gives the view of a failed or cancelled task too.

        Raises:
            TaskFailedError: it ended as Failed; the error has the handler's. Of several the first one's is raised,
                when all are over; its ``__notes__`` name the others.
            TaskCancelledError: it ended as Cancelled; likewise.
            TaskNotFoundError: there is no such task, or it was deleted before it finished.
            TimeoutError: it was not finished in time, and goes on all the same. Of several the message says which.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for longer than ``patience``.
        """
        several = ref if isinstance(ref, Iterable) and not isinstance(ref, str) else None
        refs = [cast("TaskRef | None", ref)] if several is None else list(several)
        end: _End | None = None
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                objects = await self._objects()
                end = _End(objects, [reference_of(objects.namespace, one, key) for one in refs])
                await end.reach()
        except TimeoutError as error:
            who = end.describe_open() if end else "what was to be waited for has"
            raise TimeoutError(
                f"{who} not finished within {timeout}; {'it goes' if several is None else 'they go'} on"
            ) from error
        views = end.views(raise_on_failure=raise_on_failure)
        return views[0] if several is None else views


class _End:
    """The ends of some tasks, as far as they are known."""

    def __init__(self, objects: TaskObjects, references: Sequence[Reference]) -> None:
        self._objects, self._references = objects, references
        self._names: list[str] = []
        """Of the tasks, in the order of the references."""
        self._open: dict[str, TaskView] = {}
        """By name: those that are not over, as they were last seen."""
        self._ends: dict[str, TaskView | TaskNotFoundError] = {}

    async def reach(self) -> None:
        """Come back when all are over.

        Raises:
            TaskNotFoundError: one is not there now.
        """
        views = [view_of(found) for found in await self._look_up()]
        self._names = [view.name for view in views]
        self._open = {view.name: view for view in views}
        for view in views:
            self._seen(view)
        if not self._open:
            return
        async with aclosing(follow(self._objects, _selection(list(self._open.values())))) as news:
            async for one in news:
                if isinstance(one, Snapshot):
                    self._compare(one.items)
                else:
                    self._take(one)
                if not self._open:
                    return

    async def _look_up(self) -> list[dict[str, Any]]:
        room = asyncio.Semaphore(LOOKUPS)

        async def get(reference: Reference) -> dict[str, Any]:
            async with room:
                return await self._objects.get(reference)

        tasks = [asyncio.create_task(get(reference)) for reference in self._references]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _seen(self, view: TaskView) -> None:
        known = self._open.get(view.name)
        if known is None:
            return
        if known.uid != view.uid:
            self._gone(known)
        elif view.is_finished:
            self._ends[view.name] = view
            del self._open[view.name]
        else:
            self._open[view.name] = view

    def _compare(self, items: Iterable[Mapping[str, Any]]) -> None:
        now = {item["metadata"]["name"]: item for item in items}
        for name, known in list(self._open.items()):
            if name in now:
                self._seen(view_of(now[name]))
            else:
                self._gone(known)

    def _take(self, event: WatchEvent) -> None:
        if event.object["metadata"]["name"] not in self._open:
            return
        view = view_of(event.object)
        self._seen(view)  # also the last state of one that expires at once
        if event.type == "DELETED" and (known := self._open.get(view.name)) is not None:
            self._gone(known)

    def _gone(self, known: TaskView) -> None:
        self._ends[known.name] = TaskNotFoundError(
            f"task {known.name} was deleted in the state {known.state}, or later while nothing could be seen of it"
        )
        del self._open[known.name]

    def describe_open(self) -> str:
        """Say which are not over, for the middle of a sentence."""
        if len(self._references) == 1:
            return f"{self._references[0].said} has"
        said = [one.said.removeprefix("task ") for one in self._references]
        pairs = zip(said, self._names, strict=False)
        still = [one for one, name in pairs if name in self._open] if self._names else said
        return f"{len(still)} of {len(self._references)} tasks ({_some(still)}) have"

    def views(self, *, raise_on_failure: bool) -> list[TaskView]:
        """Give the ends in the order of the references.

        Raises:
            EverTaskError: the first one's that has no end to give, or (``raise_on_failure``) was no success.
        """
        each_once = [self._ends[name] for name in dict.fromkeys(self._names)]
        bad = [
            error
            for end in each_once
            if (error := _error(end, raise_on_failure=raise_on_failure)) is not None
        ]
        if bad:
            if len(bad) > 1:
                bad[0].add_note(f"{len(bad) - 1} more: {'; '.join(map(str, bad[1 : NAMES + 1]))}")
            raise bad[0]
        ends = [self._ends[name] for name in self._names]
        return [end for end in ends if isinstance(end, TaskView)]


def _selection(views: Sequence[TaskView]) -> Selection:
    """Select some tasks, as narrowly as the API server can."""
    if len(views) == 1:
        return Selection(fields=f"metadata.name={views[0].name}")
    if len(views) <= LABELS and all(view.id is not None for view in views):
        return Selection(labels=f"{LABEL_TASK_ID} in ({','.join(str(view.id) for view in views)})")
    return Selection()


def _error(end: TaskView | TaskNotFoundError, *, raise_on_failure: bool) -> EverTaskError | None:
    if isinstance(end, TaskNotFoundError):
        return end
    if raise_on_failure and end.state is State.FAILED:
        return TaskFailedError(end)
    if raise_on_failure and end.state is State.CANCELLED:
        return TaskCancelledError(end)
    return None


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES])
    return shown if len(names) <= NAMES else f"{shown} and {len(names) - NAMES} more"
