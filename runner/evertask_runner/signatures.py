"""What a handler wants to be called with: payload and context, in which parameters, and the payload's model.

Allowed are ``f()``, ``f(payload)``, ``f(payload, ctx)`` and ``f(ctx)``; further parameters need defaults. A context
parameter is the second positional one, or one that is named ``ctx`` or ``context`` or annotated ``Context``.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from evertask.api.protocol import ErrorType
from evertask.context import Context
from evertask_runner import console
from evertask_runner.failures import RunFailure
from evertask_runner.parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evertask_runner.parameters import Parameter

ALLOWED = "a handler takes nothing, (payload), (payload, ctx) or (ctx); further parameters need defaults"
_CONTEXT_NAMES = ("ctx", "context")


class Signature(NamedTuple):
    """How to call a handler."""

    positional: tuple[str, ...]
    """``payload`` and ``context`` in the order of the positional parameters."""
    context_keyword: str | None
    """Keyword-only parameter for the context."""
    payload_annotation: Any
    """The payload parameter's annotation as it was written, None without one."""

    def arguments(self, payload: Any, context: Context) -> tuple[list[Any], dict[str, Any]]:
        """Give the positional and the keyword arguments of the call."""
        values = {"payload": payload, "context": context}
        keywords = {self.context_keyword: context} if self.context_keyword else {}
        return [values[role] for role in self.positional], keywords


def wants_context(parameter: Parameter) -> bool:
    """Tell by its name or annotation whether a parameter is for the context."""
    annotation = parameter.annotation
    if parameter.name in _CONTEXT_NAMES or annotation is Context:
        return True
    return isinstance(annotation, str) and annotation.rpartition(".")[2] == Context.__name__


def _invalid(path: str, why: str) -> RunFailure:
    return RunFailure(ErrorType.HANDLER_INVALID, f"spec.handler {path!r}: {why}; {ALLOWED}")


def _roles(path: str, positional: Sequence[Parameter]) -> tuple[str, ...]:
    roles: list[str] = []
    for parameter in positional:
        optional = parameter.is_optional
        if "context" not in roles and wants_context(parameter):
            roles.append("context")
        elif "payload" not in roles and not (roles and optional):
            roles.append("payload")
        elif "context" not in roles and not optional:
            roles.append("context")
        elif optional:
            break
        else:
            raise _invalid(path, f"the parameter {parameter.name!r} is one too many")
    return tuple(roles)


def _context_keyword(path: str, parameters: Sequence[Parameter], *, given: bool) -> str | None:
    found = None
    for parameter in parameters:
        if not given and found is None and wants_context(parameter):
            found = parameter.name
        elif not parameter.is_optional:
            raise _invalid(path, f"the keyword-only parameter {parameter.name!r} has no default")
    return found


def read_signature(path: str, function: Callable[..., Any]) -> Signature:
    """Find out how to call a handler.

    Args:
        path: ``spec.handler``, for messages.
        function: the function, or the bound method ``handle``.

    Raises:
        RunFailure: HandlerInvalid; it has parameters that nothing can fill.
    """
    try:
        parameters = read_parameters(function)
    except (ValueError, TypeError):
        # Functions written in C may tell nothing about themselves.
        return Signature(("payload",), None, None)
    positional = [one for one in parameters if one.kind == "positional"]
    roles = _roles(path, positional)
    if not roles and any(one.kind == "variadic" for one in parameters):
        roles = ("payload",)
    keyword = _context_keyword(
        path, [one for one in parameters if one.kind == "keyword-only"], given="context" in roles
    )
    annotation = positional[roles.index("payload")].annotation if "payload" in roles and positional else None
    return Signature(roles, keyword, annotation)


def payload_model(function: Callable[..., Any], signature: Signature) -> Any:
    """Give the class that validates the payload (it has ``model_validate``), None when there is none.

    It is the payload parameter's annotation, else the argument of a generic base: ``class H(Handler[MyTask])``.
    """
    annotated = _resolve(function, signature.payload_annotation)
    if _is_model(annotated):
        return annotated
    owner = getattr(function, "__self__", None)
    for base in type(owner).__mro__:
        for generic in base.__dict__.get("__orig_bases__", ()):
            for argument in get_args(generic):
                if _is_model(argument):
                    return argument
    return None


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "model_validate")


def _resolve(function: Callable[..., Any], annotation: Any) -> Any:
    """Evaluate an annotation that is a text (``from __future__ import annotations``)."""
    if not isinstance(annotation, str):
        return annotation
    names = getattr(_unwrapped(function), "__globals__", {})
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"payload": annotation}), names)["payload"]
    except Exception as error:  # noqa: BLE001  (evaluates the user's text; most often a NameError)
        console.say(
            f"the payload's annotation {annotation!r} cannot be resolved ({error}); the payload is passed as a dict. "
            "If it is a model, import it outside `if TYPE_CHECKING`"
        )
        return None


def _unwrapped(function: Callable[..., Any]) -> Any:
    target = getattr(function, "__func__", function)
    if not hasattr(target, "__wrapped__"):
        return target
    import inspect  # noqa: PLC0415  (5 ms that an undecorated handler need not pay)

    return inspect.unwrap(target)
