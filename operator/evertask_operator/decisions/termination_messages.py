"""What a runner leaves in its termination message: its outcome, or why it could not reach its run.

The handler's code may write to the same file, so that nothing here is trusted: what does not have the form of an
outcome is no outcome. The API server would refuse a status made from it, for ever.
"""

from __future__ import annotations

import json
from datetime import datetime  # noqa: TC003  (pydantic reads it at run time)
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from evertask.api import protocol
from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import Phase
from evertask.api.times import format_time

Json = dict[str, Any]

_Attempt = Annotated[int, Field(ge=0, le=1_000_000)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class _Error(_Model):
    type: str
    message: str = ""
    time: AwareDatetime | None = None
    traceback: str | None = None
    attempt: _Attempt | None = None


class _Outcome(_Model):
    run: str
    launch: int
    phase: Phase
    end_time: AwareDatetime
    start_time: AwareDatetime | None = None
    attempt: _Attempt | None = None
    result: Any = None
    result_omitted: bool = False
    error: _Error | None = None


def parse_object(text: str) -> Json | None:
    """Read a JSON object; None when the text is none, such as the tail of a log."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def parse_outcome(text: str, run_id: str, launch: int) -> Outcome | None:
    """Read the outcome of a launch; None when the text is not one, or is that of another launch."""
    try:
        said = _Outcome.model_validate_json(text)
    except ValidationError:
        return None
    if (said.run, said.launch) != (run_id, launch) or said.phase in protocol.OPEN_PHASES:
        return None
    message = None
    if said.result_omitted:
        message = "the handler returned; its result was too large for the termination message and is lost"
    return Outcome(
        said.phase,
        format_time(said.end_time),
        said.result,
        _error(said.error, said.end_time) if said.error else None,
        said.attempt,
        message,
        start_time=format_time(said.start_time) if said.start_time else None,
    )


def _error(said: _Error, end_time: datetime) -> Json:
    return make_error(
        said.type,
        said.message,
        time=format_time(said.time or end_time),
        traceback=said.traceback,
        attempt=said.attempt,
    )
