"""What a runner leaves in its termination message: its outcome, why it could not reach its run, or a policy.

The handler's code may write to the same file, so that nothing here is trusted: what does not have the form of an
outcome is no outcome. The API server would refuse a status made from it, for ever.
"""

from __future__ import annotations

import json
from datetime import datetime  # noqa: TC003  (pydantic reads it at run time)
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from evertask.api import protocol
from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import Phase
from evertask.api.retry import RetryPolicy
from evertask.api.times import format_time
from evertask.errors import ConfigurationError
from evertask.retries import Retry

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


class _Exits(_Model):
    retry: RetryPolicy


class _ExitsNote(_Model):
    run: str
    launch: int
    attempt: Annotated[int, Field(ge=1, le=1_000_000)]
    exits: _Exits


def parse_object(text: str) -> Json | None:
    """Read a JSON object; None when the text is none, such as the tail of a log."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def parse_outcome(text: str, run_id: str, launch: int) -> Outcome | None:
    """Read the outcome of a launch; None when the text is not one, or is that of another launch."""
    try:
        said = _Outcome.model_validate_json(text)
        # NaN and what is too large for a float: no JSON, and refused by the API server.
        json.dumps(said.result, allow_nan=False)
    except (ValidationError, ValueError, RecursionError):
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


class Exits(NamedTuple):
    """What decides where a whole pod dies: the policy of its handler's class."""

    attempt: int
    """That had begun."""
    retry: Retry


def parse_exits(text: str, run_id: str, launch: int) -> Exits | None:
    """Read what a runner has left for the case that its whole pod dies; None when the text is not that."""
    try:
        said = _ExitsNote.model_validate_json(text)
        retry = Retry.from_spec(said.exits.retry.model_dump(by_alias=True, exclude_none=True))
    except (ValidationError, ConfigurationError):
        return None
    return Exits(said.attempt, retry) if (said.run, said.launch) == (run_id, launch) else None


def _error(said: _Error, end_time: datetime) -> Json:
    return make_error(
        said.type,
        said.message,
        time=format_time(said.time or end_time),
        traceback=said.traceback,
        attempt=said.attempt,
    )
