"""What a retry policy may say: the bounds of ``spec.retry``, by the names that Python has for its fields.

Whatever the API server refuses is refused here, where the code is that says it. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.exception_names import name_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertask.retries import ExitRetry, Retry

DEFAULT_LIMIT = 3
DEFAULT_DELAY = timedelta(milliseconds=500)
DEFAULT_MAX_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(hours=720)
LONGEST_JITTER = timedelta(hours=1)
MOST_RETRIES = 1000
MOST_DELAYS = MOST_NAMES = MOST_CODES = 32
HIGHEST_CODE = 255

COUNTED = {"limit": DEFAULT_LIMIT, "delay": DEFAULT_DELAY, "backoff": "Fixed", "max_delay": DEFAULT_MAX_DELAY}
"""The fields that ``delays`` stands in for, and their defaults."""


def as_tuple(value: Any) -> Any:
    """Give a list, or what else can be gone through, as a tuple; what is no list as it is."""
    is_list = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | type)
    return tuple(value) if is_list else value


def retry_faults(retry: Retry) -> Iterator[str]:
    """Say what is wrong with a policy: the field, its value, and the way out."""
    if not _is_number(retry.limit) or not 0 <= retry.limit <= MOST_RETRIES:
        yield f"limit={retry.limit!r} must be a whole number from 0 (no retry) to {MOST_RETRIES}"
    if retry.backoff not in {"Fixed", "Exponential"}:
        yield f"backoff={retry.backoff!r} must be Fixed or Exponential"
    for name, longest in (("delay", LONGEST_DELAY), ("max_delay", LONGEST_DELAY), ("jitter", LONGEST_JITTER)):
        yield from _span_faults(name, getattr(retry, name), longest)
    yield from _delays_faults(retry)
    for name in ("only_for", "not_for"):
        yield from _names_faults(name, getattr(retry, name))
    if retry.only_for and retry.not_for:
        yield "only_for and not_for exclude each other; give one of them"
    if retry.when is not None and not callable(retry.when):
        yield f"when={retry.when!r} must be a function that takes the exception and tells whether it is retried"
    if retry.on_exit is not None and not hasattr(retry.on_exit, "action"):
        yield f"on_exit={retry.on_exit!r} must be an ExitRetry, such as ExitRetry('Fail', codes=[2])"


def exit_faults(rule: ExitRetry) -> Iterator[str]:
    """Say what is wrong with a rule for exits."""
    if rule.action not in {"Retry", "Fail"}:
        yield f"action={rule.action!r} must be Retry or Fail"
    if not isinstance(rule.codes, tuple):
        yield f"codes={rule.codes!r} must be a list, such as [{rule.codes!r}]"
    elif len(rule.codes) > MOST_CODES:
        yield f"codes has {len(rule.codes)} numbers; give at most {MOST_CODES}, or the others with the other action"
    elif wrong := [code for code in rule.codes if not _is_number(code) or not 1 <= code <= HIGHEST_CODE]:
        yield f"codes has {wrong[0]!r}; they are whole numbers from 1 to {HIGHEST_CODE}"


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _span_faults(name: str, value: Any, longest: timedelta) -> Iterator[str]:
    if not isinstance(value, timedelta):
        yield f"{name}={value!r} must be a timedelta, such as timedelta(seconds=5)"
    elif not timedelta(0) <= value <= longest:
        yield f"{name}={value} must be from 0 to {longest // timedelta(hours=1)} hours"


def _delays_faults(retry: Retry) -> Iterator[str]:
    if not isinstance(retry.delays, tuple):
        yield f"delays={retry.delays!r} must be a list with one timedelta for each retry"
        return
    if len(retry.delays) > MOST_DELAYS:
        yield f"delays has {len(retry.delays)} entries; give at most {MOST_DELAYS}, or a limit and a backoff"
    for number, delay in enumerate(retry.delays):
        yield from _span_faults(f"delays[{number}]", delay, LONGEST_DELAY)
    given = [name for name, default in COUNTED.items() if getattr(retry, name) != default]
    if retry.delays and given:
        yield f"delays lists one delay for each retry; leave out {', '.join(given)}, or leave out delays"


def _names_faults(field: str, names: Any) -> Iterator[str]:
    if not isinstance(names, tuple):
        shown = names.__name__ if isinstance(names, type) else repr(names)
        yield f"{field}={shown} must be a list of exceptions, such as [{shown}]"
        return
    if len(names) > MOST_NAMES:
        yield f"{field} has {len(names)} exceptions; give at most {MOST_NAMES}, for example a common base class"
    for name in names:
        if fault := name_fault(name):
            yield f"{field}: {fault}"
