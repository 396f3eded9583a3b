"""``Retry``: how often, after which delays and for which failures a handler is called again.

    class SendWelcomeEmail(Handler[WelcomeEmail]):
        retry = Retry(limit=5, delay=timedelta(seconds=2), backoff="Exponential", only_for=TRANSIENT_NETWORK_ERRORS)

One object says the same as ``spec.retry``, and decides for the runner and for the operator. Pure, standard library
only: every pod loads it. What only Python can say (a predicate, a policy of your own) works as an attribute of a
handler class, because it is run where the handler is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from evertask.api.durations import format_duration, parse_duration
from evertask.errors import ConfigurationError
from evertask.exception_names import ExceptionName, has_timeout_error, is_one_of, name_of, path_fault
from evertask.retry_bounds import (
    DEFAULT_DELAY,
    DEFAULT_LIMIT,
    DEFAULT_MAX_DELAY,
    LONGEST_DELAY,
    as_tuple,
    exit_faults,
    retry_faults,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class RetryAfter(Exception):  # noqa: N818  (it asks for something)
    """Raise it in a handler to be called again after a delay of your own: a server said when to come back.

    It uses up a retry as any failure does, and goes before ``only_for`` and ``not_for``; without a retry left the
    run fails with it. Raise it ``from`` the exception that was met, to keep that one's traceback.
    """

    def __init__(self, delay: timedelta | float, message: str = "") -> None:
        """Say when.

        Args:
            delay: from now; a number is in seconds. From zero to 720 hours.
            message: for the status.

        Raises:
            ValueError: the delay is outside its bounds.
        """
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        # Not timedelta(seconds=delay): what is no number, or beyond all bounds, has another error each.
        if not 0 <= seconds <= LONGEST_DELAY.total_seconds():
            raise ValueError(f"RetryAfter takes a delay from 0 to 720 hours, not {delay!r}")
        self.delay = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        super().__init__(
            message or f"the handler asks to be called again after {format_duration(self.delay)}"
        )

    def __reduce__(self) -> tuple[type[RetryAfter], tuple[timedelta, str]]:
        return type(self), (self.delay, str(self))


class NonRetryable(Exception):  # noqa: N818  (it says something of a failure)
    """Raise it, or an exception derived from it, in a handler to fail the run at once, whatever its policy says."""


@dataclass(frozen=True, slots=True)
class ExitRetry:
    """What follows when the handler's process died without an exception (out of memory, a crash, ``os._exit``)."""

    action: Literal["Retry", "Fail"]
    codes: Sequence[int] = ()
    """That the action is for, 1 to 255; the opposite holds for all others. A signal counts as 128 and its number: 137
    is SIGKILL, and out of memory. Empty: every exit."""

    def __post_init__(self) -> None:
        """Refuse what ``spec.retry.onExit`` would refuse.

        Raises:
            ConfigurationError: the action or a code is none.
        """
        object.__setattr__(self, "codes", as_tuple(self.codes))
        for fault in exit_faults(self):
            raise ConfigurationError(f"ExitRetry: {fault}")

    def is_retried(self, code: int) -> bool:
        """Tell whether a process that ended with a code is followed by another attempt."""
        is_meant = not self.codes or code in self.codes
        return is_meant == (self.action == "Retry")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a policy is asked about: one failed attempt."""

    attempt: int
    """From 1."""
    error: BaseException | None
    """What the handler raised; None where its process died, or only the error's name is known."""
    type: str
    """Name of the exception's class, or one of EverTask's own error types."""
    is_timeout: bool = False
    """``timeout`` was over."""
    exit_code: int | None = None
    """Of a process that died; 128 and its number for a signal."""


@runtime_checkable
class RetryPolicy(Protocol):
    """A policy of your own: any object with this method may be a handler class's ``retry``.

    It is shared by all runs of its process and must keep nothing of one.
    """

    def next_delay(self, failure: Failure) -> timedelta | None:
        """Give the delay before the next attempt; None: there is none, the run has failed.

        It is asked for each failed attempt but those that ended in ``NonRetryable`` or in one of EverTask's own errors
        (a handler that does not exist, a payload that does not fit). One that raises fails the run.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A policy that ``spec.retry`` can say, and a predicate that only Python can say.

    Which failures are retried, the first of these that applies: ``NonRetryable`` never, ``RetryAfter`` always;
    ``timeout`` only where ``only_for`` has ``TimeoutError`` itself; then ``when``, ``only_for``, ``not_for``; else yes.
    A group of exceptions is retried where each of them would be.
    """

    limit: int = DEFAULT_LIMIT
    """How often the handler is called again, from 0 to 1000."""
    delay: timedelta = DEFAULT_DELAY
    """Before the first retry, and with the backoff Fixed before each. From zero to 720 hours."""
    backoff: Literal["Fixed", "Exponential"] = "Fixed"
    """Exponential: twice the delay before, up to ``max_delay``."""
    max_delay: timedelta = DEFAULT_MAX_DELAY
    delays: Sequence[timedelta] = ()
    """The delay before each retry, at most 32, instead of ``limit``, ``delay``, ``backoff`` and ``max_delay``."""
    jitter: timedelta = timedelta(0)
    """The most that is added to each delay at random, up to an hour."""
    only_for: Sequence[ExceptionName] = ()
    """The exceptions that are retried, and no others; subclasses count. At most 32. Not with ``not_for``."""
    not_for: Sequence[ExceptionName] = ()
    """The exceptions that are not retried; all others are."""
    when: Callable[[BaseException], bool] | None = None
    """Decides instead of ``only_for`` and ``not_for``. In a handler class only; it keeps nothing of a run."""
    on_exit: ExitRetry | None = None
    """For a handler's process that died. None: retried as any failure is, unless ``only_for`` is given."""

    def __post_init__(self) -> None:
        """Refuse what ``spec.retry`` would refuse.

        Raises:
            ConfigurationError: a value is outside its bounds, or two of them exclude each other.
        """
        for name in ("delays", "only_for", "not_for"):
            object.__setattr__(self, name, as_tuple(getattr(self, name)))
        for fault in retry_faults(self):
            raise ConfigurationError(f"Retry: {fault}")

    @classmethod
    def none(cls) -> Retry:
        """Give the policy that calls a handler once and no more."""
        return cls(limit=0)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Retry:
        """Read ``spec.retry``, which the API server has checked."""
        given: dict[str, Any] = {
            ours: parse_duration(spec[name]) for name, ours in _DURATIONS.items() if name in spec
        }
        given |= {name: spec[name] for name in ("limit", "backoff") if name in spec}
        if "delays" in spec:
            given["delays"] = [parse_duration(text) for text in spec["delays"]]
        given |= {ours: spec[name] for name, ours in _FILTERS.items() if name in spec}
        if on_exit := spec.get("onExit"):
            given["on_exit"] = ExitRetry(on_exit["action"], on_exit.get("codes") or ())
        return cls(**given)

    def to_spec(self) -> dict[str, Any]:
        """Write it as ``spec.retry``.

        Raises:
            ConfigurationError: it has a predicate, which no object can carry, or an exception that has no name.
        """
        if self.when is not None:
            raise ConfigurationError(
                "Retry(when=…) is Python code and cannot travel in a task; set it as the handler class's retry, or "
                "say the same by only_for or not_for"
            )
        spec: dict[str, Any] = {"delays": [format_duration(delay) for delay in self.delays]}
        if not self.delays:
            spec = {"limit": self.limit, "delay": format_duration(self.delay)}
        if self.backoff == "Exponential":
            spec["backoff"] = self.backoff
        if self.backoff == "Exponential" or self.max_delay != DEFAULT_MAX_DELAY:
            spec["maxDelay"] = format_duration(self.max_delay)
        if self.jitter:
            spec["jitter"] = format_duration(self.jitter)
        spec |= {name: self._names(ours) for name, ours in _FILTERS.items() if getattr(self, ours)}
        if self.on_exit is not None:
            codes = {"codes": list(self.on_exit.codes)} if self.on_exit.codes else {}
            spec["onExit"] = {"action": self.on_exit.action, **codes}
        return spec

    def _names(self, field: str) -> list[str]:
        exceptions: Sequence[ExceptionName] = getattr(self, field)
        for exception in exceptions:
            if fault := path_fault(exception):
                raise ConfigurationError(f"Retry: {field}: {fault}; or set it as the handler class's retry")
        return [name_of(exception) for exception in exceptions]

    @property
    def retries(self) -> int:
        """How often a handler is called again."""
        return len(self.delays) if self.delays else self.limit

    def delay_before(self, retry: int, luck: float) -> timedelta | None:
        """Give the delay before a retry; None when there is no such retry.

        Args:
            retry: its number, from 1.
            luck: from 0 to 1, for the jitter.
        """
        if retry > self.retries:
            return None
        if self.delays:
            base = self.delays[retry - 1]
        elif self.backoff == "Fixed":
            base = self.delay
        else:
            # Beyond 2^63 a float has no end, and a timedelta has one long before.
            seconds = self.delay.total_seconds() * 2.0 ** min(retry - 1, 63)
            base = timedelta(seconds=min(self.max_delay.total_seconds(), seconds))
        return base + self.jitter * luck

    def is_retried(self, failure: Failure) -> bool:
        """Tell whether a failure is of a kind that is retried."""
        error = failure.error
        if isinstance(error, (NonRetryable, RetryAfter)):
            return isinstance(error, RetryAfter)
        if failure.exit_code is not None:
            return self._exit_is_retried(failure.exit_code)
        if failure.is_timeout:
            return has_timeout_error(self.only_for)
        if isinstance(error, BaseExceptionGroup) and not is_one_of(failure.type, error, self.only_for):
            return all(
                self.is_retried(replace(failure, error=one, type=name_of(type(one))))
                for one in error.exceptions
            )
        if self.when is not None and error is not None:
            return self.when(error)
        if self.only_for:
            return is_one_of(failure.type, error, self.only_for)
        return not is_one_of(failure.type, error, self.not_for)

    def next_delay(self, failure: Failure) -> timedelta | None:
        """Give the delay before the next attempt; None: there is none, the run has failed."""
        if not self.is_retried(failure):
            return None
        from random import random  # noqa: PLC0415  (2 ms that a pod without a failure need not pay)

        delay = self.delay_before(failure.attempt, random())  # noqa: S311  (spreads load, hides nothing)
        if delay is not None and isinstance(failure.error, RetryAfter):
            return failure.error.delay
        return delay

    def _exit_is_retried(self, code: int) -> bool:
        return not self.only_for if self.on_exit is None else self.on_exit.is_retried(code)


_DURATIONS = {"delay": "delay", "maxDelay": "max_delay", "jitter": "jitter"}
_FILTERS = {"onlyFor": "only_for", "notFor": "not_for"}
