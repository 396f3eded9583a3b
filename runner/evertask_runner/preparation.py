"""The handler's call, with all that is done before it: the class made once, the payload read for each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import ErrorType
from evertask_runner.failures import RunFailure
from evertask_runner.payloads import read_sources, validate
from evertask_runner.signatures import ALLOWED, payload_model, read_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask.context import CancellationToken, Context
    from evertask_runner.callbacks import Callback
    from evertask_runner.json_lines import Json
    from evertask_runner.loops import Loop

_CO_COROUTINE = 0x80
"""``inspect.CO_COROUTINE``: the code is that of an ``async def``."""


class HandlerCall:
    """One handler and what it is called with."""

    def __init__(
        self, attribute: Any, run: Json, context: Context, provided: Mapping[Any, Any], loop: Loop
    ) -> None:
        self._attribute, self._document, self._context = attribute, run, context
        self._provided, self._loop = provided, loop
        self._function: Callable[..., Any] | None = None
        self._arguments: tuple[list[Any], dict[str, Any]] | None = None
        self.callbacks: dict[str, Callback] = {}
        """Of the handler, by name."""
        self.timeout: float | None = None
        """The handler class's own, in seconds."""
        self.policy: Any = None
        """The handler class's own for failed attempts."""
        self.told: Json = {}
        """What the parent is told of that policy."""

    def prepare(self) -> None:
        """Do all that can be done before the call: make the handler, once, and read the payload.

        Raises:
            RunFailure: the handler or the payload is not what it must be.
            Exception: whatever the handler's constructor raises; then it is made anew the next time.
        """
        if self._function is None:
            self._function = self._find()
        if self._arguments is not None:
            return
        path, document = self._document["handler"], self._document
        signature = read_signature(path, self._function)
        payload: Any = {**read_sources(document["payloadSourcesFolder"], document["payloadSources"])}
        self._context.payload = payload = payload | document["payload"]
        model = payload_model(self._function, signature)
        if model is not None:
            self._context.payload = payload = validate(model, payload)
        self._arguments = signature.arguments(payload, self._context)
        if getattr(getattr(self._function, "__code__", None), "co_flags", 0) & _CO_COROUTINE:
            self._loop.prepare()

    def __call__(self, token: CancellationToken) -> Any:
        """Call the handler; call :meth:`prepare` first."""
        assert self._function is not None
        assert self._arguments is not None
        positional, keywords = self._arguments
        value = self._function(*positional, **keywords)
        return self._loop.run(value, token) if hasattr(value, "__await__") else value

    def renew(self, run: Json) -> None:
        """Forget the payload, which the handler may have changed: the next attempt reads it anew.

        Args:
            run: the run document as it is now.
        """
        self._document, self._arguments = run, None

    def find_policy(self) -> Any:
        """Give the handler class's own policy without making a handler; None where there is none.

        Raises:
            RunFailure: HandlerInvalid; it is no policy.
        """
        if not isinstance(self._attribute, type):
            return None
        from evertask_runner.dependencies import own_retry  # noqa: PLC0415  (a function has no options)

        return own_retry(self._document["handler"], self._attribute)

    def _find(self) -> Callable[..., Any]:
        path, attribute = self._document["handler"], self._attribute
        if isinstance(attribute, type):
            return self._method(path, attribute)
        if callable(attribute):
            return attribute  # type: ignore[no-any-return]
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"spec.handler {path!r} is of type {type(attribute).__name__}; name a handler class or a function",
        )

    def _method(self, path: str, handler_class: type) -> Callable[..., Any]:
        """Make the handler, find its callbacks and its options, and give its method ``handle``."""
        from evertask_runner.callbacks import find_callbacks  # noqa: PLC0415  (a function has none of these)
        from evertask_runner.dependencies import make_handler, own_timeout  # noqa: PLC0415

        if not callable(getattr(handler_class, "handle", None)):
            raise RunFailure(
                ErrorType.HANDLER_INVALID,
                f"spec.handler {path!r}: the class {handler_class.__name__} has no method handle; {ALLOWED}",
            )
        self.timeout = own_timeout(path, handler_class)
        self.policy = self.find_policy()
        if self.policy is not None and self._document.get("retry") is None:
            from evertask_runner.policies import told_of  # noqa: PLC0415  (where the class has one)

            self.told = {"policy": told_of(self.policy)}
        instance = make_handler(path, handler_class, self._provided, self._context)
        self.callbacks = find_callbacks(path, instance)
        return instance.handle  # type: ignore[no-any-return]
