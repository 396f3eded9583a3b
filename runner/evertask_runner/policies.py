"""Which policy decides after a failed attempt, and what it decides.

A whole policy goes before a whole policy: ``spec.retry``, the handler class's ``retry``, the operator's default. The
handler's process decides, because it has the exception, the class and what the class's policy is made of. Where that
process died, the parent decides by what it was told of the policy before; only a policy of the user's own making has
to be asked in another process. Imported after a failure, or where a class has a policy: a plain run pays nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import ENV_DEFAULTS, ErrorType
from evertask.errors import ConfigurationError
from evertask.retries import Failure, NonRetryable, Retry
from evertask_runner.failures import RunFailure, message_of, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.retries import RetryPolicy
    from evertask_runner.json_lines import Json

LONGEST_DELAY = timedelta(hours=721)
"""What a policy may give: the longest delay and the longest jitter of ``spec.retry``."""

NEVER_RETRIED = frozenset(
    {
        ErrorType.HANDLER_NOT_FOUND,
        ErrorType.HANDLER_IMPORT_FAILED,
        ErrorType.HANDLER_INVALID,
        ErrorType.PAYLOAD_INVALID,
        ErrorType.RESULT_NOT_SERIALISABLE,
        ErrorType.RESULT_TOO_LARGE,
        ErrorType.START_DEADLINE_EXCEEDED,
    }
)
"""EverTask's own failures that another attempt would meet again."""


class Choice(NamedTuple):
    """The policy that counts."""

    policy: RetryPolicy
    name: str
    """Where it comes from, for messages."""


class Decision(NamedTuple):
    """There is another attempt."""

    delay: float
    """Seconds before it."""
    attempts: int | None
    """How many the policy allows in all; None where only the policy knows."""

    def as_json(self) -> Json:
        """Write it for the parent."""
        return self._asdict()


def choose(document: Mapping[str, Any], own: RetryPolicy | None) -> Choice:
    """Give the policy that counts.

    Args:
        document: the run document: ``handler``, ``retry`` (of the spec) and ``defaultRetry``.
        own: the handler class's.
    """
    if document.get("retry") is not None:
        return Choice(Retry.from_spec(document["retry"]), "spec.retry")
    if own is not None:
        return Choice(own, f"the retry policy of {document['handler']}")
    default = document.get("defaultRetry")
    return Choice(
        Retry.from_spec(default) if default is not None else Retry(),
        f"the operator's default ({ENV_DEFAULTS})",
    )


def decide(choice: Choice, failure: Failure) -> Decision | None:
    """Ask a policy whether another attempt follows; None where none does.

    Raises:
        RunFailure: HandlerInvalid; the policy raised, or gave something else than a delay.
    """
    if isinstance(failure.error, NonRetryable):
        return None
    about = f"about attempt {failure.attempt} ({failure.type})"
    delay: Any
    try:
        delay = choice.policy.next_delay(failure)
    except BaseException as error:
        raised = f"{type_name(error)}: {message_of(error)}".rstrip(": ")
        text = f"{choice.name} raised {raised} when it was asked {about}; the run is not tried again"
        raise RunFailure(ErrorType.HANDLER_INVALID, text, error) from error
    if delay is None:
        return None
    if not isinstance(delay, timedelta) or not timedelta(0) <= delay <= LONGEST_DELAY:
        text = (
            f"{choice.name} gave {delay!r} when it was asked {about}; next_delay gives a timedelta from 0 to 720 "
            "hours, or None"
        )
        raise RunFailure(ErrorType.HANDLER_INVALID, text)
    attempts = choice.policy.retries + 1 if isinstance(choice.policy, Retry) else None
    return Decision(delay.total_seconds(), attempts)


def told_of(policy: RetryPolicy) -> Json:
    """Say what the parent has to know of a handler class's own policy for the case that the process dies.

    Returns:
        ``exits``: what decides where the whole pod dies, as ``spec.retry``; nothing is retried there that only Python
        can decide. ``deaths``: what decides where the process alone dies; None where the policy has to be asked.
    """
    if type(policy) is not Retry:
        return {"exits": {"limit": 0}, "deaths": None}
    try:
        # A predicate is about exceptions, and a process that died raised none.
        deaths = replace(policy, when=None).to_spec()
    except ConfigurationError:  # it names an exception that has no path, such as one of __main__
        return {"exits": {"limit": 0}, "deaths": None}
    return {"exits": {"limit": 0} if policy.when is not None else deaths, "deaths": deaths}


def failure_of_death(failure: Mapping[str, Any]) -> Failure:
    """Read what the parent knows of an attempt whose process it found dead, or killed."""
    return Failure(
        failure["attempt"],
        None,
        failure["type"],
        is_timeout=failure["isTimeout"],
        exit_code=failure["exitCode"],
    )
