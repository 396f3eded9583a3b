"""A task's payload as JSON, and what would not arrive as it was sent.

The API server stores JSON numbers as 64-bit integers or doubles and rounds silently what does not fit; so the
check is made here, where the caller can still do something about it.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from pydantic import Secret, SecretBytes, SecretStr

from evertask.api.protocol import PAYLOAD_LIMIT
from evertask.errors import Cause, DispatchRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask.tasks import Task

_INT64 = range(-(2**63), 2**63)
_ROOT = "payload"
_NOT_FINITE = "which JSON has no form for: send None or a string"
_SURROGATE = re.compile("[\ud800-\udfff]")


def payload_of(task: Task) -> dict[str, Any]:
    """Give the payload, so that the handler's model reads back the same task.

    Aliases are used, computed fields left out.

    Raises:
        DispatchRefusedError: something in it has no exact JSON form, is a secret, or it is too large; the
            message names the field.
    """
    who = type(task).__qualname__
    try:
        payload: dict[str, Any] = task.model_dump(mode="json", by_alias=True, round_trip=True)
    except (ValueError, RecursionError) as error:
        raise DispatchRefusedError(
            f"the payload of {who} cannot be written as JSON: {error}; use JSON types, nested less than 250 "
            "deep, or a pydantic serializer"
        ) from error
    causes = [*_faults(payload), *_losses(task.model_dump(by_alias=True, round_trip=True), payload)]
    if causes:
        said = "; ".join(f"{cause.field} {cause.message}" for cause in causes[:5])
        raise DispatchRefusedError(f"the payload of {who} would not arrive unchanged: {said}", causes=causes)
    size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    if size > PAYLOAD_LIMIT:
        raise DispatchRefusedError(
            f"the payload of {who} has {size:,} bytes of JSON, the limit is {PAYLOAD_LIMIT:,}; "
            "store the data elsewhere and send its address",
            causes=[Cause(_ROOT, "too large")],
        )
    return payload


def _faults(payload: dict[str, Any]) -> Iterator[Cause]:
    """Find what JSON, or the API server's reading of it, has no exact form for."""
    for path, value in _leaves(payload, _ROOT):
        if isinstance(value, int) and value not in _INT64:
            yield Cause(path, f"holds {value}, which is beyond 64 bits: send it as a string")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Cause(path, f"holds {value}, {_NOT_FINITE}")
        elif isinstance(value, str) and _SURROGATE.search(value):
            yield Cause(
                path, "holds half of a surrogate pair, which UTF-8 has no form for: send it as base64"
            )


def _losses(values: dict[str, Any], payload: dict[str, Any]) -> Iterator[Cause]:
    """Find what pydantic has replaced without a word: secrets by asterisks, numbers that are not finite by null."""
    written = dict(_leaves(payload, _ROOT))
    for path, value in _leaves(values, _ROOT):
        if isinstance(value, SecretStr | SecretBytes | Secret):
            yield Cause(path, "holds a secret: keep it in a Secret and let the handler read it from there")
        elif isinstance(value, float) and not math.isfinite(value) and written.get(path) is None:
            yield Cause(path, f"holds {value}, {_NOT_FINITE}")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Walk a nested value: its keys under the path of their object, its leaves under their own."""
    open_values = [(path, value)]
    while open_values:
        path, value = open_values.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                yield path, key
                open_values.append((f"{path}.{key}", inner))
        elif isinstance(value, list | tuple | set | frozenset):
            open_values += ((f"{path}[{index}]", inner) for index, inner in enumerate(value))
        else:
            yield path, value
