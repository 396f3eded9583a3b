"""Handing tasks to the cluster.

Dispatching is safe to repeat: the object's name is the task's id, so that a second creation of the same task finds the
first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from evertask.connected import Connected
from evertask.manifests import Options, manifest_of, unstable_fields

if TYPE_CHECKING:
    from evertask.api.recurrence import Recurrence
    from evertask.recurrence.builder import RecurrenceCallback
    from evertask.tasks import Task


class Dispatching(Connected):
    """The part of a dispatcher that makes tasks."""

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
