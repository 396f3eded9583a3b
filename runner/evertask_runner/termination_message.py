"""The outcome in the container's termination message: the copy that survives when the API server is away.

The kubelet keeps the last 4,096 bytes; a document that were cut would be worthless, so it is made to fit.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from evertask.api.outcomes import bounded, bounded_tail
from evertask.api.protocol import TERMINATION_MESSAGE_LIMIT, ErrorType, Phase
from evertask_runner import console

if TYPE_CHECKING:
    from evertask.api.outcomes import Outcome
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder

COMPLAINT_LIMIT = 600
"""Characters; six bytes each at worst."""


def _encode(document: Json) -> bytes:
    """Write JSON.

    Raises:
        ValueError: the value holds NaN or an infinity: JSON knows none, and the API server takes none.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")


def build(outcome: Outcome, holder: Holder) -> bytes:
    """Write the message, at most ``TERMINATION_MESSAGE_LIMIT`` bytes.

    What does not fit is left out: first the result (``resultOmitted`` says so), or the outer part of the traceback,
    then the end of the message. So is a result that only a child which forges its report can have left.
    """
    document: Json = {
        "run": holder.run,
        "launch": holder.launch,
        "phase": str(outcome.phase),
        "endTime": outcome.end_time,
        "attempt": outcome.attempt,
    }
    if outcome.start_time is not None:
        document["startTime"] = outcome.start_time
    if outcome.error is not None:
        return _fit_error(document, outcome.error)
    if outcome.phase is Phase.SUCCEEDED and outcome.result is not None:
        with contextlib.suppress(ValueError, RecursionError):
            full = _encode({**document, "result": outcome.result})
            if len(full) <= TERMINATION_MESSAGE_LIMIT:
                return full
        document["resultOmitted"] = True
    return _encode(document)


def _fit_error(document: Json, error: Json) -> bytes:
    encoded = _encode({**document, "error": error})
    for field, cut in (("traceback", bounded_tail), ("message", bounded)):
        if len(encoded) <= TERMINATION_MESSAGE_LIMIT:
            break
        text = error.get(field) or ""
        # The longest part that fits, by bisection: a character is one to six bytes of JSON.
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            trial = _encode({**document, "error": {**error, field: cut(text, middle)}})
            fits, too_long = (middle, too_long) if len(trial) <= TERMINATION_MESSAGE_LIMIT else (fits, middle)
        rest = {name: value for name, value in error.items() if name != field}
        error = {**rest, field: cut(text, fits)} if fits else rest
        encoded = _encode({**document, "error": error})
    return encoded


def build_exits(holder: Holder, attempt: int, retry: Json) -> bytes:
    """Write what decides where the whole pod dies: no outcome, but the operator cannot know the handler's class.

    Args:
        holder: this pod and its run.
        attempt: that is about to begin, from 1.
        retry: as ``spec.retry``.
    """
    # Where a pod has died it counts whether exceptions are named, and not which: all of them would not fit.
    rest = {name: value for name, value in retry.items() if name not in ("onlyFor", "notFor")}
    if "onlyFor" in retry:
        rest["onlyFor"] = retry["onlyFor"][:1]
    return _encode({"run": holder.run, "launch": holder.launch, "attempt": attempt, "exits": {"retry": rest}})


def build_complaint(message: str) -> bytes:
    """Write why the runner could not even reach its run: no outcome, but the operator passes the sentence on."""
    return _encode({"error": {"type": ErrorType.POD_FAILED, "message": bounded(message, COMPLAINT_LIMIT)}})


def write(path: str, message: bytes) -> None:
    """Replace the termination message. A failure is logged and no more: the API server has the first word."""
    try:
        with open(path, "wb") as file:  # noqa: PTH123  (pathlib is not loaded)
            file.write(message)
    except OSError as error:
        console.say(f"the termination message cannot be written to {path}: {error.strerror}")
