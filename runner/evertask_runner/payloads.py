"""The handler's input: sources under the payload, then the user's model over both.

Values never appear in a message: a source may be a Secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import bounded
from evertask.api.protocol import HISTORY_MESSAGE_LIMIT, ErrorType
from evertask_runner.discretion import quotes, raises_quotes, shown_place, texts_of
from evertask_runner.failures import RunFailure, message_of, type_name
from evertask_runner.json_lines import encode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evertask_runner.json_lines import Json

SHOWN_ERRORS = 10
"""How many fields a message about an invalid payload names."""
_WITHHELD = " (its message repeats a part of the payload, and is not shown)"


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
        values = texts_of(payload)
        details = _details(error, payload, values)
        is_shown = not details and not raises_quotes(error, values)
        raise RunFailure(
            ErrorType.PAYLOAD_INVALID,
            f"spec.payload does not fit {model.__qualname__}: {details or _summary(error, is_shown=is_shown)}",
            error if is_shown else None,
        ) from error


def _details(error: Exception, payload: Json, values: Sequence[str]) -> str:
    """Name the fields of a pydantic error without the values that were refused."""
    if not type(error).__module__.startswith("pydantic"):
        return ""
    found = error.errors(include_url=False, include_context=False, include_input=False)  # type: ignore[attr-defined]
    shown = [_detail(one, payload, values) for one in found[:SHOWN_ERRORS]]
    more = [f"and {len(found) - SHOWN_ERRORS} more"] if len(found) > SHOWN_ERRORS else []
    return "; ".join(shown + more)


def _detail(one: Json, payload: Json, values: Sequence[str]) -> str:
    place = ".".join(shown_place(one["loc"], payload)) or "payload"
    message = bounded(one["msg"], HISTORY_MESSAGE_LIMIT)
    return f"{place}: {one['type'] + _WITHHELD if quotes(message, values) else message}"


def _summary(error: Exception, *, is_shown: bool) -> str:
    """Say what a validator raised that is no error of pydantic's; where its text may not be shown, from where."""
    if is_shown:
        return f"{type_name(error)}: {message_of(error)}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type_name(error)}{where}{_WITHHELD}"
