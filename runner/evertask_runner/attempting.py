"""From the hand-over to the last attempt in this pod: attempt, decision, delay, attempt.

The handler's process decides whether another attempt follows, because it has the exception and the policy; this side
decides whether that can be: not beyond ``runTimeout``, and not in this pod where the delay is a long one. A process
that lives calls the same instance again; where it died, or had to be killed, another one makes the next attempt.
The wait is a part of the next attempt's supervision, so that whatever stops a handler stops it there too.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.protocol import DEFAULT_HOLD_POD_SECONDS
from evertask.api.times import format_time, parse_time
from evertask_runner import termination_message
from evertask_runner.attempts import (
    Attempts,
    Next,
    failure_message,
    may_be_retried,
    next_time,
    running_message,
)
from evertask_runner.clocks import rfc3339
from evertask_runner.memory import oom_kills
from evertask_runner.supervision import Limits, RunDeadline, Stop, Supervision
from evertask_runner.verdicts import cancelled_in_delay, finally_failed, judge, too_late_for_another

if TYPE_CHECKING:
    from evertask_runner.contact import Contact
    from evertask_runner.environment import Environment
    from evertask_runner.fencing import Fence
    from evertask_runner.giving_back import GivingBack
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.limits import SpecLimits
    from evertask_runner.patches import Holder
    from evertask_runner.records import RunRecord
    from evertask_runner.signals import Signals
    from evertask_runner.supervision import Ended
    from evertask_runner.verdicts import Verdict


class Setting(NamedTuple):
    """What an attempt needs that does not change from one to the next."""

    environment: Environment
    signals: Signals
    holder: Holder
    task: Json
    """As it was right after the claim."""
    limits: SpecLimits
    contact: Contact
    record: RunRecord
    fence: Fence | None


class Last(NamedTuple):
    """How this pod's work for the run ended."""

    verdict: Verdict
    waits_on: Json | None
    """What the handler's process has reported last; it may wait for a word on it. None where it died."""
    stop: Stop | None
    gave_back: GivingBack | None = None
    """Where the run goes on, or has gone, without this pod: then the verdict is of no account."""


class Attempting:
    """Works for one run until there is nothing left to do for this pod."""

    def __init__(self, setting: Setting, process: HandlerProcess) -> None:
        """Begin with the process that has been given the run."""
        self._setting = setting
        self.process = process
        """The newest process of the handler."""
        self._entry = setting.holder.run_in(setting.task)
        self.attempts = Attempts(self._entry)
        """The count, from what was known at the claim on."""
        self._run = self._run_deadline()
        self._first_start: float | None = None
        self._policy: Json | None = None
        self._waits_on: Json | None = None
        self._of: int | None = None

    def run(self, begin: float, go: float | None) -> Last:
        """Make attempts until one is the last.

        Args:
            begin: monotonic time from which ``startDeadline`` counts.
            go: monotonic time at which the first may begin; None when the process has been told.
        """
        # What was made until now stays: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        while True:
            verdict, ended = self._attempt(begin, go)
            self._waits_on = ended.message
            after = self._what_follows(verdict, ended)
            if not isinstance(after, Next):
                return Last(finally_failed(after, self.attempts.retries), self._waits_on, ended.stop)
            due = self._note_failure(verdict, after)
            if after.delay > self._hold_seconds:
                gave_back = self._give_back(after, due)
                if gave_back is not None:
                    return self._gone(gave_back)
            begin = go = monotonic() + max(0.0, due.timestamp() - time())
            self._prepare_next(after)

    def _attempt(self, begin: float, go: float | None) -> tuple[Verdict, Ended]:
        setting, kills_before = self._setting, oom_kills()
        limits = Limits(
            setting.limits.timeout,
            setting.limits.grace,
            start_deadline=begin + setting.limits.start,
            go=go,
            run=self._run,
            fence=setting.fence,
        )
        ended = Supervision(
            self.process,
            setting.signals,
            limits,
            setting.record,
            on_prepared=self._note_policy,
            on_started=self._note_start,
        ).run()
        if self._first_start is None:
            self._first_start = ended.start
        verdict = judge(
            ended,
            setting.limits.durations._replace(retrying=self.attempts.retries > 0),
            attempt=self.attempts.number,
            now=format_time(datetime.now(UTC)),
            out_of_memory=oom_kills() != kills_before,
        )
        if self._first_start is None:
            return verdict, ended
        outcome = verdict.outcome._replace(start_time=rfc3339(self._first_start))
        return verdict._replace(outcome=outcome), ended

    def _what_follows(self, verdict: Verdict, ended: Ended) -> Next | Verdict:
        """Say what follows an attempt: another one, or nothing, and then how the run has ended."""
        if not may_be_retried(verdict, ended):
            return verdict
        after: Next | Verdict = verdict
        if ended.message is None:
            from evertask_runner.succession import Succession  # noqa: PLC0415  (only where a process died)

            succession = Succession(self._setting, self.process, self.attempts, self._policy)
            after = succession.decide(verdict, ended)
            self.process, self._waits_on = succession.process, succession.waits_on
        elif ended.message.get("retry") is not None:
            after = Next(**ended.message["retry"])
        if isinstance(after, Next) and self._run is not None and self._run.is_over(monotonic() + after.delay):
            return too_late_for_another(verdict, self._setting.limits.durations)
        return after

    def _note_failure(self, verdict: Verdict, after: Next) -> datetime:
        """Take note of a failed attempt; the answer is when the next begins."""
        now, number = datetime.now(UTC), self.attempts.number
        due = next_time(after, now)
        self._of = after.attempts
        self.attempts.fail(verdict.outcome.error or {}, after, now)
        fields = {"attempt": number, **self.attempts.fields(), "nextAttemptTime": format_time(due)}
        self._setting.contact.tell(fields, failure_message(verdict.outcome.error or {}, number, after, due))
        return due

    def _prepare_next(self, after: Next) -> None:
        """Let the process that waits, or another one, make ready for the next attempt."""
        if self._waits_on is not None:
            self.process.send(
                {
                    "kind": "again",
                    "again": self.attempts.number,
                    "retry": self.attempts.retries,
                    "delay": after.delay,
                    # The handler may have changed what it was given.
                    "payload": self._setting.task["spec"].get("payload") or {},
                }
            )
            return
        from evertask_runner.succession import succeed  # noqa: PLC0415  (only where a process died)

        self.process = succeed(self._setting, self.process, self.attempts)

    def _give_back(self, after: Next, due: datetime) -> GivingBack | None:
        """Give the run back; None where this pod has to wait itself."""
        from evertask_runner.giving_back import Backoff, GivingBack, give_back  # noqa: PLC0415  (for long delays)

        contact, failure = self._setting.contact, self.attempts.fields()["failures"][0]
        fields = {
            **self.attempts.fields(),
            **self._setting.record.fields(),
            "nextAttemptTime": format_time(due),
        }
        first = self._entry.get("firstStartTime") or (self._first_start and rfc3339(self._first_start))
        if first:
            fields["firstStartTime"] = first
        message = failure_message(failure, failure["attempt"], after, due)
        contact.release()
        found = give_back(contact.persistence(), self._setting.holder, Backoff(fields, message))
        if found is GivingBack.KEPT:
            contact.resume()
            return None
        return found

    def _gone(self, gave_back: GivingBack) -> Last:
        """The run is not this pod's any more, unless it was cancelled at the same time."""
        from evertask_runner.giving_back import GivingBack  # noqa: PLC0415  (for long delays)

        now, number = format_time(datetime.now(UTC)), self.attempts.number
        verdict = cancelled_in_delay(number, now, self._first_start)
        is_cancelled = gave_back is GivingBack.CANCELLED
        return Last(verdict, self._waits_on, None, None if is_cancelled else gave_back)

    def _note_policy(self, prepared: Json) -> None:
        self._policy = prepared.get("policy")
        if self._policy is not None:
            path, exits = self._setting.environment.termination_message_path, self._policy["exits"]
            note = termination_message.build_exits(self._setting.holder, self.attempts.number, exits)
            termination_message.write(path, note)

    def _note_start(self) -> None:
        if self.attempts.retries:
            message = running_message(self.attempts.number, self._of, self._setting.holder.pod_name)
            self._setting.contact.tell({"attempt": self.attempts.number, "nextAttemptTime": None}, message)

    @property
    def _hold_seconds(self) -> float:
        seconds: float = self._setting.environment.defaults.get("holdPodSeconds", DEFAULT_HOLD_POD_SECONDS)
        return seconds

    def _run_deadline(self) -> RunDeadline | None:
        seconds = self._setting.limits.run
        if not seconds:
            return None
        first = self._entry.get("firstStartTime")
        if first is None:
            return RunDeadline(seconds)
        return RunDeadline(seconds, monotonic() + seconds - (time() - parse_time(first).timestamp()))
