"""What a handler returned, as JSON that survives the API server unchanged.

The API server rounds integers beyond 64 bits and replaces broken text without a word; such values are refused here,
with the path of the value.
"""

from __future__ import annotations

import json
import math
from typing import Any

from evertask.api.protocol import RESULT_LIMIT, ErrorType
from evertask_runner.failures import RunFailure

MAX_DEPTH = 200
"""Levels of lists and objects in a result. A value that contains itself ends here too."""
LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Bounds of an integer in the API server. Compared and not looked up in a range, which walks for an int's subclass."""

_HINTS = {
    "datetime": "use .isoformat()",
    "date": "use .isoformat()",
    "time": "use .isoformat()",
    "timedelta": "use .total_seconds()",
    "UUID": "use str(...)",
    "Decimal": "use str(...) or float(...)",
    "PosixPath": "use str(...)",
    "set": "use sorted(...) or list(...)",
    "frozenset": "use sorted(...) or list(...)",
    "bytes": "use .decode() or base64",
    "generator": "use list(...)",
    "coroutine": "await it",
}


def _refuse(path: str, why: str) -> RunFailure:
    return RunFailure(ErrorType.RESULT_NOT_SERIALISABLE, f"{path} {why}")


def to_json_value(value: Any, path: str = "result", depth: int = 0) -> Any:
    """Turn a result into plain JSON types.

    Objects with ``model_dump`` (pydantic) and dataclasses become objects, tuples become lists.

    Raises:
        RunFailure: ResultNotSerialisable, naming the path of the value and the way out.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, (int, float)):
        return _number(value, path)
    if depth >= MAX_DEPTH:
        raise _refuse(
            path[:200], f"is nested more than {MAX_DEPTH} levels deep, or contains itself; flatten it"
        )
    if isinstance(value, (list, tuple)):
        return [to_json_value(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return _object(value, path, depth)
    return to_json_value(_fields(value, path), path, depth + 1)


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _refuse(
            path, "is text with a lone surrogate, which JSON cannot carry; decode the bytes rightly"
        ) from None
    return str(value)


def _number(value: float, path: str) -> float:
    if isinstance(value, int):
        if not LOWEST <= value <= HIGHEST:
            raise _refuse(path, f"is the integer {_short(value)}, which does not fit 64 bits; use str(...)")
        return int(value)
    if not math.isfinite(value):
        raise _refuse(path, f"is {value!r}, which JSON does not know; use None or a text")
    return float(value)


def _short(value: int) -> str:
    return str(value) if value.bit_length() < 128 else f"of {value.bit_length()} bits"  # noqa: PLR2004


def _object(value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
    made = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _refuse(
                path, f"has the key {key!r} of type {type(key).__name__}; JSON keys are text, use str(...)"
            )
        made[_text(key, f"a key of {path}")] = to_json_value(item, f"{path}.{key}", depth + 1)
    return made


def _fields(value: Any, path: str) -> Any:
    if isinstance(value, type):
        raise _refuse(path, f"is the class {value.__name__}, which is not JSON; return an instance or a dict")
    if hasattr(value, "model_dump"):
        try:
            return value.model_dump(mode="json")
        except Exception as error:
            raise RunFailure(
                ErrorType.RESULT_NOT_SERIALISABLE, f"{path}: model_dump(mode='json') raised {error}", error
            ) from error
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    name = type(value).__name__
    hint = _HINTS.get(name, "return text, numbers, lists, dicts, or a pydantic model")
    raise _refuse(path, f"is of type {name}, which is not JSON; {hint}")


def result_of(value: Any) -> Any:
    """Turn what a handler returned into the value of ``status.result``.

    Raises:
        RunFailure: ResultNotSerialisable or ResultTooLarge.
    """
    result = to_json_value(value)
    size = len(json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())
    if size > RESULT_LIMIT:
        raise RunFailure(
            ErrorType.RESULT_TOO_LARGE,
            f"the result is {size:,} bytes of JSON, and {RESULT_LIMIT:,} fit into the status; "
            "store it elsewhere (object storage, a database) and return a reference to it",
        )
    return result
