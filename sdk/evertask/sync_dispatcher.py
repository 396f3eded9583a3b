"""``SyncDispatcher``: the methods of ``Dispatcher``, blocking, for code that is not asynchronous.

It has one ``Dispatcher`` in an event loop of its own (``evertask.loop_threads``). Each method is written out, for
editors and type checkers; what it does, and its errors, are those of the method of the same name.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from evertask.batches import CONCURRENCY
from evertask.connected import PATIENCE
from evertask.dispatcher import Dispatcher
from evertask.loop_threads import Caller, LoopThread
from evertask.queries import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    from evertask.api.protocol import State
    from evertask.api.recurrence import Recurrence
    from evertask.batches import Dispatch, DispatchResult
    from evertask.recurrence.builder import RecurrenceCallback
    from evertask.references import TaskRef
    from evertask.registration import TaskId
    from evertask.retries import Retry
    from evertask.tasks import Audit, Interruption, Task
    from evertask.views import CancelOutcome, Page, TaskEvent, TaskView


class SyncDispatcher:
    """Hands tasks to one namespace of one cluster, blocking; for any number of threads of one process.

    Use it as a context manager, or call ``close`` at the end. It connects at the first call, and starts a thread then.
    In a thread that runs an event loop, and in a fork of the process that has used it, it raises
    ``ConfigurationError``. Ctrl-C ends a call, and cancels what it was about to do.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        pod_template: Mapping[str, Any] | None = None,
        kubeconfig: str | None = None,
        context: str | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Say where to; nothing is read or sent yet.

        Args:
            namespace: this and the others as for ``Dispatcher``.
            pod_template: likewise.
            kubeconfig: likewise.
            context: likewise.
            patience: likewise.
        """
        self._dispatcher = Dispatcher(
            namespace=namespace,
            pod_template=pod_template,
            kubeconfig=kubeconfig,
            context=context,
            patience=patience,
        )
        self._thread = LoopThread("SyncDispatcher", self._dispatcher.aclose)
        weakref.finalize(self, self._thread.close)  # also at the end of a program that does not close it

    def __enter__(self) -> Self:
        self._thread.run(self._dispatcher.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end the thread. Calls after it, or under way, raise ``ConfigurationError``."""
        self._thread.close()

    # --- dispatching ---------------------------------------------------------------------------------------

    def dispatch(
        self,
        task: Task,
        *,
        delay: timedelta | None = None,
        at: datetime | None = None,
        recurring: str | timedelta | Recurrence | RecurrenceCallback | None = None,
        task_key: str | None = None,
        queue: str | None = None,
        audit_level: Audit | None = None,
        timeout: timedelta | None = None,
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
        """Hand a task to the cluster, as ``Dispatcher.dispatch`` does."""
        return self._thread.run(
            self._dispatcher.dispatch,
            task,
            delay=delay,
            at=at,
            recurring=recurring,
            task_key=task_key,
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
            task_id=task_id,
            deadline=deadline,
        )

    def dispatch_many(
        self,
        tasks: Iterable[Task | Dispatch],
        *,
        concurrency: int = CONCURRENCY,
        progress: Callable[[int, int], object] | None = None,
    ) -> list[DispatchResult]:
        """Dispatch many tasks, as ``Dispatcher.dispatch_many`` does; ``tasks`` is read in this thread."""
        caller = Caller()
        return self._thread.run_with(
            caller,
            self._dispatcher.dispatch_many,
            caller.read(tasks),
            concurrency=concurrency,
            progress=_told(caller, progress),
        )

    def dispatch_stream(
        self,
        tasks: Iterable[Task | Dispatch],
        *,
        concurrency: int = CONCURRENCY,
        progress: Callable[[int, int], object] | None = None,
    ) -> Generator[DispatchResult]:
        """Dispatch tasks as their results are taken, as ``Dispatcher.dispatch_stream`` does."""
        caller = Caller()
        return self._thread.iterate(
            lambda: self._dispatcher.dispatch_stream(
                caller.read(tasks), concurrency=concurrency, progress=_told(caller, progress)
            ),
            caller,
        )

    # --- looking after tasks -------------------------------------------------------------------------------

    def get(self, ref: TaskRef | None = None, *, key: str | None = None) -> TaskView | None:
        """Look a task up, as ``Dispatcher.get`` does; None where there is none (any more)."""
        return self._thread.run(self._dispatcher.get, ref, key=key)

    @overload
    def wait(  # type: ignore[overload-overlap]  # a text is one name, and no iterable of names
        self, ref: TaskRef, timeout: timedelta | None = None, *, raise_on_failure: bool = True
    ) -> TaskView: ...

    @overload
    def wait(
        self,
        ref: None = None,
        timeout: timedelta | None = None,
        *,
        key: str,
        raise_on_failure: bool = True,
    ) -> TaskView: ...

    @overload
    def wait(
        self, ref: Iterable[TaskRef], timeout: timedelta | None = None, *, raise_on_failure: bool = True
    ) -> list[TaskView]: ...

    def wait(
        self,
        ref: TaskRef | Iterable[TaskRef] | None = None,
        timeout: timedelta | None = None,
        *,
        key: str | None = None,
        raise_on_failure: bool = True,
    ) -> TaskView | list[TaskView]:
        """Wait until a task, or each of several, is finished, as ``Dispatcher.wait`` does."""
        given: Any = list(ref) if isinstance(ref, Iterable) and not isinstance(ref, str) else ref
        wait: Any = self._dispatcher.wait
        ended: TaskView | list[TaskView] = self._thread.run(
            wait, given, timeout, key=key, raise_on_failure=raise_on_failure
        )
        return ended

    def cancel(self, ref: TaskRef | None = None, *, key: str | None = None) -> CancelOutcome:
        """Ask to end a task, as ``Dispatcher.cancel`` does."""
        return self._thread.run(self._dispatcher.cancel, ref, key=key)

    def suspend(self, ref: TaskRef | None = None, *, key: str | None = None) -> bool:
        """Keep a task from being started, as ``Dispatcher.suspend`` does; False where it was suspended."""
        return self._thread.run(self._dispatcher.suspend, ref, key=key)

    def resume(self, ref: TaskRef | None = None, *, key: str | None = None) -> bool:
        """Let a suspended task be started, as ``Dispatcher.resume`` does; False where it was not suspended."""
        return self._thread.run(self._dispatcher.resume, ref, key=key)

    def run_now(self, ref: TaskRef | None = None, token: str | None = None, *, key: str | None = None) -> str:
        """Ask a series for one extra run, as ``Dispatcher.run_now`` does; the answer is the token."""
        return self._thread.run(self._dispatcher.run_now, ref, token, key=key)

    def children(self, ref: TaskRef | None = None, *, key: str | None = None) -> list[TaskView]:
        """Find the tasks that the runs of a task dispatched, as ``Dispatcher.children`` does."""
        return self._thread.run(self._dispatcher.children, ref, key=key)

    def query(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
        created_after: datetime | None = None,
        limit: int = LIMIT,
        continue_token: str | None = None,
    ) -> Page:
        """Find tasks, a page at a time, as ``Dispatcher.query`` does."""
        return self._thread.run(
            self._dispatcher.query,
            state=state,
            queue=queue,
            handler=handler,
            key=key,
            parent=parent,
            created_after=created_after,
            limit=limit,
            continue_token=continue_token,
        )

    def query_all(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
        created_after: datetime | None = None,
    ) -> Generator[TaskView]:
        """Find tasks, however many they are, as ``Dispatcher.query_all`` does."""
        return self._thread.iterate(
            lambda: self._dispatcher.query_all(
                state=state,
                queue=queue,
                handler=handler,
                key=key,
                parent=parent,
                created_after=created_after,
            )
        )

    def watch(
        self,
        *,
        state: State | Iterable[State] | None = None,
        queue: str | None = None,
        handler: str | type | None = None,
        key: str | None = None,
        parent: TaskRef | None = None,
    ) -> Generator[TaskEvent]:
        """Follow tasks for as long as you iterate, as ``Dispatcher.watch`` does."""
        return self._thread.iterate(
            lambda: self._dispatcher.watch(state=state, queue=queue, handler=handler, key=key, parent=parent)
        )


def _told(
    caller: Caller, progress: Callable[[int, int], object] | None
) -> Callable[[int, int], object] | None:
    """Have the caller's thread call what is to be told."""
    if progress is None:
        return None
    return lambda over, failed: caller.tell(partial(progress, over, failed))
