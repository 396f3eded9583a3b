"""``Dispatcher``: how an application hands tasks to the cluster, looks after them and takes them back.

Each call is one or two requests to the API server; nothing is kept here. While the API server is away a call
tries again for ``patience``. Dispatching is safe to repeat: the object's name is the task's id, so that a
second creation of the same task finds the first.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from evertask.api.protocol import State
from evertask.connection.credentials import load_credentials
from evertask.connection.http import Connection
from evertask.errors import ApiUnavailableError, ConfigurationError, TaskCancelledError, TaskFailedError
from evertask.manifests import Options, manifest_of, object_name, unstable_fields
from evertask.objects import TaskObjects
from evertask.views import CancelOutcome, TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from evertask.api.recurrence import Recurrence
    from evertask.recurrence.builder import RecurrenceCallback
    from evertask.tasks import Task

PATIENCE = timedelta(seconds=60)
"""Longer than the restart of a control plane, shorter than what a request of a web application may take."""


class Dispatcher:
    """Hands tasks to one namespace of one cluster; for one event loop.

    Use it as an async context manager, or call ``aclose`` at the end. It connects at the first call. Safe to
    share between the asyncio tasks of an application; one is enough.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        pod_template: Mapping[str, Any] | None = None,
        kubeconfig: str | None = None,
        context: str | None = None,
        connection: Connection | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Say where to; nothing is read or sent yet.

        Args:
            namespace: of the tasks. Default: the pod's own, or the kubeconfig context's.
            pod_template: ``spec.podTemplate`` of each task; goes before the task class's.
            kubeconfig: path; see ``evertask.connection.load_credentials``.
            context: of the kubeconfig.
            connection: use this one; it is not closed with the dispatcher.
            patience: how long a call goes on trying while the API server is away.

        Raises:
            ConfigurationError: a connection and a kubeconfig or context are given together.
        """
        if connection is not None and (kubeconfig or context):
            raise ConfigurationError("connection= knows its cluster; leave out kubeconfig= and context=")
        self._namespace = namespace
        self._pod_template = pod_template
        self._kubeconfig, self._context = kubeconfig, context
        self._connection = connection
        self._is_own = connection is None
        self._patience = patience.total_seconds()
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._objects()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection. Calls after it raise ``ConfigurationError``."""
        if self._connection is not None and self._is_own:
            await self._connection.aclose()

    async def dispatch(
        self,
        task: Task,
        *,
        delay: timedelta | None = None,
        at: datetime | None = None,
        # Not `Recurring | None`: to mypy a lambda is no part of a union within a union.
        recurring: str | timedelta | Recurrence | RecurrenceCallback | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109  (the task's, not this call's)
        grace_period: timedelta | None = None,
        start_deadline: timedelta | None = None,
        on_interruption: Literal["Relaunch", "Fail"] | None = None,
        ttl_after_finished: timedelta | None = None,
        task_id: UUID | None = None,
    ) -> UUID:
        """Hand a task to the cluster, to run now, later, or again and again; the answer is its id.

        Args:
            task: the payload.
            delay: from now; zero or less is now.
            at: an aware instant; one in the past is now.
            recurring: cron expression, interval, ``Recurrence`` or builder callback. One of these three at most.
            timeout: this and the next four go before the attributes of the task class; see ``Task``.
            grace_period: likewise.
            start_deadline: likewise.
            on_interruption: likewise.
            ttl_after_finished: likewise.
            task_id: your own id; the same task under it again changes nothing while the first is kept.

        Raises:
            DispatchRefusedError: the task cannot be dispatched as it is; nothing was created.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, no EverTask in it, or no usable handler.
            ApiUnavailableError: the API server was away for too long. The task may have been created: only with
                a ``task_id`` of your own can the dispatch be repeated.
        """
        objects = await self._objects()
        manifest = manifest_of(
            task,
            task_id := task_id or uuid4(),
            objects.namespace,
            now=datetime.now(UTC),
            delay=delay,
            at=at,
            recurring=recurring,
            options=Options(timeout, grace_period, start_deadline, on_interruption, ttl_after_finished),
            pod_template=self._pod_template,
        )
        await objects.create(manifest, ignoring=unstable_fields(delay))
        return task_id

    async def get(self, task_id: UUID) -> TaskView | None:
        """Look a task up; None where there is none (any more).

        Raises:
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long.
        """
        found = await (await self._objects()).read(object_name(task_id))
        return None if found is None else view_of(found)

    async def wait(
        self,
        task_id: UUID,
        timeout: timedelta | None = None,  # noqa: ASYNC109  (part of the error message)
        *,
        raise_on_failure: bool = True,
    ) -> TaskView:
        """Wait until a task is finished, across restarts of the API server. A series is so when its last run is over.

        Args:
            task_id: of ``dispatch``.
            timeout: how long at most; None waits for ever.
            raise_on_failure: False gives the view of a failed or cancelled task too.

        Raises:
            TaskFailedError: it ended as Failed; the error has the handler's.
            TaskCancelledError: it ended as Cancelled.
            TaskNotFoundError: there is no such task, or it was deleted before it finished.
            TimeoutError: it was not finished in time; it goes on all the same.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for longer than ``patience``.
        """
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                view = await (await self._objects()).finished(object_name(task_id))
        except TimeoutError as error:
            raise TimeoutError(f"task {task_id} has not finished within {timeout}; it goes on") from error
        if raise_on_failure and view.state is State.FAILED:
            raise TaskFailedError(view)
        if raise_on_failure and view.state is State.CANCELLED:
            raise TaskCancelledError(view)
        return view

    async def cancel(self, task_id: UUID) -> CancelOutcome:
        """Ask to end a task. It answers at once; ``wait`` for the end.

        Returns:
            What was found and done; see ``CancelOutcome``. A finished task is never changed.

        Raises:
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long, or the task changed at each try.
        """
        objects = await self._objects()
        deadline = time.monotonic() + self._patience
        while True:
            found = await objects.read(object_name(task_id))
            if found is None:
                return CancelOutcome.NOT_FOUND
            view = view_of(found)
            if view.is_finished:
                is_cancelled = view.state is State.CANCELLED
                return CancelOutcome.CANCELLED if is_cancelled else CancelOutcome.ALREADY_FINISHED
            if found["spec"].get("cancel") or await objects.request_cancel(found):
                return CancelOutcome.REQUESTED
            if time.monotonic() > deadline:
                raise ApiUnavailableError(f"task {task_id} changed each time that its cancellation was tried")

    async def _objects(self) -> TaskObjects:
        """Connect, once."""
        async with self._connecting:
            if self._connection is None:
                credentials = await load_credentials(kubeconfig=self._kubeconfig, context=self._context)
                self._connection = Connection(credentials)
        namespace = self._namespace or self._connection.credentials.namespace
        return TaskObjects(self._connection, namespace, self._patience)
