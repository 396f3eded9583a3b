"""What a handler class is made with: values from its module's ``setup()``, and what a run has anyway.

A constructor parameter is filled by its annotation, else by its name; what nothing provides is left to its default.
Always provided are ``Dispatcher``, ``SyncDispatcher`` and ``logging.Logger``.

Annotations are texts where the module begins with ``from __future__ import annotations``, and some cannot be evaluated
(imported under ``TYPE_CHECKING`` only); such a text meets the type of the same name.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from evertask.api.protocol import ErrorType
from evertask_runner.failures import RunFailure, message_of

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable

    from evertask.context import Context
    from evertask_runner.loops import Loop

_ALWAYS: Mapping[str, Callable[[Context], Any]] = {
    "Dispatcher": lambda context: context.dispatcher,
    "SyncDispatcher": lambda context: context.sync_dispatcher,
    "Logger": lambda context: context.logger,
}
"""By the name of the type: the types themselves are not imported for those who do not need them."""
_MISSING = object()


def set_up(path: str, setup: Any, loop: Loop) -> Mapping[Any, Any]:
    """Call a module's ``setup()``; give what it provides.

    Args:
        path: ``spec.handler``, for messages.
        setup: what the module has under this name.
        loop: runs it where it is async.

    Raises:
        RunFailure: HandlerInvalid; it is no function without parameters, it raised, or gave no mapping.
    """
    where = f"setup() of {path.partition(':')[0]}"
    if not callable(setup):
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"{where} is of type {type(setup).__name__}; the name is kept for a function that prepares the process",
        )
    try:
        provided = setup()
        if hasattr(provided, "__await__"):
            provided = loop.run(provided)
    except BaseException as error:
        text = f"{where} raised {type(error).__name__}: {message_of(error)}".rstrip(": ")
        raise RunFailure(ErrorType.HANDLER_INVALID, text, error) from error
    if provided is None:
        return {}
    if not isinstance(provided, Mapping):
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"{where} returned {type(provided).__name__}; return a dict from types or parameter names to values, "
            "or nothing",
        )
    return provided


def own_timeout(path: str, handler_class: type) -> float | None:
    """Give the class attribute ``timeout`` in seconds, None where there is none.

    Raises:
        RunFailure: HandlerInvalid; it is something else than a timedelta.
    """
    value = getattr(handler_class, "timeout", None)
    if value is None:
        return None
    if not isinstance(value, timedelta) or value < timedelta(0):
        raise RunFailure(
            ErrorType.HANDLER_INVALID,
            f"spec.handler {path!r}: {handler_class.__name__}.timeout is {value!r}; it is the longest time that handle "
            "may take, so write a timedelta such as timedelta(minutes=5), or zero for no limit",
        )
    return value.total_seconds()


def own_retry(path: str, handler_class: type) -> Any:
    """Give the class attribute ``retry``, None where there is none.

    Raises:
        RunFailure: HandlerInvalid; it is no policy.
    """
    value = getattr(handler_class, "retry", None)
    if value is None or (not isinstance(value, type) and callable(getattr(value, "next_delay", None))):
        return value
    raise RunFailure(
        ErrorType.HANDLER_INVALID,
        f"spec.handler {path!r}: {handler_class.__name__}.retry is {value!r}; write a policy such as "
        "Retry(limit=5), Retry.none(), or an object with a method next_delay(failure)",
    )


def make_handler(path: str, handler_class: type, provided: Mapping[Any, Any], context: Context) -> Any:
    """Make the run's handler.

    Raises:
        RunFailure: HandlerInvalid; it has a parameter that nothing provides.
        Exception: whatever its constructor raises.
    """
    made_plainly = type(handler_class) is type and all(
        getattr(handler_class, name) is getattr(object, name) for name in ("__new__", "__init__")
    )
    if made_plainly:
        return handler_class()
    import inspect  # noqa: PLC0415  (5 ms that a class without __init__ need not pay)

    try:
        parameters = inspect.signature(handler_class).parameters.values()
    except ValueError:
        # A class written in C tells nothing about its parameters; the call itself will.
        return handler_class()
    positional, keywords = [], {}
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        value = _value(path, handler_class, parameter, provided, context)
        if value is _MISSING:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            keywords[parameter.name] = value
    return handler_class(*positional, **keywords)


def _value(
    path: str,
    handler_class: type,
    parameter: inspect.Parameter,
    provided: Mapping[Any, Any],
    context: Context,
) -> Any:
    annotation = None if parameter.annotation is parameter.empty else parameter.annotation
    for wanted in _alternatives(_resolve(handler_class, annotation)):
        value = _of_type(wanted, provided, context)
        if value is not _MISSING:
            return value
    if parameter.name in provided:
        return provided[parameter.name]
    if parameter.default is not parameter.empty:
        return _MISSING
    shown = _name_of(annotation)
    raise RunFailure(
        ErrorType.HANDLER_INVALID,
        f"spec.handler {path!r}: nothing provides {handler_class.__name__}'s parameter {parameter.name!r}"
        f"{f' ({shown})' if shown else ''}; return it from a function setup() in {path.partition(':')[0]}, as "
        f"{{{shown or repr(parameter.name)}: ...}}, or give it a default",
    )


def _of_type(wanted: Any, provided: Mapping[Any, Any], context: Context) -> Any:
    if isinstance(wanted, str):
        name = wanted.rpartition(".")[2]
        for key, value in provided.items():
            if isinstance(key, type) and key.__name__ == name:
                return value
    else:
        try:
            if wanted in provided:
                return provided[wanted]
        except TypeError:
            return _MISSING  # an annotation that has no hash is no type
        name = _name_of(wanted) if _is_ours(wanted) else ""
    return _ALWAYS[name](context) if name in _ALWAYS else _MISSING


def _is_ours(wanted: Any) -> bool:
    return isinstance(wanted, type) and wanted.__module__.partition(".")[0] in {"evertask", "logging"}


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Give what would do: ``A | None`` is ``A``."""
    if annotation is None:
        return ()
    if isinstance(annotation, str):
        parts = [part.strip() for part in annotation.split("|")]
        return tuple(part for part in parts if part != "None")
    if isinstance(annotation, type):
        return (annotation,)
    return (annotation, *(one for one in get_args(annotation) if one is not type(None)))


def _resolve(handler_class: type, annotation: Any) -> Any:
    """Evaluate an annotation that is a text; a text that cannot be evaluated stays one."""
    if not isinstance(annotation, str):
        return annotation
    owner = next((one for one in handler_class.__mro__ if "__init__" in vars(one)), handler_class)
    names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    try:
        hints = get_type_hints(SimpleNamespace(__annotations__={"value": annotation}), names)
    except Exception:  # noqa: BLE001  (evaluates the user's text; most often a NameError)
        return annotation
    return hints["value"]


def _name_of(annotation: Any) -> str:
    if annotation is None:
        return ""
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
