"""From the options of ``evertask run`` to the object to create: the same rules as those of a file, said by field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from evertask.api import protocol
from evertask.api.keys import key_fault, key_id, key_name, task_name
from evertask.api.task import EverTask
from evertask.cli.complaints import complaints
from evertask.cli.exits import INVALID, CommandFailedError
from evertask.cli.payload_options import payload_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECURRENCE = {
    "cron": "cron",
    "every": "every",
    "time_zone": "timeZone",
    "until": "until",
    "max_runs": "maxRuns",
    "overlap": "overlap",
}
"""Options that make the field ``spec.recurrence``, by the name of their parameter."""

RETRY = {"retries": "limit", "retry_delay": "delay", "retry_backoff": "backoff"}
"""Options that make the field ``spec.retry``, by the name of their parameter."""

SPEC = {
    "queue": "queue",
    "delay": "delay",
    "at": "runAt",
    "timeout": "timeout",
    "run_timeout": "runTimeout",
    "grace_period": "gracePeriod",
    "start_deadline": "startDeadline",
    "on_interruption": "onInterruption",
    "max_interruptions": "maxInterruptions",
    "fence_after": "fenceAfter",
    "audit_level": "auditLevel",
    "ttl": "ttlAfterFinished",
}
"""Options that are a field of the spec, by the name of their parameter."""

_OPTIONS = {
    **{f"spec.recurrence.{name}": option for option, name in RECURRENCE.items()},
    **{f"spec.retry.{name}": option for option, name in RETRY.items()},
    **{f"spec.{name}": option for option, name in SPEC.items()},
}


@dataclass(frozen=True)
class Order:
    """What a command line asks for."""

    handler: str
    payload: str | None = None
    """As it was written; see ``payload_options``."""
    parameters: Sequence[str] = ()
    name: str | None = None
    key: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Values of the options of SPEC, RETRY and RECURRENCE that were given, by the name of their parameter."""
    labels: Sequence[str] = ()
    """Each ``key=value``."""
    pod_template: Mapping[str, Any] | None = None


def manifest_of(order: Order, namespace: str, *, task_id: UUID | None = None) -> dict[str, Any]:
    """Build the object.

    Args:
        order: what is asked for.
        namespace: where to create it.
        task_id: of a task without a key; made up where there is none.

    Raises:
        CommandFailedError: something of it is wrong; the message names the option and the field.
    """
    spec = _spec(order)
    name, made_id = _identity(order, namespace, task_id or uuid4())
    manifest = {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**_labels(order.labels), protocol.LABEL_TASK_ID: str(made_id)},
        },
        "spec": spec,
    }
    _check(manifest)
    return manifest


def _spec(order: Order) -> dict[str, Any]:
    spec: dict[str, Any] = {"handler": order.handler}
    if payload := payload_from(order.payload, order.parameters):
        spec["payload"] = payload
    if order.key is not None:
        spec["taskKey"] = order.key
    spec |= {SPEC[option]: value for option, value in order.fields.items() if option in SPEC}
    if retry := {RETRY[option]: value for option, value in order.fields.items() if option in RETRY}:
        spec["retry"] = retry
    series = {RECURRENCE[option]: value for option, value in order.fields.items() if option in RECURRENCE}
    if series and not {"cron", "every"} & series.keys():
        option = next(option for option in order.fields if option in RECURRENCE)
        raise _wrong(f"{_written(option)} is about a series: say when it runs, with --cron or --every")
    if series:
        spec["recurrence"] = series
    if order.pod_template is not None:
        spec["podTemplate"] = dict(order.pod_template)
    return spec


def _identity(order: Order, namespace: str, task_id: UUID) -> tuple[str, UUID]:
    if order.key is None:
        return order.name or task_name(task_id), task_id
    if fault := key_fault(order.key):
        raise _wrong(f"--key {order.key!r}: {fault}")
    name = key_name(namespace, order.key)
    if order.name not in {None, name}:
        raise _wrong(
            f"--name {order.name!r}: the task of the key {order.key!r} is named {name}; leave --name out"
        )
    return name, key_id(namespace, order.key)


def _labels(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (key, equals, _) in zip(texts, pairs, strict=True):
        if not key or not equals:
            raise _wrong(f"--label {text!r} is not key=value; write it like --label team=reports")
        if key.partition("/")[0] == protocol.GROUP:
            raise _wrong(
                f"--label {text!r}: labels of {protocol.GROUP} are EverTask's own; choose another key"
            )
    return {key: value for key, _, value in pairs}


def _check(manifest: dict[str, Any]) -> None:
    """Judge the object by the API's rules, and its schedule by the operator's own code."""
    # 60 ms, for what is not a series too: the same sentence as the operator's.
    from evertask.recurrence import RecurrenceError, compile_recurrence  # noqa: PLC0415

    try:
        task = EverTask.model_validate(manifest)
        if task.spec.recurrence is not None:
            compile_recurrence(task.spec.recurrence)
    except ValidationError as error:
        raise _wrong("; ".join(map(_with_option, complaints(error)))) from error
    except RecurrenceError as error:
        raise _wrong(_with_option(str(error))) from error


def _with_option(sentence: str) -> str:
    """Name the option that a sentence about a field is about."""
    path = sentence.partition(" ")[0].rstrip(":")
    option = _OPTIONS.get(path)
    return f"{_written(option)}: {sentence}" if option else sentence


def _written(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def _wrong(message: str) -> CommandFailedError:
    return CommandFailedError(message, code=INVALID)
