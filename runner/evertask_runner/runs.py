"""A claimed run: from the hand-over to the child to the committed outcome.

Imported while the parent waits for the run's time, or after the hand-over where there is nothing to wait for: until
then every millisecond here would delay the handler.
"""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask.api.durations import parse_duration
from evertask.api.times import format_time
from evertask_runner import console
from evertask_runner.api_client import ApiClient
from evertask_runner.concluding import Concluding
from evertask_runner.memory import oom_kills
from evertask_runner.persistence import Patience, Persistence
from evertask_runner.progress import ProgressWriter
from evertask_runner.records import RunRecord
from evertask_runner.reporting import Reporter
from evertask_runner.supervision import Limits, Stop, Supervision
from evertask_runner.verdicts import Durations, judge

if TYPE_CHECKING:
    from evertask_runner.environment import Environment
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.signals import Signals
    from evertask_runner.supervision import Ended
    from evertask_runner.verdicts import Verdict

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
        self._environment, self._signals, self._process = environment, signals, process
        self._client, self._holder, self._task = client, holder, task
        spec = task["spec"]
        self._durations = _durations(spec)
        self._grace = parse_duration(self._durations.grace).total_seconds()
        # Absent is not zero: the handler's class may have a timeout of its own.
        self._timeout = parse_duration(self._durations.timeout).total_seconds() if "timeout" in spec else None
        self._start_seconds = parse_duration(self._durations.start_deadline).total_seconds()

    def finish(self, begin: float, go: float | None) -> int:
        """Watch the handler, let it call back, report its outcome, let the child end; the answer is the exit code.

        Args:
            begin: monotonic time from which ``startDeadline`` counts.
            go: monotonic time at which the child is to be told to go; None when it has been told.
        """
        writer = ProgressWriter(self._client, self._environment.status_path, self._holder)
        record = RunRecord(writer.report)
        verdict, ended = self._watch(
            Limits(self._timeout, self._grace, start_deadline=begin + self._start_seconds, go=go), record
        )
        if not writer.release():
            # A write that hangs still has the connection.
            self._client = ApiClient(self._environment.api_server, self._environment.credentials_folder)
        reporter = self._reporter()
        self._conclude(ended, verdict, record, reporter)
        report = reporter.report(verdict, record.fields(), writer.unwritten)
        seconds = max(0.0, monotonic() - begin)
        phase, error = verdict.outcome.phase, verdict.outcome.error
        why = f" ({error['type']})" if error else ""
        console.say(f"{self._environment.title}: {phase}{why} after {seconds:.2f} s, {report.value}")
        sys.stderr.flush()
        self._process.finish(min(self._grace, EXIT_HOOKS_SECONDS), self._signals)
        return report.exit_code

    def _watch(self, limits: Limits, record: RunRecord) -> tuple[Verdict, Ended]:
        kills_before = oom_kills()
        # What was made until now stays: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        ended = Supervision(self._process, self._signals, limits, record).run()
        verdict = judge(
            ended,
            self._durations,
            attempt=self._holder.run_in(self._task).get("attempt", 1),
            now=format_time(datetime.now(UTC)),
            out_of_memory=oom_kills() != kills_before,
        )
        return verdict, ended

    def _conclude(self, ended: Ended, verdict: Verdict, record: RunRecord, reporter: Reporter) -> None:
        """Let the handler call back, where it has something to call and the run is over for good."""
        callback = (ended.message or {}).get("callback")
        if callback is None:
            return
        concluding = Concluding(self._process, self._signals, record, self._grace)
        message = verdict.outcome.message or (verdict.outcome.error or {}).get("message", "")
        if verdict.only_if_cancelled:
            why = reporter.why_it_is_over()
            if why is None:
                concluding.leave()
                return
            told = f"{why}{message.removeprefix('cancelled')}"
            concluding.call(callback, message=told, reason=str(Stop.TERMINATION))
            return
        reporter.keep(verdict)
        # After a timeout the error is the runner's; what the handler raised is its cause.
        reason = ended.stop if ended.stop is Stop.TIMEOUT else ""
        concluding.call(callback, message=message, reason=str(reason))

    def _reporter(self) -> Reporter:
        persistence = Persistence(
            self._client, self._environment.status_path, Patience(self._signals.sleep, self._report_deadline)
        )
        return Reporter(persistence, self._holder, self._task, self._environment.termination_message_path)

    def _report_deadline(self) -> float | None:
        """Without SIGTERM there is no hurry; after it the kubelet kills the pod, a second after this."""
        if self._signals.terminated_at is None:
            return None
        return self._signals.terminated_at + self._grace + protocol.REPORT_RESERVE_SECONDS - 1


def _durations(spec: Json) -> Durations:
    return Durations(
        timeout=spec.get("timeout", "0s"),
        grace=spec.get("gracePeriod", f"{protocol.DEFAULT_GRACE_PERIOD_SECONDS:.0f}s"),
        start_deadline=spec.get("startDeadline", f"{protocol.DEFAULT_START_DEADLINE_SECONDS:.0f}s"),
    )
