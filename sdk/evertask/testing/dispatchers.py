"""``InMemoryDispatcher``: a dispatcher whose cluster is in memory, and whose time passes when it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast, overload

from evertask.children import current_run
from evertask.dispatcher import Dispatcher
from evertask.manifests import manifest_of, spec_of
from evertask.objects import TaskObjects
from evertask.testing.cluster import InMemoryCluster
from evertask.testing.connection import InMemoryConnection
from evertask.testing.dispatched import Dispatched
from evertask.views import TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from evertask.manifests import Options, Timing
    from evertask.references import TaskRef
    from evertask.registration import TaskId
    from evertask.tasks import Task

MAX_RUNS = 1000
"""Runs after which ``run_all`` takes what goes on for endless."""


class InMemoryDispatcher(Dispatcher):
    """Stands in for a ``Dispatcher`` in unit tests of the code that dispatches, and runs handlers inline.

    Its methods do what those of ``Dispatcher`` do. The clock stands still between ``advance`` and ``run_all``; ``wait``
    lets time pass until the task is finished. Handlers run in a thread of this process, one at a time, by the code that
    runs them in a pod.
    """

    def __init__(
        self,
        *,
        namespace: str = "default",
        pod_template: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        handlers: Mapping[str, Any] | None = None,
        provide: Mapping[Any, Any] | None = None,
    ) -> None:
        """Make a dispatcher with an empty cluster of its own.

        Args:
            namespace: of the tasks.
            pod_template: as for ``Dispatcher``.
            now: where the clock begins: an aware instant; the computer's time, cut to the second, when absent.
            handlers: handler classes or functions by path, which run in the place of what the path names; other
                paths are imported.
            provide: what handler classes are made with, by type or by name, in the place of what the ``setup()``
                of their module gives; it is not called then.

        Raises:
            ValueError: ``now`` is naive.
        """
        cluster = InMemoryCluster(now=now, handlers=dict(handlers or {}), provided=provide)
        self._join(cluster, [], namespace=namespace, pod_template=pod_template)
        cluster.dispatchers = {"Dispatcher": self._lent()}

    def _join(
        self,
        cluster: InMemoryCluster,
        dispatched: list[Dispatched],
        *,
        namespace: str,
        pod_template: Mapping[str, Any] | None,
    ) -> None:
        connection = InMemoryConnection(cluster.storage, namespace, settle=cluster.settle)
        super().__init__(namespace=namespace, pod_template=pod_template, connection=connection)
        self._is_own = True
        self._memory, self._cluster = connection, cluster
        self.dispatched = dispatched
        """What was dispatched, in order: by this dispatcher, and by the handlers that it has run."""

    def _lent(self) -> type[InMemoryDispatcher]:
        """Make the class of the dispatchers that handlers' contexts make."""
        cluster, dispatched = self._cluster, self.dispatched

        class LentDispatcher(InMemoryDispatcher):
            """A dispatcher of a handler that runs inline: of the cluster, and of the record, that are there."""

            def __init__(
                self, *, namespace: str = "default", pod_template: Mapping[str, Any] | None = None
            ) -> None:
                self._join(cluster, dispatched, namespace=namespace, pod_template=pod_template)

        return LentDispatcher

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
        run = current_run()
        default = run.namespace if run else self._memory.credentials.namespace
        return TaskObjects(self._memory, self._namespace or default, self._patience)

    async def _dispatch(
        self, task: Task, timing: Timing, options: Options, task_key: str | None, task_id: UUID | None
    ) -> TaskId:
        """Dispatch by the cluster's clock, and record it."""
        timing = replace(timing, now=self.now)
        made = await super()._dispatch(task, timing, options, task_key, task_id)
        run, namespace = current_run(), (await self._objects()).namespace
        spec = spec_of(task, timing, options, task_key=task_key, pod_template=self._pod_template)
        parent = run if run is not None and run.namespace == namespace else None
        manifest = manifest_of(spec, made, made.name, namespace, parent=parent)
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
        limit = None if timeout is None else self.now + timeout
        while (view := await self._first_open([one] if several is None else several, key)) is not None:
            if await self._cluster.run_next(limit, first=view.uid):
                continue
            if limit is None:
                raise TimeoutError(
                    f"task {view.name} is {view.state} ({view.message}), and nothing is left to run that could "
                    "finish it"
                )
            await self.advance(max(limit - self.now, timedelta(0)))
            raise TimeoutError(f"task {view.name} has not finished within {timeout}; it goes on")
        given: dict[str, Any] = {"ref": one if several is None else several, "key": key}
        ended: TaskView | list[TaskView] = await super().wait(**given, raise_on_failure=raise_on_failure)
        return ended

    async def _first_open(self, refs: Iterable[TaskRef | None], key: str | None) -> TaskView | None:
        """Give the first of some tasks that is not finished. One that is not there is no matter of this."""
        for ref in refs:
            view = await self.get(ref, key=key)
            if view is not None and not view.is_finished:
                return view
        return None


def _given(values: Timing | Options) -> dict[str, Any]:
    return {field.name: getattr(values, field.name) for field in fields(values)}
