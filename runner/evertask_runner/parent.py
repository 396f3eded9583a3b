"""The parent's side: claim, hand over, watch, judge, report.

Imported after the fork. What is needed only after the hand-over is imported then: until the claim is answered every
millisecond here delays the handler.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask_runner import console
from evertask_runner.api_client import ApiClient
from evertask_runner.claims import Claimed, claim
from evertask_runner.exits import complain
from evertask_runner.handler_process import fork_handler_process
from evertask_runner.patches import Holder
from evertask_runner.persistence import DeniedError, Patience, Persistence
from evertask_runner.run_documents import run_document
from evertask_runner.signals import Signals, TerminatedError

if TYPE_CHECKING:
    from evertask_runner.environment import Environment
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.reporting import Reporter
    from evertask_runner.supervision import Limits
    from evertask_runner.verdicts import Durations, Verdict

EXIT_HOOKS_SECONDS = 10.0
"""How long a child that has reported may take for its exit hooks and threads, unless the grace period is shorter."""


def run_parent(environment: Environment, signals: Signals, process: HandlerProcess, started: float) -> int:
    """Run the pod's one run; the answer is the exit code.

    Args:
        environment: what the pod said.
        signals: of this process.
        process: the child, which imports already.
        started: monotonic time at which the runner started.
    """
    holder = Holder(environment.task_uid, environment.run, environment.launch, environment.pod_name)
    client = ApiClient(environment.api_server, environment.credentials_folder)
    try:
        with signals.interrupting():
            patience = Patience(signals.sleep, lambda: None)
            claimed = claim(Persistence(client, environment.status_path, patience), holder)
    except TerminatedError:
        return _leave(process, signals, "told to stop before the run was claimed", protocol.EXIT_INTERRUPTED)
    except DeniedError as error:
        process.finish(0.0, signals)
        return complain(str(error), environment.termination_message_path)
    if not isinstance(claimed, Claimed):
        return _leave(process, signals, f"nothing to do: {claimed.reason}", protocol.EXIT_REPORTED)
    process = _with_right_handler(process, signals, client, claimed.task["spec"]["handler"])
    process.send(
        run_document(claimed.task, run=holder.run, payload_sources_folder=environment.payload_sources_folder)
    )
    console.say(f"{_describe(environment)} runs {process.handler}")
    run = Run(environment, signals, process, client=client, holder=holder, task=claimed.task)
    return run.finish(started)


def _describe(environment: Environment) -> str:
    return f"task {environment.namespace}/{environment.task_name}, run {environment.run}, launch {environment.launch}"


def _leave(process: HandlerProcess, signals: Signals, reason: str, code: int) -> int:
    console.say(reason)
    process.finish(0.0, signals)
    return code


def _with_right_handler(
    process: HandlerProcess, signals: Signals, client: ApiClient, handler: str
) -> HandlerProcess:
    """Fork another child when the spec was edited after the Job had been made."""
    if process.handler == handler:
        return process
    console.say(f"the task names the handler {handler} now, and no longer {process.handler}")
    process.finish(0.0, signals)
    # The child must not inherit the connection.
    client.close()
    return fork_handler_process(handler, signals)


class Run:
    """A claimed run whose child has been told what to do."""

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
        from evertask.api.durations import parse_duration  # noqa: PLC0415  (after the hand-over)

        self._environment, self._signals, self._process = environment, signals, process
        self._client, self._holder, self._task = client, holder, task
        spec = task["spec"]
        self._durations = _durations(spec)
        self._grace = parse_duration(self._durations.grace).total_seconds()
        self._timeout = parse_duration(self._durations.timeout).total_seconds() or None
        self._start_seconds = parse_duration(self._durations.start_deadline).total_seconds()

    def finish(self, started: float) -> int:
        """Watch the handler, report its outcome, let the child end; the answer is the exit code."""
        verdict, progress = self._watch(self._limits(started))
        report = self._reporter().report(verdict, progress)
        seconds = monotonic() - started
        phase, error = verdict.outcome.phase, verdict.outcome.error
        why = f" ({error['type']})" if error else ""
        console.say(f"{_describe(self._environment)}: {phase}{why} after {seconds:.2f} s, {report.value}")
        sys.stderr.flush()
        self._process.finish(min(self._grace, EXIT_HOOKS_SECONDS), self._signals)
        return report.exit_code

    def _limits(self, started: float) -> Limits:
        from evertask_runner.supervision import Limits  # noqa: PLC0415  (after the hand-over)

        return Limits(self._timeout, self._grace, started + self._start_seconds)

    def _watch(self, limits: Limits) -> tuple[Verdict, Json | None]:
        from datetime import UTC, datetime  # noqa: PLC0415  (after the hand-over)

        from evertask.api.times import format_time  # noqa: PLC0415
        from evertask_runner.memory import oom_kills  # noqa: PLC0415
        from evertask_runner.progress import ProgressWriter  # noqa: PLC0415
        from evertask_runner.supervision import Supervision  # noqa: PLC0415
        from evertask_runner.verdicts import judge  # noqa: PLC0415

        kills_before = oom_kills()
        writer = ProgressWriter(self._client, self._environment.status_path, self._holder)
        ended = Supervision(self._process, self._signals, limits, writer.report).run()
        verdict = judge(
            ended,
            self._durations,
            attempt=self._holder.run_in(self._task).get("attempt", 1),
            now=format_time(datetime.now(UTC)),
            out_of_memory=oom_kills() != kills_before,
        )
        progress, connection_is_free = writer.close()
        if not connection_is_free:
            self._client = ApiClient(self._environment.api_server, self._environment.credentials_folder)
        return verdict, progress

    def _reporter(self) -> Reporter:
        from evertask_runner.reporting import Reporter  # noqa: PLC0415  (after the hand-over)

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
    from evertask_runner.verdicts import Durations  # noqa: PLC0415  (after the hand-over)

    return Durations(
        timeout=spec.get("timeout", "0s"),
        grace=spec.get("gracePeriod", f"{protocol.DEFAULT_GRACE_PERIOD_SECONDS:.0f}s"),
        start_deadline=spec.get("startDeadline", f"{protocol.DEFAULT_START_DEADLINE_SECONDS:.0f}s"),
    )
