"""The handler's input: sources under the payload, then the user's model over both.

Values never appear in a message: a source may be a Secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import ErrorType
from evertask_runner.failures import RunFailure, message_of, type_name
from evertask_runner.json_lines import encode_json

if TYPE_CHECKING:
    from evertask_runner.json_lines import Json

SHOWN_ERRORS = 10
"""How many fields a message about an invalid payload names."""


def read_sources(folder: str, count: int) -> Json:
    """Read the mounted ``payloadFrom`` sources; a later one wins.

    Args:
        folder: holds one folder for each source, named by its index.
        count: how many sources ``spec.payloadFrom`` lists.

    Raises:
        RunFailure: PayloadInvalid; a source is not mounted, or a value is not text.
    """
    merged: Json = {}
    for index in range(count):
        source = f"{folder}/{index}"
        try:
            # A mounted volume holds `..data` and folders of past versions besides the keys.
            keys = sorted(name for name in os.listdir(source) if not name.startswith(".."))  # noqa: PTH208
            merged.update({key: _read_value(index, source, key) for key in keys})
        except OSError as error:
            raise RunFailure(
                ErrorType.PAYLOAD_INVALID,
                f"spec.payloadFrom[{index}] cannot be read at {source}: {error.strerror}",
            ) from error
    return merged


def _read_value(index: int, source: str, key: str) -> str:
    with open(f"{source}/{key}", "rb") as file:  # noqa: PTH123  (pathlib is not loaded)
        data = file.read()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise RunFailure(
            ErrorType.PAYLOAD_INVALID,
            f"spec.payloadFrom[{index}]: the value of key {key!r} is not UTF-8 text; a payload is JSON, "
            "so mount binary data with podTemplate instead",
        ) from None


def validate(model: Any, payload: Json) -> Any:
    """Make the model's instance from the payload.

    Raises:
        RunFailure: PayloadInvalid, naming the fields.
    """
    try:
        if hasattr(model, "model_validate_json"):
            # The JSON mode reads what model_dump(mode="json") wrote: sets, tuples, bytes, strict dates.
            return model.model_validate_json(encode_json(payload))
        return model.model_validate(payload)
    except Exception as error:
        # A validator of the user's may raise anything.
        details = _details(error)
        raise RunFailure(
            ErrorType.PAYLOAD_INVALID,
            f"spec.payload does not fit {model.__qualname__}: {details or f'{type_name(error)}: {message_of(error)}'}",
            None if details else error,
        ) from error


def _details(error: Exception) -> str:
    """Name the fields of a pydantic error without the values that were refused."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return ""
    found = errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}" for one in found[:SHOWN_ERRORS]]
    more = [f"and {len(found) - SHOWN_ERRORS} more"] if len(found) > SHOWN_ERRORS else []
    return "; ".join(shown + more)
