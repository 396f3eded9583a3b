"""Handing tasks to the cluster: one creation each, or one compare-and-set update of what is there under a key.

Dispatching is safe to repeat: the object's name follows from the task's id or key, so that a second creation of the
same task finds the first. So a lost answer, a conflict, and a restart of the API server are met the same way: look
again, decide again. A call that is given up has written all of its object, or nothing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from evertask.api.keys import key_id, key_name, task_name
from evertask.children import current_run
from evertask.connected import Connected
from evertask.errors import Cause, DispatchRefusedError
from evertask.manifests import Timing, manifest_of, spec_of, unstable_fields
from evertask.options import Options
from evertask.registration import Registration, TaskId, Wanted
from evertask.writes import create, register

if TYPE_CHECKING:
    from evertask.api.recurrence import Recurrence
    from evertask.children import RunScope
    from evertask.objects import TaskObjects
    from evertask.recurrence.builder import RecurrenceCallback
    from evertask.retries import Retry
    from evertask.tasks import Audit, Interruption, Task

Json = dict[str, Any]

_ANOTHER_ID = "use another task_id, or none"
_SAME_CHILD = (
    "a run that is launched again dispatches the same children: take options that do not change between launches, "
    "or give a task_id"
)


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
        task_key: str | None = None,
        queue: str | None = None,
        audit_level: Audit | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109  (the task's, not this call's)
        run_timeout: timedelta | None = None,
        retry: Retry | None = None,
        grace_period: timedelta | None = None,
        start_deadline: timedelta | None = None,
        on_interruption: Interruption | None = None,
        max_interruptions: int | None = None,
        fence_after: timedelta | None = None,
        ttl_after_finished: timedelta | None = None,
        task_id: UUID | None = None,
        deadline: timedelta | None = None,
    ) -> TaskId:
        """Hand a task to the cluster, to run now, later, or again and again; the answer is its id.

        Inside a run the task is a child of that run: it is dispatched once, however often the run is launched.

        Args:
            task: the payload.
            delay: from now; zero or less is now.
            at: an aware instant; one in the past is now.
            recurring: cron expression, interval, ``Recurrence`` or builder callback. One of these three at most.
            task_key: of your choice, 1 to 200 characters: there is one task of a key, and to dispatch under it
                again is to register that task anew. ``TaskId.outcome`` says what became of it.
            queue: this and the next ten go before the attributes of the task class, which go before those of
                the handler class; see ``Task``.
            audit_level: likewise.
            timeout: likewise.
            run_timeout: likewise.
            retry: likewise, as a whole; without ``when``.
            grace_period: likewise.
            start_deadline: likewise.
            on_interruption: likewise.
            max_interruptions: likewise.
            fence_after: likewise.
            ttl_after_finished: likewise.
            task_id: your own id; the same task under it again changes nothing while the first is kept. Not
                together with a key, from which the id follows.
            deadline: of this call, not of the task; by default it takes as long as ``patience`` allows.

        Raises:
            DispatchRefusedError: the task cannot be dispatched as it is; nothing was created or changed.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, no EverTask in it, or no usable handler.
            ApiUnavailableError: the API server was away for too long. The task may have been created: only with
                a ``task_key`` or a ``task_id`` of your own, or inside a run, can the dispatch be repeated.
            TimeoutError: the deadline is over; otherwise as for ``ApiUnavailableError``.
        """
        timing = Timing(datetime.now(UTC), delay, at, recurring)
        options = Options(
            queue=queue,
            audit_level=audit_level,
            timeout=timeout,
            run_timeout=run_timeout,
            retry=retry,
            grace_period=grace_period,
            start_deadline=start_deadline,
            on_interruption=on_interruption,
            max_interruptions=max_interruptions,
            fence_after=fence_after,
            ttl_after_finished=ttl_after_finished,
        )
        try:
            async with asyncio.timeout(None if deadline is None else deadline.total_seconds()):
                return await self._dispatch(task, timing, options, task_key, task_id)
        except TimeoutError as error:
            raise TimeoutError(
                f"no answer to the dispatch of {type(task).__qualname__} within {deadline}; the task may have been "
                "created: repeat the dispatch only under a task_key or a task_id"
            ) from error

    async def _dispatch(
        self, task: Task, timing: Timing, options: Options, task_key: str | None, task_id: UUID | None
    ) -> TaskId:
        spec = spec_of(task, timing, options, task_key=task_key, pod_template=self._pod_template)
        if task_key is not None and task_id is not None:
            message = (
                "task_key and task_id are given together; leave task_id out, the id follows from the key"
            )
            raise DispatchRefusedError(message, causes=[Cause("task_id", message)])
        objects = await self._objects()
        parent = self._parent_in(objects.namespace)
        if task_key is not None:
            made = await self._register(objects, spec, timing, parent)
        else:
            made = await self._create(objects, spec, timing, parent, task_id)
        if parent is not None and (task_key is None or made.outcome is Registration.CREATED):
            parent.dispatched(made.name)
        return made

    async def _create(
        self, objects: TaskObjects, spec: Json, timing: Timing, parent: RunScope | None, task_id: UUID | None
    ) -> TaskId:
        run, child = current_run(), None
        if run is not None and task_id is None:
            child = run.child(spec["handler"], spec.get("payload") or {}, timing.said(spec))
        made = task_id or (child.id if child else uuid4())
        name = task_name(made)
        try:
            outcome = await create(
                objects,
                manifest_of(spec, made, name, objects.namespace, parent=parent),
                ignoring=unstable_fields(timing),
                remedy=_SAME_CHILD if child else _ANOTHER_ID,
            )
        except BaseException:
            if run is not None and child is not None:
                run.give_back(child)
            raise
        # An id that nobody else can have: what is there is ours, and only the answer was lost.
        is_ours = task_id is None and child is None
        return TaskId(made, name=name, outcome=Registration.CREATED if is_ours else outcome)

    async def _register(
        self, objects: TaskObjects, spec: Json, timing: Timing, parent: RunScope | None
    ) -> TaskId:
        namespace, key = objects.namespace, spec["taskKey"]
        task_id, name = key_id(namespace, key), key_name(namespace, key)
        manifest = manifest_of(spec, task_id, name, namespace, parent=parent)
        # A template that is only inherited shapes the pods of a new task, not those of one that is there.
        inherited = manifest["spec"].keys() - spec.keys()
        outcome = await register(
            objects, Wanted(manifest, timing.run_at, frozenset(inherited)), self._patience
        )
        return TaskId(task_id, name=name, outcome=outcome)
