"""A dispatcher that has joined an in-memory cluster: time passes, and handlers run, when it is told to, or waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast, overload

from evertask.dispatcher import Dispatcher
from evertask.manifests import manifest_of, spec_of
from evertask.testing.connection import InMemoryConnection
from evertask.testing.dispatched import Dispatched
from evertask.views import TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from evertask.manifests import Timing
    from evertask.objects import TaskObjects
    from evertask.options import Options
    from evertask.references import TaskRef
    from evertask.registration import TaskId
    from evertask.tasks import Task
    from evertask.testing.cluster import InMemoryCluster

MAX_RUNS = 1000
"""Runs after which ``run_all`` takes what goes on for endless."""


class JoinedDispatcher(Dispatcher):
    """A dispatcher of an in-memory cluster."""

    def __init__(
        self,
        cluster: InMemoryCluster,
        dispatched: list[Dispatched],
        *,
        namespace: str,
        pod_template: Mapping[str, Any] | None = None,
    ) -> None:
        """Join a cluster.

        Args:
            cluster: whose tasks are dispatched and looked after.
            dispatched: is added to.
            namespace: of the tasks.
            pod_template: as for ``Dispatcher``.
        """
        self._memory = InMemoryConnection(cluster.storage, namespace, settle=cluster.settle)
        super().__init__(namespace=namespace, pod_template=pod_template, connection=self._memory)
        self._is_own = True
        self._cluster = cluster
        self.dispatched = dispatched
        """What was dispatched, in order: by this dispatcher, and by the handlers that it has run."""

    # --- time --------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The present instant of the cluster, in UTC."""
        return self._cluster.clock.now

    async def run_due(self) -> list[TaskView]:
        """Run what is due now; what is dispatched meanwhile to run now, too.

        Returns:
            A view of each run's task, as it was after the run.
        """
        return await self.advance(timedelta(0))

    async def advance(self, by: timedelta) -> list[TaskView]:
        """Let time pass, and run what becomes due at its time. Within a handler: it takes so long.

        Args:
            by: zero or more.

        Returns:
            A view of each run's task, as it was after the run.

        Raises:
            ValueError: ``by`` is negative.
        """
        if by < timedelta(0):
            raise ValueError(f"by={by} is negative; time goes on only")
        return [view_of(task) for task in await self._cluster.run_until(self.now + by)]

    async def run_all(self, max_runs: int = MAX_RUNS) -> list[TaskView]:
        """Run what is due now or later, until nothing is left; time passes as far as that takes.

        Args:
            max_runs: what is left after so many runs is taken for endless.

        Returns:
            A view of each run's task, as it was after the run.

        Raises:
            RuntimeError: something is left, such as a series without an end.
        """
        views: list[TaskView] = []
        while ran := await self._cluster.run_next():
            views += map(view_of, ran)
            if len(views) > max_runs:
                name = views[-1].name
                raise RuntimeError(
                    f"after {max_runs} runs something is still to come (the last was of {name}); give a series an end "
                    "(maxRuns, until), or let time pass by advance()"
                )
        return views

    # --- what differs from a dispatcher of a real cluster ---------------------------------------------------

    async def _objects(self) -> TaskObjects:
        """Give the objects of the cluster in memory: there is nothing to connect to."""
        return self._objects_of(self._memory)

    async def _dispatch(
        self, task: Task, timing: Timing, options: Options, task_key: str | None, task_id: UUID | None
    ) -> TaskId:
        """Dispatch by the cluster's clock, and record it."""
        timing = replace(timing, now=self.now)
        made = await super()._dispatch(task, timing, options, task_key, task_id)
        namespace = (await self._objects()).namespace
        spec = spec_of(task, timing, options, task_key=task_key, pod_template=self._pod_template)
        manifest = manifest_of(spec, made, made.name, namespace, parent=self._parent_in(namespace))
        given = _given(timing) | _given(options) | {"task_key": task_key, "task_id": task_id}
        said = {name: value for name, value in given.items() if value is not None and name != "now"}
        self.dispatched.append(Dispatched(task, said, made, manifest))
        return made

    @overload
    async def wait(  # type: ignore[overload-overlap]  # as in Dispatcher: a text is one name
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
        timeout: timedelta | None = None,  # noqa: ASYNC109  (of the cluster's time)
        *,
        key: str | None = None,
        raise_on_failure: bool = True,
    ) -> TaskView | list[TaskView]:
        """Let time pass, and run what becomes due, until tasks are finished; see ``Dispatcher.wait``.

        Args:
            ref: as for ``Dispatcher.wait``.
            timeout: how much time may pass at most, by the cluster's clock.
            key: as for ``Dispatcher.wait``.
            raise_on_failure: likewise.

        Raises:
            TimeoutError: not all are finished in time; or nothing is left to run, and one is not finished.
        """
        several = list(ref) if isinstance(ref, Iterable) and not isinstance(ref, str) else None
        one = cast("TaskRef | None", ref) if several is None else None
        given: dict[str, Any] = {"ref": one if several is None else several, "key": key}
        # It listens from the beginning: what has expired when the last one ends was seen to end.
        listening = asyncio.ensure_future(self._memory.next_watch())
        waiting = asyncio.ensure_future(super().wait(**given, raise_on_failure=raise_on_failure))
        try:
            await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
            await self._reach_the_end([one] if several is None else several, key, timeout)
            ended: TaskView | list[TaskView] = await waiting
        finally:
            waiting.cancel()
            listening.cancel()
            await asyncio.gather(waiting, listening, return_exceptions=True)
        return ended

    async def _reach_the_end(
        self, refs: Iterable[TaskRef | None], key: str | None, limit: timedelta | None
    ) -> None:
        until = None if limit is None else self.now + limit
        while (view := await self._first_open(refs, key)) is not None:
            if await self._cluster.run_next(until, first=view.uid):
                continue
            if until is None:
                raise TimeoutError(
                    f"task {view.name} is {view.state} ({view.message}), and nothing is left to run that could "
                    "finish it"
                )
            await self.advance(max(until - self.now, timedelta(0)))
            raise TimeoutError(f"task {view.name} has not finished within {limit}; it goes on")

    async def _first_open(self, refs: Iterable[TaskRef | None], key: str | None) -> TaskView | None:
        """Give the first of some tasks that is not finished. One that is not there is no matter of this."""
        for ref in refs:
            view = await self.get(ref, key=key)
            if view is not None and not view.is_finished:
                return view
        return None


def _given(values: Timing | Options) -> dict[str, Any]:
    return {field.name: getattr(values, field.name) for field in fields(values)}
