"""What a handler is told about its run, and how it is asked to stop.

A handler that takes a second parameter gets a :class:`Context`. Asking to stop is one thing, the token:
``ctx.cancellation`` fires when the task is cancelled, when its timeout is over, or when its pod has to go. A
handler looks at it now and then, waits on it, or calls ``raise_if_cancelled()``; an ``async`` handler is
besides cancelled by asyncio, where it awaits. Whoever has not ended when the grace period is over is killed.

Standard library only: handlers' modules import this in every pod.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from evertask.api import protocol

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from evertask import Dispatcher, SyncDispatcher

__all__ = ["CancellationRequested", "CancellationToken", "Context"]

REASON_TIMEOUT = "Timeout"
"""``CancellationToken.reason``: ``spec.timeout`` or ``spec.runTimeout`` is over."""
REASON_TERMINATION = "Termination"
"""``CancellationToken.reason``: the pod was told to stop, because the task was cancelled or the node needs
the room; which of the two it is cannot be known there."""

LOGGER_NAME = "evertask.handler"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_PERCENT = 100


class CancellationRequested(Exception):  # noqa: N818  (a request that is obeyed, not an error)
    """The handler was asked to stop; raised by ``raise_if_cancelled()``.

    Let it pass: a handler that ends with it after the token has fired is reported as cancelled (or as timed
    out), not as failed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the handler was asked to stop ({reason})")
        self.reason = reason
        """``Timeout`` or ``Termination``."""


class CancellationToken:
    """Tells a handler that it should stop. It fires once and stays fired; safe to use from any thread."""

    def __init__(self) -> None:
        self._fired = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._reason: str | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the handler should stop."""
        return self._fired.is_set()

    @property
    def reason(self) -> str | None:
        """Why: ``Timeout``, ``Termination``, or None while the token has not fired."""
        return self._reason

    def raise_if_cancelled(self) -> None:
        """Do nothing until the token fires, and raise from then on.

        Raises:
            CancellationRequested: the handler should stop.
        """
        if self._fired.is_set():
            raise CancellationRequested(self._reason or REASON_TERMINATION)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the token fires, at most ``timeout`` seconds; the answer is whether it has fired.

        Use it in place of ``time.sleep``. An async handler needs neither: it is cancelled where it awaits.
        """
        return self._fired.wait(timeout)

    def fire(self, reason: str) -> None:
        """Ask the handler to stop. The runner does this; a unit test of a handler may. Only the first call counts."""
        with self._lock:
            if self._fired.is_set():
                return
            self._reason = reason
            self._fired.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_fire(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once when the token fires, in the thread that fires it; at once if it has fired."""
        with self._lock:
            if not self._fired.is_set():
                self._callbacks.append(callback)
                return
        callback()


class Context:
    """The run that a handler works for. Every argument has a default, so that a unit test can make one."""

    __slots__ = (
        "_dispatcher",
        "_made",
        "_report",
        "_sync_dispatcher",
        "attempt",
        "cancellation",
        "namespace",
        "payload",
        "result",
        "run_id",
        "scheduled_time",
        "task_id",
        "task_name",
    )

    def __init__(
        self,
        *,
        task_id: str = "00000000-0000-0000-0000-000000000000",
        task_name: str = "task",
        namespace: str = "default",
        run_id: str = "s0",
        attempt: int = 1,
        scheduled_time: datetime | None = None,
        cancellation: CancellationToken | None = None,
        report: Callable[[dict[str, Any]], object] | None = None,
        payload: Any = None,
        result: Any = None,
        dispatcher: Dispatcher | None = None,
        sync_dispatcher: SyncDispatcher | None = None,
    ) -> None:
        self.task_id = task_id
        """The UUID that ``dispatch`` returned; for a task made otherwise its uid in the cluster."""
        self.task_name = task_name
        """Name of the EverTask."""
        self.namespace = namespace
        """Namespace of the EverTask."""
        self.run_id = run_id
        """The run. It is the same when the run is launched again after an interruption: use it, together with
        the task id, as an idempotency key."""
        self.attempt = attempt
        """Which call of the handler in this run this is, from 1; an interruption of the pod does not count."""
        self.scheduled_time = scheduled_time
        """The run's nominal time, aware, in UTC. Always set in a runner."""
        self.cancellation = cancellation or CancellationToken()
        """Fires when the handler should stop. Each attempt has another one."""
        self.payload = payload
        """The payload as the handler gets it: the model's instance, or the dict."""
        self.result = result
        """What ``handle`` returned; None before it has, and where it has not. For ``on_completed``."""
        self._report = report
        self._dispatcher, self._sync_dispatcher = dispatcher, sync_dispatcher
        self._made: list[Any] = []

    @property
    def dispatcher(self) -> Dispatcher:
        """A dispatcher for ``async`` handlers and callbacks, made at its first use; the runner closes it.

        What it dispatches are children of this run: they are not there twice when the run is launched again.

        Raises:
            ConfigurationError: there is no cluster to be found; in a unit test give one,
                ``Context(dispatcher=...)``.
        """
        if self._dispatcher is None:
            self._dispatcher = self._make("Dispatcher")
        made: Dispatcher = self._dispatcher
        return made

    @property
    def sync_dispatcher(self) -> SyncDispatcher:
        """The same for handlers and callbacks that are not ``async``."""
        if self._sync_dispatcher is None:
            self._sync_dispatcher = self._make("SyncDispatcher")
        made: SyncDispatcher = self._sync_dispatcher
        return made

    def _make(self, name: str) -> Any:
        # By name: the runner loads this module in every pod, and only who dispatches pays for aiohttp.
        from importlib import import_module  # noqa: PLC0415  (loaded in a runner)

        made = getattr(import_module("evertask"), name)(namespace=self.namespace)
        self._made.append(made)
        return made

    def close(self, run: Callable[[Coroutine[Any, Any, Any]], object]) -> None:
        """Close the dispatchers that this context has made. The runner does this.

        Args:
            run: waits for a coroutine in the run's event loop.
        """
        made, self._made = self._made, []
        for dispatcher in made:
            is_sync: bool = dispatcher is self._sync_dispatcher
            if is_sync:
                dispatcher.close()
            else:
                run(dispatcher.aclose())

    def progress(self, percent: int | None = None, message: str | None = None) -> None:
        """Say how far the work is; it appears in the task's status.

        At most one report a second is written, the newest wins, and the last one is never lost.

        Args:
            percent: 0 to 100.
            message: a short text; more than 1,024 characters are cut.

        Raises:
            ValueError: the percentage is out of bounds, or neither argument is given.
            TypeError: an argument has another type.
        """
        if percent is None and message is None:
            raise ValueError("progress() needs a percentage, a message or both")
        if percent is not None and (isinstance(percent, bool) or not isinstance(percent, int)):
            raise TypeError(f"percent={percent!r} is not a whole number; use int(...)")
        if percent is not None and not 0 <= percent <= MAX_PERCENT:
            raise ValueError(f"percent={percent} is out of bounds; use 0 to 100")
        if message is not None and not isinstance(message, str):
            raise TypeError(f"message={message!r} is not a text; use str(...)")
        value: dict[str, Any] = {}
        if percent is not None:
            value["percent"] = percent
        if message is not None:
            value["message"] = message.encode("utf-8", "replace").decode()[: protocol.MESSAGE_LIMIT]
        if self._report is not None:
            self._report(value)

    @property
    def logger(self) -> logging.Logger:
        """A logger for the handler. Where nothing has configured logging, it writes to standard error from INFO up."""
        import logging  # noqa: PLC0415  (20 ms that a handler without logging need not pay)

        logger = logging.getLogger(LOGGER_NAME)
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter(LOG_FORMAT))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            # Whoever configures the root logger later must not see each line twice.
            logger.propagate = False
        return logger
