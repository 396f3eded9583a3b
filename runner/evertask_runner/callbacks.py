"""The callbacks of a handler class: which it has, how to call them, what becomes of their errors.

A callback changes nothing of its run's outcome: what it raises is printed and told to the parent. An override may leave
out trailing parameters; a parameter that is named ``ctx`` or ``context``, or annotated ``Context``, gets the context
wherever it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from evertask.api.protocol import HISTORY_MESSAGE_LIMIT, ErrorType
from evertask_runner import console
from evertask_runner.failures import RunFailure, format_traceback, message_of, type_name
from evertask_runner.parameters import read_parameters
from evertask_runner.signatures import wants_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evertask_runner.json_lines import Json
    from evertask_runner.parameters import Parameter

PARAMETERS = {
    "on_started": ("task_id", "ctx"),
    "on_retry": ("task_id", "attempt", "error", "delay", "ctx"),
    "on_completed": ("task_id", "ctx"),
    "on_error": ("task_id", "exception", "message", "ctx"),
}
"""What each callback may take, in order."""

_BASE = "evertask.tasks"
"""Module of the base class, whose callbacks do nothing."""


class Callback(NamedTuple):
    """One callback of one handler."""

    name: str
    method: Callable[..., Any]
    positional: tuple[str, ...]
    """Which of :data:`PARAMETERS` go to the positional parameters."""
    context_keyword: str | None
    """Keyword-only parameter for the context."""

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call it; what an async one gives is still to be awaited."""
        keywords = {self.context_keyword: values["ctx"]} if self.context_keyword else {}
        return self.method(*(values[name] for name in self.positional), **keywords)


def find_callbacks(path: str, instance: Any) -> dict[str, Callback]:
    """Find the callbacks that a handler defines itself.

    Args:
        path: ``spec.handler``, for messages.
        instance: the handler.

    Raises:
        RunFailure: HandlerInvalid; one has parameters that nothing can fill.
    """
    found = {}
    for name in PARAMETERS:
        method = getattr(instance, name, None)
        if callable(method) and getattr(method, "__module__", None) != _BASE:
            found[name] = _read(path, name, method)
    return found


def _read(path: str, name: str, method: Callable[..., Any]) -> Callback:
    try:
        parameters = read_parameters(method)
    except (ValueError, TypeError):
        # Something written in C tells nothing about itself.
        return Callback(name, method, PARAMETERS[name], None)
    positional: list[str] = []
    left = list(PARAMETERS[name])
    for parameter in parameters:
        if parameter.kind == "variadic":
            positional += left
            left = []
        elif parameter.kind == "positional" and left:
            role = "ctx" if wants_context(parameter) and "ctx" in left else left[0]
            left.remove(role)
            positional.append(role)
        elif not parameter.is_optional and not (
            parameter.kind == "keyword-only" and wants_context(parameter)
        ):
            raise _one_too_many(path, name, parameter)
    return Callback(name, method, tuple(positional), _keyword(parameters))


def _keyword(parameters: Sequence[Parameter]) -> str | None:
    return next((one.name for one in parameters if one.kind == "keyword-only" and wants_context(one)), None)


def _one_too_many(path: str, name: str, parameter: Parameter) -> RunFailure:
    allowed = ", ".join(PARAMETERS[name])
    return RunFailure(
        ErrorType.HANDLER_INVALID,
        f"spec.handler {path!r}: {name} is called with ({allowed}), and nothing fills its parameter "
        f"{parameter.name!r}; remove it, or give it a default",
    )


def task_uuid(run: Json) -> UUID:
    """Give the task's id; somebody may have written another label by hand, and then it is its uid."""
    try:
        return UUID(run["taskId"])
    except ValueError:
        return UUID(run["taskUid"])


def tell(error: BaseException, name: str, send: Callable[[Json], None]) -> None:
    """Print what a callback raised, and tell the parent."""
    text = f"{type_name(error)}: {message_of(error)}".rstrip(": ")
    console.say(f"{name} raised {text}; the outcome stands\n{format_traceback(error)}".rstrip())
    send({"kind": "callbackError", "callback": name, "message": text[:HISTORY_MESSAGE_LIMIT]})
