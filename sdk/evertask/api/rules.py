"""Building blocks of the schema: bounded types and the CEL rules that the API server enforces.

The rules live beside the model (as ``x-kubernetes-validations``), so that the CRD can be generated from it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from evertask.api.durations import DURATION_PATTERN, MAX_LENGTH

Extension = dict[str, Any]

HANDLER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
"""``package.module:attribute``. It admits no dollar sign: the path is an environment value of the runner."""

DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


def rule(expression: str, message: str, *, reason: str | None = None, field: str | None = None) -> dict[str, str]:
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


def duration_rule(field: str, at_least: str, at_most: str) -> Extension:
    """Refuse a text that is no duration or lies out of bounds, with one message that shows how to write it."""
    return validations(
        rule(
            f"self.matches('{DURATION_PATTERN}') && duration(self) >= duration('{at_least}') "
            f"&& duration(self) <= duration('{at_most}')",
            f"{field} must be a duration from {at_least} to {at_most}, written like 90s, 5m, 1h30m or 250ms",
        )
    )


DurationText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]
TimeText = Annotated[str, StringConstraints(max_length=64), Field(json_schema_extra={"format": "date-time"})]

ANY_JSON: Extension = {"x-kubernetes-preserve-unknown-fields": True}
"""For fields that hold whatever JSON the user put there."""
