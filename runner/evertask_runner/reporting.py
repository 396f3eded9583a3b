"""Write 6: commit the outcome, exactly once, however often it takes.

The termination message comes first, so that the operator finds the outcome even if the pod dies now. Cancelled is the
exception: it stands only if the API server confirms that somebody asked for it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import EXIT_INTERRUPTED, EXIT_REPORTED, EXIT_UNREPORTED, ErrorType, Phase
from evertask_runner import console, termination_message
from evertask_runner.interruptions import why_it_is_over
from evertask_runner.json_lines import decode_json
from evertask_runner.outcome_changes import outcome_change
from evertask_runner.patches import outcome_patch
from evertask_runner.persistence import (
    NOT_FOUND,
    OK,
    UNPROCESSABLE,
    DeniedError,
    OutOfTimeError,
    message_of,
)
from evertask_runner.verdicts import Verdict

if TYPE_CHECKING:
    from evertask_runner.json_lines import Json
    from evertask_runner.patches import Holder
    from evertask_runner.persistence import Persistence

TRIES = 4
"""Writes before an outcome that is refused for no visible reason is left to the termination message."""


class Report(Enum):
    """What became of the outcome."""

    COMMITTED = "committed"
    GONE = "not written: the task is gone"
    NOT_MINE = "not written: the run is no longer this pod's"
    INTERRUPTED = "not written: nobody asked to cancel, so this is an interruption"
    UNREPORTED = "not written: it stands in the termination message"

    @property
    def exit_code(self) -> int:
        """The runner's exit code."""
        if self is Report.INTERRUPTED:
            return EXIT_INTERRUPTED
        return EXIT_UNREPORTED if self is Report.UNREPORTED else EXIT_REPORTED


class Reporter:
    """Reports the outcome of one run."""

    def __init__(
        self, persistence: Persistence, holder: Holder, task: Json, termination_message_path: str
    ) -> None:
        self._persistence, self._holder, self._task = persistence, holder, task
        self._path = termination_message_path

    def why_it_is_over(self) -> str | None:
        """Look why a run that was told to stop will not be launched again; None where it may be, or nobody tells."""
        try:
            answer = self._persistence.read()
        except (DeniedError, OutOfTimeError):
            return None
        if answer.status == NOT_FOUND:
            return why_it_is_over(None, self._holder)
        return why_it_is_over(decode_json(answer.body), self._holder) if answer.status == OK else None

    def keep(self, verdict: Verdict) -> None:
        """Leave an outcome in the termination message, for the case that the pod ends before it is committed."""
        if not verdict.only_if_cancelled:
            termination_message.write(self._path, termination_message.build(verdict.outcome, self._holder))

    def report(self, verdict: Verdict, left: Json, progress: Json | None) -> Report:
        """Commit an outcome; repeats until the API server has it, has another, or there is no time left.

        Args:
            verdict: what to write.
            left: what the run leaves besides it (``RunRecord.fields``).
            progress: the newest progress that has not been written yet.
        """
        try:
            return self._report(verdict, left, progress)
        except DeniedError as error:
            console.say(f"the outcome is refused: {error}")
        except OutOfTimeError:
            console.say("the outcome could not be written in the time that the pod had left")
        return Report.INTERRUPTED if verdict.only_if_cancelled else Report.UNREPORTED

    def _report(self, verdict: Verdict, left: Json, progress: Json | None) -> Report:
        for _ in range(TRIES):
            self.keep(verdict)
            answer = self._persistence.patch(self._operations(verdict, left, progress))
            if answer.status == OK:
                return Report.COMMITTED
            if answer.status == NOT_FOUND:
                return Report.GONE
            refusal = message_of(answer)
            if answer.status == UNPROCESSABLE and (settled := self._settle(verdict)) is not None:
                return settled
            if not verdict.only_if_cancelled:
                # The tests hold, so it is the content that the API server does not take.
                console.say(f"the outcome is refused, writing less of it: {refusal}")
                verdict, progress = Verdict(reduced(verdict.outcome, refusal), only_if_cancelled=False), None
        return Report.INTERRUPTED if verdict.only_if_cancelled else Report.UNREPORTED

    def _operations(self, verdict: Verdict, left: Json, progress: Json | None) -> list[Json]:
        change = outcome_change(self._task, self._holder, verdict, left)
        return outcome_patch(
            self._holder, change, progress=progress, only_if_cancelled=verdict.only_if_cancelled
        )

    def _settle(self, verdict: Verdict) -> Report | None:
        """Look how it stands after a failed test; None when nothing stands against writing."""
        answer = self._persistence.read()
        if answer.status == NOT_FOUND:
            return Report.GONE
        if answer.status != OK:
            return None
        task = decode_json(answer.body)
        if not self._holder.holds(task):
            return Report.NOT_MINE
        run = self._holder.run_in(task)
        if run.get("phase") != Phase.RUNNING:
            # The end time tells our own write, whose answer was lost, from somebody else's.
            ours = (
                run.get("phase") == verdict.outcome.phase and run.get("endTime") == verdict.outcome.end_time
            )
            return Report.COMMITTED if ours else Report.NOT_MINE
        if verdict.only_if_cancelled and not task["spec"].get("cancel"):
            return Report.INTERRUPTED
        return None


def reduced(outcome: Outcome, refusal: str) -> Outcome:
    """Give the part of an outcome that the API server has no reason to refuse."""
    if outcome.error is None:
        text = f"the handler returned, but the API server refuses the result: {refusal}"
        error = make_error(
            ErrorType.RESULT_NOT_SERIALISABLE, text, time=outcome.end_time, attempt=outcome.attempt
        )
        return outcome._replace(phase=Phase.FAILED, result=None, error=error)
    error = make_error(
        outcome.error["type"],
        outcome.error.get("message", "").encode("ascii", "replace").decode(),
        time=outcome.end_time,
        attempt=outcome.attempt,
    )
    return outcome._replace(result=None, error=error)
