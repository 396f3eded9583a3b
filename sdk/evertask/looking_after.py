"""Looking tasks up, waiting for them, and taking them back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from evertask.connected import Connected
from evertask.errors import ApiUnavailableError, TaskCancelledError, TaskFailedError
from evertask.manifests import object_name
from evertask.views import CancelOutcome, TaskView, view_of

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID


class LookingAfter(Connected):
    """The part of a dispatcher that looks after tasks."""

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
