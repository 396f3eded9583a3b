"""The EverTask object of a dispatch. Pure: the same arguments give the same object.

A delay of a minute or more travels as ``delay`` and is counted by the cluster's clock; a shorter one travels
as an instant, because the cluster knows the moment of creation only to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.durations import format_duration
from evertask.api.keys import key_fault
from evertask.api.times import format_time
from evertask.errors import Cause, DispatchRefusedError
from evertask.options import UNSAID, Options, options_of
from evertask.payloads import payload_of
from evertask.registration import exact
from evertask.tasks import Task, handler_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from evertask.api.recurrence import Recurrence
    from evertask.children import RunScope
    from evertask.recurrence.builder import Recurring

SHORT_DELAY = timedelta(minutes=1)
"""A shorter delay is sent as an instant of the caller's clock: exact to the microsecond."""


@dataclass(frozen=True)
class Timing:
    """When a dispatch says that its task runs; with none of the three now."""

    now: datetime
    """The caller's clock."""
    delay: timedelta | None = None
    """From now; zero or less is now."""
    at: datetime | None = None
    """An aware instant; one in the past is now."""
    recurring: Recurring | None = None
    """Makes it a series."""

    @property
    def run_at(self) -> str | None:
        """The instant at which the delay is over; None where there is none."""
        return format_time(self.now + self.delay) if self.delay and self.delay > timedelta(0) else None

    def said(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Give the timing as the caller said it, as JSON: the same however often, and whenever, it is said.

        Args:
            spec: that it has led to.
        """
        if self.delay is not None:
            return {"delay": str(self.delay)} if self.run_at else {}
        return {name: spec[name] for name in ("runAt", "recurrence") if name in spec}


def spec_of(
    task: Task,
    timing: Timing,
    options: Options = UNSAID,
    *,
    task_key: str | None = None,
    pod_template: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the spec of the object to create.

    Args:
        task: the payload, with its class's options.
        timing: at most one of ``delay``, ``at`` and ``recurring``.
        options: go before the class's.
        task_key: goes into the spec.
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
    if task_key is not None:
        if fault := key_fault(task_key):
            raise _refused("spec.taskKey", f"task_key={task_key!r}: {fault}")
        spec["taskKey"] = task_key
    spec |= _timing(timing)
    spec |= options_of(type(task), options)
    template = pod_template if pod_template is not None else type(task).pod_template
    if template is not None:
        spec["podTemplate"] = dict(template)
    return spec


def manifest_of(
    spec: Mapping[str, Any], task_id: UUID, name: str, namespace: str, *, parent: RunScope | None = None
) -> dict[str, Any]:
    """Build the object to create.

    Args:
        spec: of ``spec_of``.
        task_id: goes into a label.
        name: of the object.
        namespace: where to create it.
        parent: the run that dispatches it; its pod template is the child's where the spec has none.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": {protocol.LABEL_TASK_ID: str(task_id)},
    }
    spec = dict(spec)
    if parent is not None:
        metadata["labels"][protocol.LABEL_PARENT_UID] = parent.task_uid
        metadata["annotations"] = {
            protocol.ANNOTATION_PARENT_NAME: parent.task_name,
            protocol.ANNOTATION_PARENT_RUN: parent.run_id,
        }
        if parent.pod_template is not None:
            spec.setdefault("podTemplate", dict(parent.pod_template))
    return {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": metadata,
        "spec": spec,
    }


def _timing(timing: Timing) -> dict[str, Any]:
    ways = {"delay": timing.delay, "at": timing.at, "recurring": timing.recurring}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise _refused(given[-1], f"{' and '.join(given)} are given together; set at most one of them")
    if timing.recurring is not None:
        return {"recurrence": _recurrence(timing.recurring, timing.now)}
    if timing.delay is not None:
        return _delay(timing.delay, timing.now)
    if timing.at is not None:
        return {"runAt": format_time(_aware(timing.at))}
    return {}


def _delay(delay: timedelta, now: datetime) -> dict[str, Any]:
    if not isinstance(delay, timedelta):
        raise TypeError(f"delay must be a timedelta, such as timedelta(seconds={delay!r})")
    if delay <= timedelta(0):
        return {}
    try:
        written = format_duration(delay)
    except ValueError as error:
        raise _refused("delay", f"delay: {error}") from error
    return {"runAt": format_time(now + delay)} if delay < SHORT_DELAY else {"delay": written}


def _aware(at: datetime) -> datetime:
    if not isinstance(at, datetime):
        raise TypeError(f"at must be a datetime with a time zone, not {at!r}")
    if at.utcoffset() is None:
        raise _refused(
            "at",
            f"at={at} is naive: it names a different instant in each time zone; give it one, for example "
            "at.replace(tzinfo=ZoneInfo('Europe/Rome')) or datetime.now(UTC) + timedelta(hours=1)",
        )
    return at


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


def _refused(field: str, message: str) -> DispatchRefusedError:
    return DispatchRefusedError(message, causes=[Cause(field, message)])


def unstable_fields(timing: Timing) -> frozenset[str]:
    """Fields of the spec that differ between two equal dispatches: the instant that stands for a short delay."""
    short = timing.delay is not None and timing.delay < SHORT_DELAY
    return frozenset({"runAt"} if short else ())


def differences(made: Mapping[str, Any], found: Mapping[str, Any], *, ignoring: frozenset[str]) -> list[str]:
    """List in what an object that exists is not what a manifest asks for: none, and creating it again is no error.

    Args:
        made: the manifest.
        found: the object; the API server has added defaults, others may have cancelled it.
        ignoring: see ``unstable_fields``.
    """
    labels = found["metadata"].get("labels") or {}
    label = protocol.LABEL_TASK_ID
    different = (
        [] if labels.get(label) == made["metadata"]["labels"][label] else [f"metadata.labels[{label}]"]
    )
    return different + [
        f"spec.{name}"
        for name, value in made["spec"].items()
        if name not in ignoring and exact(found["spec"].get(name)) != exact(value)
    ]
