"""A claimed run: from the hand-over to the child to the committed outcome.

Imported while the parent waits for the run's time, or after the hand-over where there is nothing to wait for: until
then every millisecond here would delay the handler.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask_runner import console
from evertask_runner.attempting import Attempting, Setting
from evertask_runner.concluding import Concluding
from evertask_runner.contact import Contact
from evertask_runner.limits import read_limits
from evertask_runner.records import RunRecord
from evertask_runner.reporting import Report, Reporter
from evertask_runner.supervision import Stop

if TYPE_CHECKING:
    from evertask_runner.api_client import ApiClient
    from evertask_runner.attempting import Last
    from evertask_runner.environment import Environment
    from evertask_runner.fencing import Fence
    from evertask_runner.giving_back import GivingBack
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.signals import Signals

EXIT_HOOKS_SECONDS = 10.0
"""How long a child that has reported may take for its exit hooks and threads, unless the grace period is shorter."""


class Run:
    """A claimed run whose child has been given the run document."""

    def __init__(
        self,
        environment: Environment,
        signals: Signals,
        process: HandlerProcess,
        *,
        client: ApiClient,
        holder: Holder,
        task: Json,
    ) -> None:
        self._environment, self._signals, self._holder, self._task = environment, signals, holder, task
        self._limits = read_limits(task["spec"])
        self._fence = self._make_fence()
        self._contact = Contact(
            environment, signals, client, holder, grace=self._limits.grace, fence=self._fence
        )
        self._record = RunRecord(self._contact.report, holder.run_in(task))
        setting = Setting(
            environment, signals, holder, task, self._limits, self._contact, self._record, self._fence
        )
        self._attempting = Attempting(setting, process)

    def finish(self, begin: float, go: float | None) -> int:
        """Watch the handler, let it call back, report its outcome, let the child end; the answer is the exit code.

        Args:
            begin: monotonic time from which ``startDeadline`` counts.
            go: monotonic time at which the child is to be told to go; None when it has been told.
        """
        last = self._attempting.run(begin, go)
        self._contact.release()
        if last.gave_back is not None:
            return self._leave(last, last.gave_back, begin)
        if last.stop is Stop.FENCED and last.verdict.only_if_cancelled:
            return self._leave_fenced()
        reporter = self._reporter()
        self._conclude(last, reporter)
        left = self._record.fields() | self._attempting.attempts.closing_fields()
        report = reporter.report(last.verdict, left, self._contact.unwritten)
        phase, error = last.verdict.outcome.phase, last.verdict.outcome.error
        why = f" ({error['type']})" if error else ""
        self._say(f"{phase}{why}", report.value, begin)
        self._process.finish(min(self._limits.grace, EXIT_HOOKS_SECONDS), self._signals)
        return report.exit_code

    @property
    def _process(self) -> HandlerProcess:
        return self._attempting.process

    def _conclude(self, last: Last, reporter: Reporter) -> None:
        """Let the handler call back, where it has something to call and the run is over for good."""
        callback = (last.waits_on or {}).get("callback")
        concluding = Concluding(self._process, self._signals, self._record, self._limits.grace, self._fence)
        if callback is None:
            if "retry" in (last.waits_on or {}):
                concluding.leave()
            return
        outcome = last.verdict.outcome
        message = (outcome.error or {}).get("message", "") or outcome.message or ""
        if last.verdict.only_if_cancelled:
            why = reporter.why_it_is_over()
            if why is None:
                concluding.leave()
                return
            told = f"{why}{message.removeprefix('cancelled')}"
            concluding.call(callback, message=told, reason=str(Stop.TERMINATION))
            return
        reporter.keep(last.verdict)
        # After a timeout the error is the runner's; what the handler raised is its cause.
        is_timeout = last.stop in (Stop.TIMEOUT, Stop.RUN_TIMEOUT)
        concluding.call(callback, message=message, reason=Stop.TIMEOUT.reason if is_timeout else "")

    def _leave(self, last: Last, gave_back: GivingBack, begin: float) -> int:
        """End without an outcome: the run goes on without this pod."""
        from evertask_runner.giving_back import GivingBack  # noqa: PLC0415  (for long delays)

        if last.waits_on is not None:
            Concluding(self._process, self._signals, self._record, self._limits.grace).leave()
        self._say(f"waits for attempt {self._attempting.attempts.number}", gave_back.value, begin)
        self._process.finish(min(self._limits.grace, EXIT_HOOKS_SECONDS), self._signals)
        is_open = gave_back is GivingBack.OUT_OF_TIME
        return protocol.EXIT_INTERRUPTED if is_open else protocol.EXIT_REPORTED

    def _leave_fenced(self) -> int:
        """End without an outcome: whether the run is this pod's still, nobody can say."""
        limit = self._task["spec"]["fenceAfter"]
        console.say(
            f"{self._environment.title}: the API server did not answer within spec.fenceAfter {limit}"
        )
        self._process.finish(0.0, self._signals)
        return Report.INTERRUPTED.exit_code

    def _say(self, what: str, report: str, begin: float) -> None:
        seconds = max(0.0, monotonic() - begin)
        console.say(f"{self._environment.title}: {what} after {seconds:.2f} s, {report}")
        sys.stderr.flush()

    def _reporter(self) -> Reporter:
        path = self._environment.termination_message_path
        return Reporter(self._contact.persistence(), self._holder, self._task, path)

    def _make_fence(self) -> Fence | None:
        if not self._limits.fence:
            return None
        from evertask_runner.fencing import Fence  # noqa: PLC0415  (few are fenced)

        return Fence(self._limits.fence, self._limits.grace, monotonic())
