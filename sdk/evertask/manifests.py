"""The EverTask object of a dispatch. Pure: the same arguments give the same object.

A delay of a minute or more travels as ``delay`` and is counted by the cluster's clock; a shorter one travels
as an instant, because the cluster knows the moment of creation only to the second.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic.alias_generators import to_camel

from evertask.api import protocol
from evertask.api.durations import format_duration
from evertask.api.times import format_time
from evertask.errors import Cause, DispatchRefusedError
from evertask.payloads import payload_of
from evertask.tasks import Task, handler_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from evertask.api.recurrence import Recurrence
    from evertask.recurrence.builder import Recurring

SHORT_DELAY = timedelta(minutes=1)
"""A shorter delay is sent as an instant of the caller's clock: exact to the microsecond."""


@dataclass(frozen=True)
class Options:
    """What one dispatch says about how its task runs; None leaves it to the task class."""

    timeout: timedelta | None = None
    grace_period: timedelta | None = None
    start_deadline: timedelta | None = None
    on_interruption: Literal["Relaunch", "Fail"] | None = None
    ttl_after_finished: timedelta | None = None


def object_name(task_id: UUID) -> str:
    """Give the name of the object of a task: looking it up is one GET."""
    return f"task-{task_id}"


def manifest_of(
    task: Task,
    task_id: UUID,
    namespace: str,
    *,
    now: datetime,
    delay: timedelta | None = None,
    at: datetime | None = None,
    recurring: Recurring | None = None,
    options: Options = Options(),
    pod_template: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the object to create.

    Args:
        task: the payload, with its class's options.
        task_id: goes into the name and a label.
        namespace: where to create it.
        now: the caller's clock.
        delay: from now; zero or less is now.
        at: an aware instant; one in the past is now.
        recurring: makes it a series. At most one of ``delay``, ``at`` and ``recurring``.
        options: go before the class's.
        pod_template: goes before the class's.

    Raises:
        ConfigurationError: the class's handler cannot be used.
        DispatchRefusedError: an argument or the payload cannot be used; the message names it.
        TypeError: an argument is of another type.
    """
    if not isinstance(task, Task):
        raise TypeError(f"dispatch takes an instance of a Task subclass, not {type(task).__qualname__}")
    spec: dict[str, Any] = {"handler": handler_path(type(task))}
    if payload := payload_of(task):
        spec["payload"] = payload
    spec |= _timing(now, delay, at, recurring)
    spec |= _options(type(task), options)
    template = pod_template if pod_template is not None else type(task).pod_template
    if template is not None:
        spec["podTemplate"] = dict(template)
    return {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {
            "name": object_name(task_id),
            "namespace": namespace,
            "labels": {protocol.LABEL_TASK_ID: str(task_id)},
        },
        "spec": spec,
    }


def _timing(
    now: datetime, delay: timedelta | None, at: datetime | None, recurring: Recurring | None
) -> dict[str, Any]:
    ways = {"delay": delay, "at": at, "recurring": recurring}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise _refused(given[-1], f"{' and '.join(given)} are given together; set at most one of them")
    if recurring is not None:
        return {"recurrence": _recurrence(recurring, now)}
    if delay is not None:
        if not isinstance(delay, timedelta):
            raise TypeError(f"delay must be a timedelta, such as timedelta(seconds={delay!r})")
        if delay <= timedelta(0):
            return {}
        if delay < SHORT_DELAY:
            return {"runAt": format_time(now + delay)}
        return {"delay": _duration("delay", delay)}
    if at is None:
        return {}
    if not isinstance(at, datetime):
        raise TypeError(f"at must be a datetime with a time zone, not {at!r}")
    if at.utcoffset() is None:
        raise _refused(
            "at",
            f"at={at} is naive: it names a different instant in each time zone; give it one, for example "
            "at.replace(tzinfo=ZoneInfo('Europe/Rome')) or datetime.now(UTC) + timedelta(hours=1)",
        )
    return {"runAt": format_time(at)}


def _recurrence(recurring: Recurring, now: datetime) -> dict[str, Any]:
    # 60 ms that an application without series need not pay.
    from evertask.recurrence import (  # noqa: PLC0415
        RecurrenceError,
        before_first,
        compile_recurrence,
        next_occurrence,
    )
    from evertask.recurrence.builder import recurrence_of  # noqa: PLC0415

    try:
        recurrence = recurrence_of(recurring)
        series = compile_recurrence(recurrence)
    except RecurrenceError as error:
        raise _refused(error.field, str(error)) from error
    if next_occurrence(series, after=before_first(now), anchor=now) is None:
        raise _without_runs(recurrence)
    return recurrence.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


def _without_runs(recurrence: Recurrence) -> DispatchRefusedError:
    from evertask.recurrence import describe  # noqa: PLC0415  (as above)

    field, way_out = "spec.recurrence.daylightSaving", "all are in gaps of the clocks; leave gap: Skip out"
    if recurrence.until is not None:
        field, way_out = "spec.recurrence.until", "set a later instant"
    elif recurrence.first is not None and recurrence.first.at is not None:
        field, way_out = "spec.recurrence.first.at", "set a later instant"
    return _refused(field, f"{field}: there is no run from now on ({describe(recurrence)}); {way_out}")


def _options(task_type: type[Task], options: Options) -> dict[str, str]:
    spec = {}
    for option in fields(Options):
        value = getattr(options, option.name)
        if value is None:
            value = getattr(task_type, option.name)
        if value is None:
            continue
        spec[to_camel(option.name)] = (
            _duration(option.name, value) if isinstance(value, timedelta) else str(value)
        )
    return spec


def _duration(name: str, value: timedelta) -> str:
    try:
        return format_duration(value)
    except ValueError as error:
        raise _refused(name, f"{name}: {error}") from error


def _refused(field: str, message: str) -> DispatchRefusedError:
    return DispatchRefusedError(message, causes=[Cause(field, message)])


def unstable_fields(delay: timedelta | None) -> frozenset[str]:
    """Fields of the spec that differ between two equal dispatches: the instant that stands for a short delay."""
    return frozenset({"runAt"} if delay is not None and delay < SHORT_DELAY else ())


def says_the_same(made: Mapping[str, Any], found: Mapping[str, Any], *, ignoring: frozenset[str]) -> bool:
    """Tell whether an object that exists is what a manifest asks for, so that creating it again is no error.

    Args:
        made: the manifest.
        found: the object; the API server has added defaults, others may have cancelled it.
        ignoring: see ``unstable_fields``.
    """
    labels = found["metadata"].get("labels") or {}
    return labels.get(protocol.LABEL_TASK_ID) == made["metadata"]["labels"][protocol.LABEL_TASK_ID] and all(
        found["spec"].get(name) == value for name, value in made["spec"].items() if name not in ignoring
    )
