"""What may be said about how a task runs, and who goes first: the dispatch, the task class, then the handler class.

A value goes before another as a whole: a ``retry`` of the dispatch replaces that of the class, nothing is merged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_camel

from evertask.api.durations import format_duration
from evertask.errors import Cause, ConfigurationError, DispatchRefusedError
from evertask.exception_names import unknown_names
from evertask.retries import Retry, RetryPolicy
from evertask.tasks import Handler

if TYPE_CHECKING:
    from evertask.tasks import Audit, Interruption, Task


@dataclass(frozen=True)
class Options:
    """What one dispatch says about how its task runs; None leaves it to the task class, then the handler class."""

    queue: str | None = None
    audit_level: Audit | None = None
    timeout: timedelta | None = None
    run_timeout: timedelta | None = None
    retry: Retry | None = None
    grace_period: timedelta | None = None
    start_deadline: timedelta | None = None
    on_interruption: Interruption | None = None
    max_interruptions: int | None = None
    fence_after: timedelta | None = None
    ttl_after_finished: timedelta | None = None


UNSAID = Options()
"""Leaves all to the classes."""

_TEXTS = frozenset({"queue", "audit_level", "on_interruption"})
_NUMBERS = frozenset({"max_interruptions"})


def options_of(task_type: type[Task], options: Options) -> dict[str, Any]:
    """Give the fields of a spec that options make.

    Args:
        task_type: class of what is dispatched.
        options: of the dispatch.

    Raises:
        DispatchRefusedError: a value cannot be used; the message names it.
        TypeError: a value is of another type.
    """
    handler: Any = task_type.handler
    is_class = isinstance(handler, type) and issubclass(handler, Handler)
    spec = {}
    for name in (option.name for option in fields(Options)):
        said = next(
            (value for one in (options, task_type) if (value := getattr(one, name)) is not None), None
        )
        if said is not None:
            spec[to_camel(name)] = _written(name, said)
        elif is_class and (own := _of_handler(handler, name)) is not None:
            spec[to_camel(name)] = own
    return spec


def _of_handler(handler: type[Any], name: str) -> Any:
    """Write an option of a handler class; None where it stays in the class, for the runner to find."""
    value = getattr(handler, name)
    if value is None:
        return None
    if name != "retry":
        return _written(name, value)
    if isinstance(value, type) or not isinstance(value, RetryPolicy):
        raise TypeError(
            f"{handler.__qualname__}.retry must be a Retry, or an object with next_delay(failure), not {value!r}"
        )
    return _policy(value) if _can_travel(value) else None


def _can_travel(policy: Any) -> bool:
    if type(policy) is not Retry:
        return False
    try:
        policy.to_spec()
    except ConfigurationError:  # it has a predicate, or names a class that has no path
        return False
    return True


def _written(name: str, value: Any) -> Any:
    if name == "retry":
        return _policy(value)
    if name in _TEXTS:
        return str(value)
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, not {value!r}")
        return value
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} must be a timedelta, such as timedelta(seconds={value!r})")
    try:
        return format_duration(value)
    except ValueError as error:
        raise _refused(name, f"{name}: {error}") from error


def _policy(policy: Any) -> dict[str, Any]:
    if type(policy) is not Retry:
        raise TypeError(
            f"retry must be a Retry, such as Retry(limit=5), not {policy!r}; a policy of your own is Python code, and "
            "can only be the handler class's"
        )
    try:
        spec = policy.to_spec()
    except ConfigurationError as error:
        raise _refused("spec.retry", f"retry: {error}") from error
    # Of other modules the runner's image may have another version.
    misspelt = [one for one in unknown_names([*policy.only_for, *policy.not_for]) if "." not in one]
    if misspelt:
        raise _refused(
            "spec.retry",
            f"retry: {misspelt[0]} is no exception of Python; correct it, or name it with its module, for example "
            f"shop.errors.{misspelt[0]}",
        )
    return spec


def _refused(field: str, message: str) -> DispatchRefusedError:
    return DispatchRefusedError(message, causes=[Cause(field, message)])
