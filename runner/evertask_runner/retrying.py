"""After a failed attempt: does another follow, in this process, in another one, or in another pod?

The handler's process has said what its policy wants; where it died, the policy is asked for it
(``evertask_runner.succession``). No attempt follows that could only begin after ``runTimeout``, and for a long delay
the run is given back. A process that lives calls the same instance again; where it died, another one begins.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING

from evertask.api.protocol import DEFAULT_HOLD_POD_SECONDS
from evertask.api.times import format_time
from evertask_runner.attempting import Last
from evertask_runner.attempts import Next, failure_message, next_time
from evertask_runner.clocks import rfc3339
from evertask_runner.giving_back import Backoff, GivingBack, give_back
from evertask_runner.verdicts import cancelled_in_delay, too_late_for_another

if TYPE_CHECKING:
    from evertask_runner.attempting import Attempting
    from evertask_runner.supervision import Ended
    from evertask_runner.verdicts import Verdict


class Retrying:
    """What follows one failed attempt."""

    def __init__(self, attempting: Attempting) -> None:
        self._attempting, self._setting = attempting, attempting.setting

    def follow(self, verdict: Verdict, ended: Ended) -> float | Last:
        """Give the monotonic time at which the next attempt may begin, or how this pod's work ends.

        Args:
            verdict: on the attempt, where a policy has a say in it.
            ended: how it ended.
        """
        attempting = self._attempting
        after = self._what_follows(verdict, ended)
        if not isinstance(after, Next):
            return attempting.end(after, ended.stop)
        due = self._note_failure(verdict, after)
        if after.delay > self._hold_seconds:
            gave_back = self._give_back(after, due)
            if gave_back is not None:
                return self._without_run(gave_back)
        begin = monotonic() + max(0.0, due.timestamp() - time())
        self._prepare_next(after)
        return begin

    def _what_follows(self, verdict: Verdict, ended: Ended) -> Next | Verdict:
        """Say what follows an attempt: another one, or nothing, and then how the run has ended."""
        attempting = self._attempting
        after: Next | Verdict = verdict
        if ended.message is None:
            from evertask_runner.succession import Succession  # noqa: PLC0415  (only where a process died)

            succession = Succession(self._setting, attempting.process, attempting.attempts, attempting.policy)
            after = succession.decide(verdict, ended)
            attempting.process, attempting.waits_on = succession.process, succession.waits_on
        elif ended.message.get("retry") is not None:
            after = Next(**ended.message["retry"])
        deadline = attempting.run_deadline
        if isinstance(after, Next) and deadline is not None and deadline.is_over(monotonic() + after.delay):
            return too_late_for_another(verdict, self._setting.limits.durations)
        return after

    def _note_failure(self, verdict: Verdict, after: Next) -> datetime:
        """Take note of a failed attempt; the answer is when the next begins."""
        attempts, error = self._attempting.attempts, verdict.outcome.error or {}
        now, number = datetime.now(UTC), attempts.number
        due = next_time(after, now)
        self._attempting.of = after.attempts
        attempts.fail(error, after, now)
        fields = {"attempt": number, **attempts.fields(), "nextAttemptTime": format_time(due)}
        self._setting.contact.tell(fields, failure_message(error, number, after, due))
        return due

    def _prepare_next(self, after: Next) -> None:
        """Let the process that waits, or another one, make ready for the next attempt."""
        attempting = self._attempting
        if attempting.waits_on is not None:
            attempting.process.send(
                {
                    "kind": "again",
                    "again": attempting.attempts.number,
                    "retry": attempting.attempts.retries,
                    "delay": after.delay,
                    # The handler may have changed what it was given.
                    "payload": self._setting.task["spec"].get("payload") or {},
                }
            )
            return
        from evertask_runner.succession import succeed  # noqa: PLC0415  (only where a process died)

        attempting.process = succeed(self._setting, attempting.process, attempting.attempts)

    def _give_back(self, after: Next, due: datetime) -> GivingBack | None:
        """Give the run back; None where this pod has to wait itself."""
        attempting, contact = self._attempting, self._setting.contact
        told = attempting.attempts.fields()
        failure = told["failures"][0]
        fields = {**told, **self._setting.record.fields(), "nextAttemptTime": format_time(due)}
        started = attempting.first_start
        first = attempting.entry.get("firstStartTime") or (rfc3339(started) if started is not None else None)
        if first is not None:
            fields["firstStartTime"] = first
        message = failure_message(failure, failure["attempt"], after, due)
        contact.release()
        found = give_back(contact.persistence(), self._setting.holder, Backoff(fields, message))
        if found is GivingBack.KEPT:
            contact.resume()
            return None
        return found

    def _without_run(self, gave_back: GivingBack) -> Last:
        """The run is not this pod's any more, unless it was cancelled at the same time."""
        attempting, now = self._attempting, format_time(datetime.now(UTC))
        verdict = cancelled_in_delay(attempting.attempts.number, now, attempting.first_start)
        is_cancelled = gave_back is GivingBack.CANCELLED
        return Last(verdict, attempting.waits_on, None, None if is_cancelled else gave_back)

    @property
    def _hold_seconds(self) -> float:
        seconds: float = self._setting.environment.defaults.get("holdPodSeconds", DEFAULT_HOLD_POD_SECONDS)
        return seconds
