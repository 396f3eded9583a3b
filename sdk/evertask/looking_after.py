"""Looking tasks up, and changing what becomes of them: each is changed as it was read, or else read again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from evertask.api.protocol import LABEL_PARENT_UID, State
from evertask.errors import ApiError, ApiUnavailableError, Cause, DispatchRefusedError, PermissionDeniedError
from evertask.objects import Selection
from evertask.queries import Querying, by_age, parent_uid
from evertask.references import reference_of
from evertask.views import CancelOutcome, TaskView, view_of
from evertask.waiting import Waiting
from evertask.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask.objects import TaskObjects
    from evertask.references import Reference, TaskRef

TOKEN_LIMIT = 64
"""Characters of ``spec.runNow``."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Change(Generic[T]):
    """A field of a spec that is to be set, where that is still needed."""

    field: str
    value: Any
    done: T
    """The answer when it was set."""
    settled: Callable[[Mapping[str, Any], int], T | None]
    """Says of an object, and of the tries before, what the answer is where nothing is to be set; None: it is."""


class LookingAfter(Querying, Watching, Waiting):
    """The part of a dispatcher that looks after tasks."""

    async def get(self, ref: TaskRef | None = None, *, key: str | None = None) -> TaskView | None:
        """Look a task up; None where there is none (any more).

        Args:
            ref: of ``dispatch``, or the name of the task's object. An id that was kept as text does as well.
            key: of the task, instead.

        Raises:
            ValueError: there cannot be a task of that name or key.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long.
        """
        objects = await self._objects()
        found = await objects.find(reference_of(objects.namespace, ref, key))
        return None if found is None else view_of(found)

    async def cancel(self, ref: TaskRef | None = None, *, key: str | None = None) -> CancelOutcome:
        """Ask to end a task. It answers at once; ``wait`` for the end.

        Args:
            ref: as for ``get``.
            key: likewise.

        Returns:
            What was found and done; see ``CancelOutcome``. A finished task is never changed.

        Raises:
            ValueError: there cannot be a task of that name or key.
            PermissionDeniedError: a right is missing; the message names it.
            ApiError: a rule of the cluster forbids it; nothing was changed.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long, or the task changed at each try.
        """
        objects = await self._objects()
        reference = reference_of(objects.namespace, ref, key)

        def settled(found: Mapping[str, Any], _tries: int) -> CancelOutcome | None:
            view = view_of(found)
            if view.is_finished:
                is_cancelled = view.state is State.CANCELLED
                return CancelOutcome.CANCELLED if is_cancelled else CancelOutcome.ALREADY_FINISHED
            return CancelOutcome.REQUESTED if found["spec"].get("cancel") else None

        done = await _set(objects, reference, _Change("cancel", True, CancelOutcome.REQUESTED, settled))
        return CancelOutcome.NOT_FOUND if done is None else done

    async def suspend(self, ref: TaskRef | None = None, *, key: str | None = None) -> bool:
        """Keep a task from being started, until ``resume``; a run that has started goes on.

        What a series would have run meanwhile is skipped.

        Args:
            ref: as for ``get``.
            key: likewise.

        Returns:
            False where it was suspended already.

        Raises:
            TaskNotFoundError: there is no such task.
            ValueError: as ``cancel``, and its other errors.
        """
        return await self._suspend(ref, key, wanted=True)

    async def resume(self, ref: TaskRef | None = None, *, key: str | None = None) -> bool:
        """Let a suspended task be started again.

        Args:
            ref: as for ``get``.
            key: likewise.

        Returns:
            False where it was not suspended.

        Raises:
            TaskNotFoundError: there is no such task.
            ValueError: as ``cancel``, and its other errors.
        """
        return await self._suspend(ref, key, wanted=False)

    async def _suspend(self, ref: TaskRef | None, key: str | None, *, wanted: bool) -> bool:
        objects = await self._objects()
        reference = reference_of(objects.namespace, ref, key)

        def settled(found: Mapping[str, Any], tries: int) -> bool | None:
            # Where a try came before, the answer to it may have been lost: it counts as ours.
            return tries > 0 if bool(found["spec"].get("suspend")) is wanted else None

        done = await _set(objects, reference, _Change("suspend", wanted, True, settled))
        if done is None:
            raise objects.missing(reference)
        return done

    async def run_now(
        self, ref: TaskRef | None = None, token: str | None = None, *, key: str | None = None
    ) -> str:
        """Ask a series for one extra run now, under its overlap policy. Its schedule is not moved.

        Args:
            ref: as for ``get``.
            token: of the request, 1 to 64 characters of your choice: the token of the newest request asks for nothing
                new. Default: a new one.
            key: as for ``get``.

        Returns:
            The token. ``status.runNow`` in ``TaskView.raw`` says under it what became of the request.

        Raises:
            TaskNotFoundError: there is no such task.
            DispatchRefusedError: it is no series, or has ended, or is being cancelled; or a rule of the cluster
                forbids it. Nothing was changed.
            ValueError: the token is too short or too long, or there cannot be a task of that name or key.
            PermissionDeniedError: a right is missing; the message names it.
            ConfigurationError: no cluster, or no EverTask in it.
            ApiUnavailableError: the API server was away for too long, or the task changed at each try.
        """
        wanted = uuid4().hex if token is None else token
        if not 1 <= len(wanted) <= TOKEN_LIMIT:
            raise ValueError(
                f"token has {len(wanted)} characters; give 1 to {TOKEN_LIMIT}, or none for a new one"
            )
        objects = await self._objects()
        reference = reference_of(objects.namespace, ref, key)

        def settled(found: Mapping[str, Any], _tries: int) -> str | None:
            if found["spec"].get("runNow") == wanted:
                return wanted
            _check_series(found)
            return None

        try:
            done = await _set(objects, reference, _Change("runNow", wanted, wanted, settled))
        except PermissionDeniedError:
            raise
        except ApiError as error:
            raise DispatchRefusedError(f"the API server refused it: {error}", causes=error.causes) from error
        if done is None:
            raise objects.missing(reference)
        return done

    async def children(self, ref: TaskRef | None = None, *, key: str | None = None) -> list[TaskView]:
        """Find the tasks that were dispatched by the runs of a task, the oldest first.

        Args:
            ref: as for ``get``. The children of a task that is gone are found under its uid.
            key: likewise.

        Raises:
            TaskNotFoundError: there is no task of that name or key.
            ValueError: as ``get``, and its other errors.
        """
        objects = await self._objects()
        uid = await parent_uid(objects, reference_of(objects.namespace, ref, key))
        listed = await objects.all(Selection(labels=f"{LABEL_PARENT_UID}={uid}"))
        return sorted(map(view_of, listed.items), key=by_age)


async def _set(objects: TaskObjects, reference: Reference, change: _Change[T]) -> T | None:
    """Change a task, as often as it takes to do so in the object that was looked at; None where there is none."""
    deadline, tries = time.monotonic() + objects.patience, 0
    while (found := await objects.find(reference)) is not None:
        answer = change.settled(found, tries)
        if answer is not None:
            return answer
        if await objects.set_spec(found, change.field, change.value):
            return change.done
        tries += 1
        if time.monotonic() > deadline:
            raise ApiUnavailableError(
                f"{reference.said} changed each time that spec.{change.field} was to be set; try again"
            )
    return None


def _check_series(found: Mapping[str, Any]) -> None:
    view = view_of(found)
    if "recurrence" not in found["spec"]:
        fault = "is no series, and has no extra runs; dispatch it again under its key when it is finished"
    elif view.is_finished:
        fault = f"has ended ({view.state}); dispatch it again under its key"
    elif found["spec"].get("cancel"):
        fault = "is being cancelled; dispatch it again under its key when it is finished"
    else:
        return
    message = f"task {view.name} {fault}"
    raise DispatchRefusedError(message, causes=[Cause("spec.runNow", message)])
