"""Another process of the handler in the place of one that died, or had to be killed.

Whether there is another attempt is decided here, by the policy that the spec, the handler's class or the operator has:
the class's own is known from what the process told before. Only one that is no ``Retry`` has to be asked, in the
process that would make the attempt. A process is forked while this one has no thread and no open connection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.protocol import ErrorType
from evertask.api.times import format_time
from evertask.retries import Retry
from evertask_runner.attempts import Next
from evertask_runner.failures import RunFailure, describe
from evertask_runner.handler_process import fork_handler_process
from evertask_runner.policies import choose, decide, failure_of_death
from evertask_runner.run_documents import run_document
from evertask_runner.supervision import Limits, Stop, Supervision
from evertask_runner.verdicts import judge

if TYPE_CHECKING:
    from evertask_runner.attempting import Setting
    from evertask_runner.attempts import Attempts
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json
    from evertask_runner.supervision import Ended
    from evertask_runner.verdicts import Verdict


class Dead(NamedTuple):
    """What a policy is asked about an attempt whose process died, or had to be killed."""

    attempt: int
    type: str
    is_timeout: bool
    exit_code: int | None

    def as_json(self, message: str) -> Json:
        """Write it for a process that is asked."""
        return {
            "attempt": self.attempt,
            "type": self.type,
            "isTimeout": self.is_timeout,
            "exitCode": self.exit_code,
            "message": message,
        }


def dead(verdict: Verdict, ended: Ended, attempt: int) -> Dead:
    """Describe an attempt whose process is gone for the policy."""
    error = verdict.outcome.error or {}
    is_timeout = error["type"] == ErrorType.TIMEOUT
    return Dead(attempt, str(error["type"]), is_timeout, None if is_timeout else exit_code(ended.wait_status))


def exit_code(wait_status: int | None) -> int:
    """Give the exit code of a process as a shell does: 128 and its number for a signal; zero where nothing is known."""
    if wait_status is None:
        return 0
    signal_number = wait_status & 0x7F
    return 128 + signal_number if signal_number else wait_status >> 8 & 0xFF


def succeed(
    setting: Setting, process: HandlerProcess, attempts: Attempts, asked: Json | None = None
) -> HandlerProcess:
    """Fork a process in the place of one that is gone, and give it the run.

    Args:
        setting: of the run.
        process: that is gone.
        attempts: as they are counted now.
        asked: the attempt that its policy is asked about first; None where it was decided on.
    """
    process.finish(0.0, setting.signals)
    setting.contact.prepare_fork()
    made = fork_handler_process(process.handler, setting.signals)
    setting.contact.resume()
    document = run_document(
        setting.task,
        run=setting.holder.run,
        payload_sources_folder=setting.environment.payload_sources_folder,
        default_retry=setting.environment.defaults.get("retry"),
        entry=attempts.entry(setting.holder.run_in(setting.task)),
    )
    made.send(document if asked is None else document | {"dead": asked})
    return made


class Succession:
    """Decides what follows an attempt whose process is gone."""

    def __init__(
        self, setting: Setting, process: HandlerProcess, attempts: Attempts, told: Json | None
    ) -> None:
        """Begin.

        Args:
            setting: of the run.
            process: that is gone.
            attempts: before this failure.
            told: what the process told of its class's own policy; None where it has none that counts.
        """
        self._setting, self._attempts, self._told = setting, attempts, told
        self.process = process
        """The newest process of the handler."""
        self.waits_on: Json | None = None
        """What that process waits for a word on; None where it is gone."""

    def decide(self, verdict: Verdict, ended: Ended) -> Next | Verdict:
        """Say what follows: another attempt, or nothing, and then how the run has ended.

        Args:
            verdict: on the attempt.
            ended: how it ended.
        """
        if ended.wait_status is None:
            # It was killed and is still there, stuck in the kernel: no two may work for one run.
            return verdict
        failure = dead(verdict, ended, self._attempts.number)
        message = (verdict.outcome.error or {}).get("message", "")
        if self._told is not None and self._told["deaths"] is None:
            return self._ask(verdict, failure.as_json(message))
        environment = self._setting.environment
        document = {
            "handler": self.process.handler,
            "retry": self._setting.task["spec"].get("retry"),
            "defaultRetry": environment.defaults.get("retry"),
        }
        own = Retry.from_spec(self._told["deaths"]) if self._told is not None else None
        decision = decide(choose(document, own), failure_of_death(failure.as_json(message)))
        return Next(decision.delay, decision.attempts) if decision else verdict

    def _ask(self, verdict: Verdict, failure: Json) -> Next | Verdict:
        """Ask the policy in another process, which waits for a word then."""
        setting = self._setting
        self.process = succeed(setting, self.process, self._attempts, failure)
        limits = Limits(
            0.0, setting.limits.grace, start_deadline=monotonic() + setting.limits.start, fence=setting.fence
        )
        ended = Supervision(self.process, setting.signals, limits, setting.record).run()
        message = self.waits_on = ended.message
        if ended.stop in (Stop.TERMINATION, Stop.FENCED):
            now, number = format_time(datetime.now(UTC)), self._attempts.number
            durations = setting.limits.durations._replace(retrying=True)
            return judge(ended, durations, attempt=number + 1, now=now, out_of_memory=False)
        if message is None:
            return self._with_error(
                verdict, "the process that was asked for its retry policy ended without an answer"
            )
        if message.get("retry") is not None:
            return Next(**message["retry"])
        error = message.get("error") if message["kind"] != "decided" or message.get("policyFailed") else None
        return verdict._replace(outcome=verdict.outcome._replace(error=error)) if error else verdict

    def _with_error(self, verdict: Verdict, text: str) -> Verdict:
        before = (verdict.outcome.error or {}).get("message", "")
        failure = RunFailure(ErrorType.HANDLER_INVALID, f"{text}; before that {before}")
        return verdict._replace(
            outcome=verdict.outcome._replace(error=describe(failure, self._attempts.number))
        )
