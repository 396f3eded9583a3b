"""The attempts of a run, as its pod counts them. Pure.

Model: an attempt fails, and its policy says after which delay another follows; then it is one of the run's failures.
The last one, whether it succeeds or fails, is the run's outcome and no failure of these. An interruption is no
attempt: the next pod begins with the number of the one that was interrupted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.durations import format_duration
from evertask.api.outcomes import bounded
from evertask.api.protocol import HISTORY_MESSAGE_LIMIT, MAX_FAILURES, MESSAGE_LIMIT, Phase
from evertask.api.times import format_time
from evertask_runner.supervision import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask_runner.json_lines import Json
    from evertask_runner.supervision import Ended
    from evertask_runner.verdicts import Verdict


class Next(NamedTuple):
    """The attempt that follows a failed one."""

    delay: float
    """Seconds before it."""
    attempts: int | None
    """How many the policy allows in all, where it says so."""


class Attempts:
    """The count of one run."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Begin with the run's entry in the status, as it was right after the claim."""
        self.number: int = entry.get("attempt") or 1
        """Of the attempt that runs or is the next, from 1."""
        self._failures: list[Json] = list(entry.get("failures") or ())
        self._failed: int = entry.get("failedAttempts") or self.number - 1

    @property
    def retries(self) -> int:
        """Number of the retry that comes next, from 1."""
        return self._failed

    def fail(self, error: Mapping[str, Any], after: Next, now: datetime) -> None:
        """Take note of a failed attempt that another follows.

        Args:
            error: as ``status.error``.
            after: what the policy said.
            now: aware.
        """
        failure = {
            "attempt": self.number,
            "time": format_time(now),
            "type": error["type"],
            "message": bounded(error.get("message", ""), HISTORY_MESSAGE_LIMIT),
            "delay": format_duration(timedelta(seconds=after.delay)),
        }
        self._failures = [failure, *self._failures][:MAX_FAILURES]
        self._failed = self.number
        self.number += 1

    def fields(self) -> Json:
        """Give the fields of ``status.runs.<id>``; none where no attempt has failed."""
        if not self._failed:
            return {}
        return {"failedAttempts": self._failed, "failures": list(self._failures)}

    def closing_fields(self) -> Json:
        """Give what the outcome says of them."""
        fields = self.fields()
        return {**fields, "nextAttemptTime": None} if fields else {}

    def entry(self, before: Mapping[str, Any]) -> Json:
        """Give the run's entry as it is now."""
        return {**before, **self.fields(), "attempt": self.number}


def next_time(after: Next, now: datetime) -> datetime:
    """Say when the next attempt begins."""
    return now + timedelta(seconds=after.delay)


def failure_message(error: Mapping[str, Any], attempt: int, after: Next, due: datetime) -> str:
    """Say for a person that an attempt failed, and when the next begins."""
    of = f" of {after.attempts}" if after.attempts is not None else ""
    text = f"{error['type']}: {error.get('message', '')}".rstrip(": ")
    tail = f"; the next at {format_time(due)}"
    head = f"attempt {attempt}{of} failed: "
    return head + bounded(text, MESSAGE_LIMIT - len(head) - len(tail)) + tail


def running_message(attempt: int, of: int | None, pod_name: str) -> str:
    """Say for a person that an attempt which follows a failed one has begun."""
    count = f" of {of}" if of is not None else ""
    return f"attempt {attempt}{count} runs in pod {pod_name}"


def may_be_retried(verdict: Verdict, ended: Ended) -> bool:
    """Tell whether the policy has a say: not in what succeeded, was stopped, or began too late."""
    return (
        verdict.outcome.phase is Phase.FAILED
        and not (ended.message or {}).get("policyFailed")
        and ended.stop not in (Stop.RUN_TIMEOUT, Stop.START_DEADLINE, Stop.FENCED)
    )
