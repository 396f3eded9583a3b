"""One run of the handler in this process: prepared before its time, called, called back, and what became of it.

A handler is a class with ``handle`` or a function, sync or async. The outcome is one message for the parent:
``succeeded`` with the result, ``stopped`` when the handler ended because its token had fired, or ``failed`` with the
error. A handler class may have callbacks: ``on_started`` before ``handle``, and when it is over ``on_completed`` or
``on_error``. Before one of these two is called the parent is given the outcome, and has its word: it knows whether a
handler that was stopped is over for good.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import ErrorType
from evertask.api.times import parse_time
from evertask.context import Context
from evertask_runner import console
from evertask_runner.endings import exception_of, named, was_stopped
from evertask_runner.failures import RunFailure, describe, format_traceback
from evertask_runner.loops import Loop
from evertask_runner.payloads import read_sources, validate
from evertask_runner.serialisation import result_of
from evertask_runner.signatures import ALLOWED, payload_model, read_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask.context import CancellationToken
    from evertask_runner.callbacks import Callback
    from evertask_runner.json_lines import Json

_CO_COROUTINE = 0x80
"""``inspect.CO_COROUTINE``: the code is that of an ``async def``."""


def conclude_alone(outcome: Json) -> Json:
    """Decide as the parent does where nothing but the handler itself has ended the run."""
    return {"callback": True, "message": (outcome.get("error") or {}).get("message", "")}


def execute(
    attribute: Any,
    run: Json,
    token: CancellationToken,
    send: Callable[[Json], None],
    wait_for_go: Callable[[], None],
    *,
    conclude: Callable[[Json], Json] = conclude_alone,
    provided: Mapping[Any, Any] | None = None,
    loop: Loop | None = None,
) -> Json:
    """Run a handler and say how it ended; never raises, whatever the handler does.

    Args:
        attribute: what ``spec.handler`` names.
        run: the run document that the parent sent (see ``evertask_runner.run_documents``).
        token: fires when the handler should stop.
        send: sends a message to the parent.
        wait_for_go: returns when the handler may start; called when nothing is left to do before.
        conclude: where the handler has a callback for its end, takes the outcome and gives the parent's word:
            ``callback`` (whether to call it), ``message`` and ``reason`` (see ``evertask_runner.endings``).
        provided: what ``setup()`` gave.
        loop: that ``setup()`` ran in; it is closed here.

    Returns:
        The outcome; ``conclude`` has had it already where it names a ``callback``.
    """
    execution = _Execution(attribute, run, token, send, provided=provided or {}, loop=loop or Loop())
    try:
        return execution.run(wait_for_go, conclude)
    finally:
        execution.close()


class _Execution:
    def __init__(
        self,
        attribute: Any,
        run: Json,
        token: CancellationToken,
        send: Callable[[Json], None],
        *,
        provided: Mapping[Any, Any],
        loop: Loop,
    ) -> None:
        self._attribute, self._document, self._provided, self._loop = attribute, run, provided, loop
        self._token, self._send = token, send
        self._callbacks: dict[str, Callback] = {}
        self._context = _context(run, self._token, self._send)
        self._timeout: float | None = None
        self._begun = False

    def run(self, wait_for_go: Callable[[], None], conclude: Callable[[Json], Json]) -> Json:
        outcome, raised = self._outcome(wait_for_go)
        callback = self._callbacks.get("on_completed" if raised is None else "on_error")
        if callback is None or (outcome["kind"] == "stopped" and not self._begun):
            return outcome
        outcome["callback"] = callback.name
        word = conclude(outcome)
        if word["callback"]:
            message = word.get("message")
            exception = raised and exception_of(raised, word.get("reason", ""), message or "")
            self._call_back(callback.name, exception=exception, message=message)
        self._send({"kind": "over"})
        return outcome

    def _outcome(self, wait_for_go: Callable[[], None]) -> tuple[Json, BaseException | None]:
        try:
            call = self._prepare()
            self._send({"kind": "prepared", "timeout": self._timeout})
            wait_for_go()
            self._token.raise_if_cancelled()
            self._begin()
            self._send({"kind": "started", "time": time()})
            value = call()
            result = result_of(value)
        except BaseException as error:  # noqa: BLE001  (whatever a handler raises is the run's error)
            kind = "stopped" if self._token.is_cancelled and was_stopped(error) else "failed"
            return {"kind": kind, "error": describe(named(error), self._document["attempt"])}, error
        self._context.result = value
        return {"kind": "succeeded", "result": result}, None

    def _begin(self) -> None:
        self._begun = True
        if "on_started" in self._callbacks:
            self._call_back("on_started", token=self._token)
            self._token.raise_if_cancelled()

    def _prepare(self) -> Callable[[], Any]:
        """Do all that can be done before the run's time; the answer calls the handler."""
        path, document = self._document["handler"], self._document
        function = self._function(path)
        signature = read_signature(path, function)
        payload: Any = {**read_sources(document["payloadSourcesFolder"], document["payloadSources"])}
        self._context.payload = payload = payload | document["payload"]
        model = payload_model(function, signature)
        if model is not None:
            self._context.payload = payload = validate(model, payload)
        positional, keywords = signature.arguments(payload, self._context)
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & _CO_COROUTINE:
            self._loop.prepare()

        def call() -> Any:
            value = function(*positional, **keywords)
            return self._loop.run(value, self._token) if hasattr(value, "__await__") else value

        return call

    def _function(self, path: str) -> Callable[..., Any]:
        attribute = self._attribute
        if isinstance(attribute, type):
            return self._method(path, attribute)
        if callable(attribute):
            return attribute  # type: ignore[no-any-return]
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"spec.handler {path!r} is of type {type(attribute).__name__}; name a handler class or a function",
        )

    def _method(self, path: str, handler_class: type) -> Callable[..., Any]:
        """Make the handler, find its callbacks and its timeout, and give its method ``handle``."""
        from evertask_runner.callbacks import find_callbacks  # noqa: PLC0415  (a function has none of these)
        from evertask_runner.dependencies import make_handler, own_timeout  # noqa: PLC0415

        if not callable(getattr(handler_class, "handle", None)):
            raise RunFailure(
                ErrorType.HANDLER_INVALID,
                f"spec.handler {path!r}: the class {handler_class.__name__} has no method handle; {ALLOWED}",
            )
        self._timeout = own_timeout(path, handler_class)
        instance = make_handler(path, handler_class, self._provided, self._context)
        self._callbacks = find_callbacks(path, instance)
        return instance.handle  # type: ignore[no-any-return]

    def _call_back(self, name: str, token: CancellationToken | None = None, **given: Any) -> None:
        """Call a callback, and survive what it does. Where a token is given, its firing stops an async one."""
        from evertask_runner.callbacks import task_uuid, tell  # noqa: PLC0415  (loaded where there are any)

        values = {"task_id": task_uuid(self._document), "ctx": self._context, **given}
        try:
            value = self._callbacks[name].call(values)
            if hasattr(value, "__await__"):
                self._loop.run(value, token)
        except BaseException as error:  # noqa: BLE001  (whatever a callback raises changes nothing)
            if token is None or not (token.is_cancelled and was_stopped(error)):
                tell(error, name, self._send)

    def close(self) -> None:
        """Close what the run has opened: its dispatchers, its event loop. A failure changes nothing any more."""
        closing: tuple[Callable[[], object], ...] = (
            lambda: self._context.close(self._loop.run),
            self._loop.close,
        )
        for close in closing:
            try:
                close()
            except BaseException as error:  # noqa: BLE001  (the user's tasks are cancelled here, and may raise anything)
                console.say(f"closing the run's event loop raised\n{format_traceback(error)}".rstrip())


def _context(run: Json, token: CancellationToken, send: Callable[[Json], None]) -> Context:
    def report(value: Json) -> None:
        send({"kind": "progress", "progress": value})

    return Context(
        task_id=run["taskId"],
        task_name=run["taskName"],
        namespace=run["namespace"],
        run_id=run["run"],
        attempt=run["attempt"],
        scheduled_time=parse_time(run["scheduledTime"]),
        cancellation=token,
        report=report,
    )
