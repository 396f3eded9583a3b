"""Building blocks of the models: their base, bounded types, and rules that hold twice.

A rule stands beside the field that it is about. The API server enforces it as CEL
(``x-kubernetes-validations``, from which the CRD is generated) and pydantic enforces the same in Python, with
the same sentence: a task that is refused is refused by the SDK before it is sent. Patterns are rules too,
because a schema's own ``pattern`` answers with nothing but a regular expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from evertask.api.durations import DURATION_PATTERN, parse_duration
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

Extension = dict[str, Any]

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = f"{_NAME}([.]{_NAME})*"
HANDLER_PATTERN = f"^{_DOTTED}:{_DOTTED}$"
"""``package.module:attribute``. It admits no dollar sign: the path is an environment value of the runner."""

_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_LABEL = f"^{_DNS_LABEL}$"
DNS_SUBDOMAIN = f"^{_DNS_LABEL}([.]{_DNS_LABEL})*$"

TIME_PATTERN = (
    "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
FIRST_TIME = "1970-01-01T00:00:00Z"
"""Run ids are unix seconds and part of a Job's name: they cannot be negative."""


class ApiModel(BaseModel):
    """Base of all API types: camelCase on the wire, unknown fields refused, docs from docstrings."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", use_attribute_docstrings=True
    )


def field_path(location: Iterable[int | str]) -> str:
    """Write pydantic's ``loc`` as kubectl writes a field's place: ``spec.recurrence.calendar.atTimes[0]``."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def rule(
    expression: str, message: str, *, reason: str | None = None, field: str | None = None
) -> dict[str, str]:
    """Write one CEL rule.

    Args:
        expression: true when the object is good.
        message: names the field and the way out.
        reason: ``FieldValueForbidden`` shows the message without the value.
        field: path of the field to blame, where the rule stands on a parent.
    """
    made = {"rule": expression, "message": message}
    if reason:
        made["reason"] = reason
    if field:
        made["fieldPath"] = field
    return made


def validations(*rules: dict[str, str]) -> Extension:
    """Attach CEL rules to a model or a field (give it to ``json_schema_extra``)."""
    return {"x-kubernetes-validations": list(rules)}


@dataclass(frozen=True)
class Rule:
    """A rule on a field, to stand in its ``Annotated``."""

    expression: str
    """CEL, for the API server."""
    is_good: Callable[[Any], bool]
    """The same for pydantic."""
    message: str
    """Names the field and the way out."""

    def _check(self, value: Any) -> Any:
        if not self.is_good(value):
            raise ValueError(f"{self.message}; this is {value!r}")
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | validations(rule(self.expression, self.message))


def _fullmatch(pattern: str) -> Callable[[str], bool]:
    # Without its anchors: Python's $ also matches before a final line break, RE2's does not.
    compiled = re.compile(pattern[1:-1])
    return lambda text: compiled.fullmatch(text) is not None


def matches(pattern: str, message: str) -> Rule:
    """Ask for a text of a pattern, anchored at both ends, in the dialect that RE2 and Python share."""
    return Rule(f"self.matches('{pattern}')", _fullmatch(pattern), message)


def duration_between(field: str, at_least: str, at_most: str) -> Rule:
    """Ask for a duration within bounds, with one sentence that shows how to write it."""
    lowest, highest = parse_duration(at_least), parse_duration(at_most)
    well_formed = _fullmatch(DURATION_PATTERN)

    def is_good(text: str) -> bool:
        try:
            return well_formed(text) and lowest <= parse_duration(text) <= highest
        except ValueError:  # longer than any duration
            return False

    return Rule(
        f"self.matches('{DURATION_PATTERN}') && duration(self) >= duration('{at_least}') "
        f"&& duration(self) <= duration('{at_most}')",
        is_good,
        f"{field} must be a duration from {at_least} to {at_most}, written like 90s, 5m, 1h30m or 250ms",
    )


def instant(field: str) -> Rule:
    """Ask for an RFC 3339 instant with a zone.

    Stricter than the schema's ``format: date-time``, which takes a comma for the point and an offset of 99
    hours.
    """
    first = parse_time(FIRST_TIME)
    well_formed = _fullmatch(TIME_PATTERN)

    def is_good(text: str) -> bool:
        try:
            return well_formed(text) and first <= parse_time(text)
        except ValueError:  # no such day: the pattern does not know how long a month is
            return False

    return Rule(
        f"self.matches('{TIME_PATTERN}') && timestamp(self) >= timestamp('{FIRST_TIME}')",
        is_good,
        f"{field} must be an existing date and time from 1970 to 2999 with a time zone, "
        "written like 2026-12-25T10:00:00Z or 2026-12-25T10:00:00.250-05:00",
    )


TimeText = Annotated[str, StringConstraints(max_length=64), Field(json_schema_extra={"format": "date-time"})]
"""An instant in a status: written by EverTask, so that the schema's own check is enough."""

ANY_JSON: Extension = {"x-kubernetes-preserve-unknown-fields": True}
"""For fields that hold whatever JSON the user put there."""

_TEXTS: Extension = {"type": "object", "maxProperties": 64}


def not_stored(schema: dict[str, Any]) -> None:
    """Keep a field's default out of the CRD (give this to ``json_schema_extra``).

    A default of the schema is written into every stored object: what a user applied would not be what he reads, and
    a later release could not choose another default.
    """
    schema.pop("default", None)


POD_TEMPLATE: Extension = {
    "additionalProperties": False,
    "properties": {
        "metadata": {
            "type": "object",
            "description": "metadata is merged into the pod's own: labels and annotations only.",
            "properties": {
                "labels": _TEXTS
                | {
                    "description": "labels of the pod, at most 64. Those of evertask.io are the operator's.",
                    "additionalProperties": {"type": "string", "maxLength": 63},
                },
                "annotations": _TEXTS
                | {
                    "description": "annotations of the pod, at most 64.",
                    "additionalProperties": {"type": "string", "maxLength": 65536},
                },
            },
        },
        "spec": ANY_JSON
        | {
            "type": "object",
            "maxProperties": 64,
            "description": "spec is merged into the pod's own: any field of a PodSpec.",
        },
    },
}
"""The outer form of a pod template. What stands in its spec is judged when the Job is made."""
