"""One call of the handler, prepared before its time, and what became of it.

A handler is a class with ``handle`` (made without arguments) or a function, sync or async. The answer is one message
for the parent: ``succeeded`` with the result, ``stopped`` when the handler ended because its token had fired, or
``failed`` with the error.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import ErrorType
from evertask.api.times import parse_time
from evertask.context import CancellationRequested, CancellationToken, Context
from evertask_runner.failures import RunFailure, describe
from evertask_runner.payloads import read_sources, validate
from evertask_runner.serialisation import result_of
from evertask_runner.signatures import ALLOWED, payload_model, read_signature

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evertask_runner.json_lines import Json


_CO_COROUTINE = 0x80
"""``inspect.CO_COROUTINE``: the code is that of an ``async def``."""


def execute(
    attribute: Any,
    run: Json,
    token: CancellationToken,
    send: Callable[[Json], None],
    wait_for_go: Callable[[], None],
) -> Json:
    """Run a handler and say how it ended; never raises, whatever the handler does.

    Args:
        attribute: what ``spec.handler`` names.
        run: the run document that the parent sent (see ``evertask_runner.run_documents``).
        token: fires when the handler should stop.
        send: sends a message to the parent.
        wait_for_go: returns when the handler may start; called when nothing is left to do before.
    """
    attempt = run["attempt"]
    try:
        call = _prepare(attribute, run, token, send)
        wait_for_go()
        token.raise_if_cancelled()
        send({"kind": "started", "time": time()})
        value = call()
        return {"kind": "succeeded", "result": result_of(value)}
    except BaseException as error:  # noqa: BLE001  (whatever a handler raises is the run's error)
        kind = "stopped" if token.is_cancelled and was_stopped(error) else "failed"
        return {"kind": kind, "error": describe(_named(error), attempt)}


def _named(error: BaseException) -> BaseException:
    if isinstance(error, SystemExit):
        return RunFailure(
            ErrorType.EXIT_CODE,
            f"the handler called sys.exit({error.code!r}); return to succeed, raise to fail",
            error,
        )
    return error


def was_stopped(error: BaseException) -> bool:
    """Tell whether an exception, or one that it was raised from, is an answer to the request to stop."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, (CancellationRequested, SystemExit, KeyboardInterrupt)) or _is_cancelled_error(
            current
        ):
            return True
        current = current.__cause__ or current.__context__
    return False


def _is_cancelled_error(error: BaseException) -> bool:
    # By name: asyncio and concurrent.futures have one each, and importing either is dear.
    return any(
        kind.__name__ == "CancelledError" and kind.__module__.partition(".")[0] in ("asyncio", "concurrent")
        for kind in type(error).__mro__
    )


def _prepare(
    attribute: Any, run: Json, token: CancellationToken, send: Callable[[Json], None]
) -> Callable[[], Any]:
    """Do all that can be done before the run's time; the answer calls the handler."""
    function = _function(run["handler"], attribute)
    signature = read_signature(run["handler"], function)
    payload: Any = {**read_sources(run["payloadSourcesFolder"], run["payloadSources"]), **run["payload"]}
    if "payload" in signature.positional:
        model = payload_model(function, signature)
        payload = validate(model, payload) if model is not None else payload
    positional, keywords = signature.arguments(payload, _context(run, token, send))
    if getattr(getattr(function, "__code__", None), "co_flags", 0) & _CO_COROUTINE:
        import asyncio  # noqa: F401, PLC0415  (40 ms that an async handler pays before its time)

    def call() -> Any:
        value = function(*positional, **keywords)
        return _run_async(value, token) if hasattr(value, "__await__") else value

    return call


def _function(path: str, attribute: Any) -> Callable[..., Any]:
    if isinstance(attribute, type):
        if not callable(getattr(attribute, "handle", None)):
            raise RunFailure(
                ErrorType.HANDLER_INVALID,
                f"spec.handler {path!r}: the class {attribute.__name__} has no method handle; {ALLOWED}",
            )
        return _instance(path, attribute).handle  # type: ignore[no-any-return]
    if callable(attribute):
        return attribute  # type: ignore[no-any-return]
    raise RunFailure(
        ErrorType.HANDLER_INVALID,
        f"spec.handler {path!r} is of type {type(attribute).__name__}; name a handler class or a function",
    )


def _instance(path: str, handler_class: type) -> Any:
    made_plainly = type(handler_class) is type and all(
        getattr(handler_class, name) is getattr(object, name) for name in ("__new__", "__init__")
    )
    if not made_plainly:
        _check_parameters(path, handler_class)
    return handler_class()


def _check_parameters(path: str, handler_class: type) -> None:
    import inspect  # noqa: PLC0415  (5 ms that a class without __init__ need not pay)

    try:
        inspect.signature(handler_class).bind()
    except TypeError as error:
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"spec.handler {path!r}: {handler_class.__name__} is made without arguments, but {error}; "
            "give each parameter of __init__ a default",
        ) from error
    except ValueError:
        # A class written in C tells nothing about its parameters; the call itself will.
        return


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


def _run_async(awaitable: Awaitable[Any], token: CancellationToken) -> Any:
    import asyncio  # noqa: PLC0415  (40 ms that a sync handler need not pay)

    async def run() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            # The loop may have ended between the firing and now; then there is nothing left to cancel.
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

        token.on_fire(cancel)
        return await awaitable

    return asyncio.run(run())
