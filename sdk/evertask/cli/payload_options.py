"""The payload of a task from a command line: ``--payload`` gives it whole, ``-p key=value`` sets a key of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from evertask.api.protocol import PAYLOAD_LIMIT
from evertask.cli.exits import INVALID, CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

STDIN = "-"
"""Stands for the standard input where a payload is asked for."""
FILE = "@"
"""Begins the name of a file, as curl has it."""

_INT64 = range(-(2**63), 2**63)
_KINDS = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def payload_from(text: str | None, parameters: Sequence[str]) -> dict[str, Any]:
    """Read the payload.

    Args:
        text: of ``--payload``: JSON, ``@file``, or ``-`` for the standard input; None for an empty object.
        parameters: of ``-p``: each ``key=value``, which is set in the payload. The value is JSON where it parses,
            else a string.

    Raises:
        CommandFailedError: it cannot be read, is no JSON object, or would not arrive as it was written.
    """
    payload = {} if text is None else _object(*_read(text))
    payload |= dict(map(_parameter, parameters))
    _check(payload)
    return payload


def _read(text: str) -> tuple[str, str]:
    """Give the JSON, and what messages call it."""
    if text != STDIN and not text.startswith(FILE):
        return text, "--payload"
    try:
        raw = sys.stdin.buffer.read() if text == STDIN else Path(text.removeprefix(FILE)).read_bytes()
        return raw.decode("utf-8-sig"), f"--payload {text}"
    except UnicodeDecodeError as error:
        raise _wrong(f"--payload {text}", f"is not UTF-8 ({error.reason})") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _wrong(f"--payload {text}", f"cannot be read: {reason}; name a file after @") from error


def _object(text: str, source: str) -> dict[str, Any]:
    try:
        value = _strict_json(text)
    except RecursionError as error:
        raise _wrong(source, "is nested too deeply; flatten it") from error
    except ValueError as error:
        raise _wrong(
            source,
            f'is not JSON ({error}); write it like \'{{"region": "eu"}}\', or name a file: @payload.json',
        ) from error
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "null")
        raise _wrong(
            source, f'must be a JSON object; it is {kind}: put it under a key, such as {{"value": …}}'
        )
    return value


def _parameter(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise _wrong(f"-p {text!r}", "is not key=value; write it like -p region=eu or -p count=3")
    try:
        return key, _strict_json(value)
    except (ValueError, RecursionError):
        return key, value


def _strict_json(text: str) -> Any:
    """Parse JSON as it is defined: Python's parser knows NaN besides, and keeps the last of two equal keys."""
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        double = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {double!r} is there twice")
    return made


def _check(payload: dict[str, Any]) -> None:
    """Refuse what the API server would change without a word: it rounds integers beyond 64 bits."""
    try:
        size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError as error:
        raise _wrong("payload", "holds half of a surrogate pair; send it as base64") from error
    if size > PAYLOAD_LIMIT:
        raise _wrong(
            "payload",
            f"has {size:,} bytes, the limit is {PAYLOAD_LIMIT:,}; store the data and send its address",
        )
    open_values: list[tuple[str, Any]] = [("payload", payload)]
    while open_values:
        path, value = open_values.pop()
        if isinstance(value, dict):
            open_values += ((f"{path}.{key}", inner) for key, inner in value.items())
        elif isinstance(value, list):
            open_values += ((f"{path}[{place}]", inner) for place, inner in enumerate(value))
        elif isinstance(value, int) and value not in _INT64:
            raise _wrong(path, f"holds {value}, which is beyond 64 bits; send it as a string")
        elif isinstance(value, float) and value in {float("inf"), float("-inf")}:
            raise _wrong(
                path, "holds a number beyond the largest that JSON's readers know; send it as a string"
            )


def _wrong(what: str, fault: str) -> CommandFailedError:
    return CommandFailedError(f"{what} {fault}", code=INVALID)
