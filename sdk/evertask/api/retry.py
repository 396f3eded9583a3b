"""``spec.retry``: how a handler that fails is tried again, as the user writes it.

Field docs are contract text: ``kubectl explain``, the CRD and the reference page are made from them. What the fields
mean is decided in ``evertask.retries``, which needs no pydantic: the runner uses it in every pod.

There is no field ``on``: YAML reads that key, unquoted, as ``true``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from evertask.api.durations import MAX_LENGTH
from evertask.api.rules import ApiModel, duration_between, matches, rule, validations
from evertask.exception_names import EXCEPTION_PATTERN, LONGEST_NAME

LONGEST_DELAY = "720h"
MAX_DELAYS = 32
MAX_NAMES = 32

Bounded = StringConstraints(max_length=MAX_LENGTH)

ExceptionName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_NAME),
    matches(
        EXCEPTION_PATTERN,
        "an exception is named by its class, with its module unless it is built in, for example ConnectionError or "
        "httpx.TransportError",
    ),
]

_ONE_WAY = (
    "retry.delays lists one delay for each retry, so leave out limit, delay, backoff and maxDelay; or leave out "
    "delays"
)
_ONE_FILTER = "set at most one of retry.onlyFor and retry.notFor"


class ExitRetry(ApiModel):
    """What follows when the handler's process died without an exception."""

    action: Literal["Retry", "Fail"]
    """action: Retry or Fail. Required."""
    codes: Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1, max_length=32)] | None = (
        None
    )
    """codes that the action is for, 1 to 255, at most 32; the opposite holds for all others. A signal counts as 128
    and its number: 137 is SIGKILL, and out of memory. Default: every exit."""


class RetryPolicy(ApiModel):
    """How often, and after which delays, a handler that fails is called again, and for which failures."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!has(self.delays) || "
                "!(has(self.limit) || has(self.delay) || has(self.backoff) || has(self.maxDelay))",
                _ONE_WAY,
            ),
            rule("!(has(self.onlyFor) && has(self.notFor))", _ONE_FILTER),
        )
    )

    limit: Annotated[int, Field(ge=0, le=1000)] | None = None
    """limit is how often the handler is called again after its first call failed, from 0 to 1000. Default 3."""
    delay: Annotated[str, Bounded, duration_between("retry.delay", "0s", LONGEST_DELAY)] | None = None
    """delay before the first retry, and before each with the backoff Fixed, from 0s to 720h. Default 500ms."""
    backoff: Literal["Fixed", "Exponential"] | None = None
    """backoff: Fixed (the same delay before each retry, the default) or Exponential (twice the delay before)."""
    max_delay: Annotated[str, Bounded, duration_between("retry.maxDelay", "0s", LONGEST_DELAY)] | None = None
    """maxDelay is the longest delay of the backoff Exponential, from 0s to 720h. Default 5m."""
    delays: (
        Annotated[
            list[Annotated[str, Bounded, duration_between("each of retry.delays", "0s", LONGEST_DELAY)]],
            Field(min_length=1, max_length=MAX_DELAYS),
        ]
        | None
    ) = None
    """delays lists the delay before each retry, and so how many there are: at most 32, each from 0s to 720h. Excludes
    limit, delay, backoff and maxDelay."""
    jitter: Annotated[str, Bounded, duration_between("retry.jitter", "0s", "1h")] | None = None
    """jitter is the most that is added to each delay at random, from 0s to 1h. Default 0s."""
    only_for: Annotated[list[ExceptionName], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """onlyFor names the exceptions that are retried, and no others: classes with their module, unless built in, for
    example ConnectionError or httpx.TransportError; subclasses count. Names are looked up in the handler's process.
    TimeoutError also means spec.timeout, which is not retried otherwise. At most 32. Excludes notFor."""
    not_for: Annotated[list[ExceptionName], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    """notFor names the exceptions that are not retried, as onlyFor does; all others are. Excludes onlyFor."""
    on_exit: ExitRetry | None = None
    """onExit says what follows when the handler's process died (out of memory, a crash, os._exit). Default: it is
    retried as any failure is, unless onlyFor is set."""

    @model_validator(mode="after")
    def _is_one_policy(self) -> Self:
        counted = (self.limit, self.delay, self.backoff, self.max_delay)
        if self.delays is not None and any(value is not None for value in counted):
            raise ValueError(_ONE_WAY)
        if self.only_for is not None and self.not_for is not None:
            raise ValueError(_ONE_FILTER)
        return self
