"""From the hand-over to the last attempt in this pod: attempt, decision, delay, attempt.

The handler's process decides whether another attempt follows, because it has the exception and the policy; this side
decides whether that can be. What is needed only after a failure is imported then (``evertask_runner.retrying``). The
wait is a part of the next attempt's supervision, so that whatever stops a handler stops it there too.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.times import format_time, parse_time
from evertask_runner import termination_message
from evertask_runner.attempts import Attempts, may_be_retried, running_message
from evertask_runner.clocks import rfc3339
from evertask_runner.memory import oom_kills
from evertask_runner.supervision import Limits, RunDeadline, Stop, Supervision
from evertask_runner.verdicts import finally_failed, judge

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
        self.setting = setting
        """Of the run."""
        self.process = process
        """The newest process of the handler."""
        self.entry = setting.holder.run_in(setting.task)
        """Of the run in the status, as it was right after the claim."""
        self.attempts = Attempts(self.entry)
        """The count, from what was known at the claim on."""
        self.run_deadline = self._run_deadline()
        """The end of all attempts together; None is none."""
        self.first_start: float | None = None
        """Unix time at which the handler was first called in this pod; None when it was not yet."""
        self.policy: Json | None = None
        """What the process has told of its class's own policy."""
        self.waits_on: Json | None = None
        """What the process has reported last; it may wait for a word on it. None where it died."""
        self.of: int | None = None
        """How many attempts there are at most, where the policy says so."""

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
            self.waits_on = ended.message
            if not may_be_retried(verdict, ended):
                return self.end(verdict, ended.stop)
            from evertask_runner.retrying import Retrying  # noqa: PLC0415  (only after a failure)

            following = Retrying(self).follow(verdict, ended)
            if isinstance(following, Last):
                return following
            begin = go = following

    def end(self, verdict: Verdict, stop: Stop | None) -> Last:
        """Say that no attempt follows the one that was judged."""
        return Last(finally_failed(verdict, self.attempts.retries), self.waits_on, stop)

    def _attempt(self, begin: float, go: float | None) -> tuple[Verdict, Ended]:
        setting, kills_before = self.setting, oom_kills()
        limits = Limits(
            setting.limits.timeout,
            setting.limits.grace,
            start_deadline=begin + setting.limits.start,
            go=go,
            run=self.run_deadline,
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
        if self.first_start is None:
            self.first_start = ended.start
        verdict = judge(
            ended,
            setting.limits.durations._replace(retrying=self.attempts.retries > 0),
            attempt=self.attempts.number,
            now=format_time(datetime.now(UTC)),
            out_of_memory=oom_kills() != kills_before,
        )
        if self.first_start is None:
            return verdict, ended
        outcome = verdict.outcome._replace(start_time=rfc3339(self.first_start))
        return verdict._replace(outcome=outcome), ended

    def _note_policy(self, prepared: Json) -> None:
        self.policy = prepared.get("policy")
        if self.policy is not None:
            path, exits = self.setting.environment.termination_message_path, self.policy["exits"]
            note = termination_message.build_exits(self.setting.holder, self.attempts.number, exits)
            termination_message.write(path, note)

    def _note_start(self) -> None:
        if self.attempts.retries:
            message = running_message(self.attempts.number, self.of, self.setting.holder.pod_name)
            self.setting.contact.tell({"attempt": self.attempts.number, "nextAttemptTime": None}, message)

    def _run_deadline(self) -> RunDeadline | None:
        seconds = self.setting.limits.run
        if not seconds:
            return None
        first = self.entry.get("firstStartTime")
        if first is None:
            return RunDeadline(seconds)
        return RunDeadline(seconds, monotonic() + seconds - (time() - parse_time(first).timestamp()))
