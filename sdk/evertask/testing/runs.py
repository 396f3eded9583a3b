"""One run of a handler, in a thread of this process, by the code that runs handlers in a pod.

The thread has no event loop of its own before the runner makes one, as in a pod. What a pod cannot share with a test is
left out: a handler that does not stop is not killed, and one that ends its process ends the test.

A delay before a retry passes by the cluster's clock. For a short one the run takes so long, as it holds its pod; for a
long one it is given back, and goes on as another inline run when its time has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.outcomes import Outcome
from evertask.api.protocol import DEFAULT_HOLD_POD_SECONDS, Phase
from evertask.api.times import format_time, parse_time
from evertask.children import RunScope, inside_run
from evertask.testing.attempts import InlineAttempt
from evertask_runner.attempts import (
    Attempts,
    Next,
    failure_message,
    may_be_retried,
    next_time,
    running_message,
)
from evertask_runner.clocks import rfc3339
from evertask_runner.execution import execute
from evertask_runner.failures import RunFailure, describe, describe_load_failure
from evertask_runner.interruptions import why_it_is_over
from evertask_runner.limits import read_limits
from evertask_runner.loading import Loaded, LoadFailure, import_handler
from evertask_runner.loops import Loop
from evertask_runner.outcome_changes import outcome_change
from evertask_runner.patches import give_back_patch, outcome_patch, progress_patch, run_patch
from evertask_runner.records import RunRecord
from evertask_runner.run_documents import run_document
from evertask_runner.supervision import RunDeadline, Stop
from evertask_runner.verdicts import (
    Verdict,
    cancelled_in_delay,
    finally_failed,
    judge,
    too_late_for_another,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from evertask.testing.clock import VirtualClock
    from evertask_runner.patches import Holder

Json = dict[str, Any]

REPLACED = "replaced by a later run"


class Environment(NamedTuple):
    """What the runs of one in-memory cluster share."""

    clock: VirtualClock
    read: Callable[[str], Json | None]
    """Gives the object of a uid as it is now."""
    patch: Callable[[str, list[Json]], object]
    """Patches the status of the object of a uid, where it is still there and the tests hold."""
    handlers: Mapping[str, Any]
    """Stand-ins: by path, instead of what the path names."""
    provided: Mapping[Any, Any] | None
    """Instead of what ``setup()`` gives."""
    pass_time: Callable[[datetime], object]
    """Lets the time go on to an instant, while a run goes on."""


class Left(NamedTuple):
    """What an inline run leaves."""

    patch: list[Json]
    """Commits it."""
    is_over: bool
    """False: it was given back, and goes on later."""


class InlineRun:
    """A claimed run."""

    def __init__(self, environment: Environment, task: Json, holder: Holder) -> None:
        """Prepare the run.

        Args:
            environment: of the cluster.
            task: right after the claim.
            holder: the pod that there is not, and its run.
        """
        self._environment, self._task, self._holder = environment, task, holder
        self._entry = holder.run_in(task)
        self._limits, self._attempts = read_limits(task["spec"]), Attempts(self._entry)
        self._deadline = self._run_deadline()
        self._attempt = self._make_attempt()
        self._record = RunRecord(self._take_progress, self._entry)
        self._first_start: float | None = None
        self._is_stopped = False
        self._verdict: Verdict | None = None
        self._of: int | None = None
        self._given_back: list[Json] | None = None

    def stop(self) -> None:
        """Ask the handler to stop, as a pod is asked."""
        self._is_stopped = True
        self._attempt.ask_to_stop(Stop.TERMINATION)

    def run(self) -> Left:
        """Run the handler until the run is over, or given back."""
        scope = RunScope(
            task_uid=self._task["metadata"]["uid"],
            task_name=self._task["metadata"]["name"],
            namespace=self._task["metadata"]["namespace"],
            run_id=self._holder.run,
            pod_template=self._task["spec"].get("podTemplate"),
            report=lambda name: self._record.take({"kind": "dispatched", "name": name}),
        )
        try:
            with inside_run(scope):
                message = self._execute()
        finally:
            self._attempt.end()
        if self._given_back is not None:
            return Left(self._given_back, is_over=False)
        verdict = self._replaced(
            finally_failed(self._verdict or self._judge(message), self._attempts.retries)
        )
        left = self._record.fields() | self._attempts.closing_fields()
        change = outcome_change(self._task, self._holder, verdict, left)
        only = verdict.only_if_cancelled
        return Left(outcome_patch(self._holder, change, progress=None, only_if_cancelled=only), is_over=True)

    def _execute(self) -> Json:
        path, loop = self._task["spec"]["handler"], Loop()
        document = run_document(self._task, run=self._holder.run, payload_sources_folder="")
        loaded = self._load(path)
        if isinstance(loaded, LoadFailure):
            return {"kind": "failed", "error": describe_load_failure(loaded, self._attempts.number)}
        try:
            provided = self._provided(path, loaded, loop)
        except RunFailure as error:
            loop.close()
            return {"kind": "failed", "error": describe(error, self._attempts.number)}
        return execute(
            loaded.attribute,
            document,
            self._attempt.token,
            self._take,
            lambda: None,
            conclude=self._conclude,
            provided=provided,
            loop=loop,
        )

    def _load(self, path: str) -> Loaded | LoadFailure:
        if path in self._environment.handlers:
            return Loaded(self._environment.handlers[path])
        return import_handler(path)

    def _provided(self, path: str, loaded: Loaded, loop: Loop) -> Mapping[Any, Any]:
        if self._environment.provided is not None:
            return self._environment.provided
        if loaded.setup is None:
            return {}
        from evertask_runner.dependencies import set_up  # noqa: PLC0415  (imports inspect and more)

        return set_up(path, loaded.setup, loop)

    def _take(self, message: Json) -> None:
        """Take what the handler's side tells."""
        if self._record.take(message):
            return
        if message["kind"] == "prepared":
            self._attempt.note_prepared(message["timeout"])
        elif message["kind"] == "started":
            self._attempt.note_start()
            self._first_start = self._first_start or self._attempt.start
            if self._attempts.retries:
                number = self._attempts.number
                told = running_message(number, self._of, self._holder.pod_name)
                self._patch(run_patch(self._holder, {"attempt": number, "nextAttemptTime": None}, told))

    def _take_progress(self, progress: Json) -> None:
        told = {**progress, "time": format_time(self._environment.clock.now)}
        self._patch(progress_patch(self._holder, told))

    def _patch(self, operations: list[Json]) -> None:
        self._environment.patch(self._holder.uid, operations)

    def _make_attempt(self) -> InlineAttempt:
        return InlineAttempt(self._environment.clock, self._limits, self._deadline)

    def _run_deadline(self) -> RunDeadline | None:
        seconds, first = self._limits.run, self._entry.get("firstStartTime")
        if not seconds:
            return None
        return RunDeadline(seconds, parse_time(first).timestamp() + seconds if first else None)

    def _judge(self, message: Json) -> Verdict:
        now = format_time(self._environment.clock.now)
        if "error" in message:
            message["error"]["time"] = now
        verdict = judge(
            self._attempt.ended(message),
            self._limits.durations._replace(retrying=self._attempts.retries > 0),
            attempt=self._attempts.number,
            now=now,
            out_of_memory=False,
        )
        if self._first_start is None:
            return verdict
        return verdict._replace(outcome=verdict.outcome._replace(start_time=rfc3339(self._first_start)))

    def _conclude(self, message: Json) -> Json:
        """Have the parent's word: another attempt, or the callback for the end."""
        self._attempt.end()
        verdict = self._judge(message)
        after = self._what_follows(verdict, message)
        if not isinstance(after, Next):
            return self._end(finally_failed(after, self._attempts.retries))
        due = self._note_failure(verdict, after)
        if after.delay > DEFAULT_HOLD_POD_SECONDS:
            return self._give_back(after, due)
        self._environment.pass_time(due)
        self._attempt = self._make_attempt()
        if self._is_stopped:
            self._attempt.ask_to_stop(Stop.TERMINATION)
        return {
            "again": self._attempts.number,
            "retry": self._attempts.retries,
            "delay": after.delay,
            "token": self._attempt.token,
            "payload": run_document(self._task, run=self._holder.run, payload_sources_folder="")["payload"],
        }

    def _what_follows(self, verdict: Verdict, message: Json) -> Next | Verdict:
        """Say what follows an attempt: another one, or nothing, and then how the run has ended."""
        if message.get("retry") is None or not may_be_retried(verdict, self._attempt.ended(message)):
            return verdict
        after = Next(**message["retry"])
        begins = self._environment.clock.now.timestamp() + after.delay
        if self._deadline is not None and self._deadline.is_over(begins):
            return too_late_for_another(verdict, self._limits.durations)
        return after

    def _note_failure(self, verdict: Verdict, after: Next) -> datetime:
        """Write down that an attempt has failed; the answer is when the next begins."""
        error, number, now = verdict.outcome.error or {}, self._attempts.number, self._environment.clock.now
        due = next_time(after, now)
        self._of = after.attempts
        self._attempts.fail(error, after, now)
        fields = {"attempt": number, **self._attempts.fields(), "nextAttemptTime": format_time(due)}
        self._patch(run_patch(self._holder, fields, failure_message(error, number, after, due)))
        return due

    def _give_back(self, after: Next, due: datetime) -> Json:
        """Let the run go on later, unless it is not to go on."""
        found, now = self._environment.read(self._holder.uid), format_time(self._environment.clock.now)
        if self._is_stopped or (found is not None and found["spec"]["cancel"]):
            return self._end(cancelled_in_delay(self._attempts.number, now, self._first_start))
        fields = {**self._attempts.fields(), **self._record.fields(), "nextAttemptTime": format_time(due)}
        if first := self._entry.get("firstStartTime") or (self._first_start and rfc3339(self._first_start)):
            fields["firstStartTime"] = first
        failure = fields["failures"][0]
        message = failure_message(failure, failure["attempt"], after, due)
        self._given_back = give_back_patch(self._holder, fields, message)
        return {"callback": False}

    def _end(self, verdict: Verdict) -> Json:
        """Say what the callback for the end is told."""
        self._verdict, outcome = verdict, verdict.outcome
        said = (outcome.error or {}).get("message", "") or outcome.message or ""
        if verdict.only_if_cancelled:
            why = why_it_is_over(self._environment.read(self._holder.uid), self._holder)
            if why is None:
                return {"callback": False}
            told = f"{why}{said.removeprefix('cancelled')}"
            return {"callback": True, "message": told, "reason": str(Stop.TERMINATION)}
        is_timeout = self._attempt.stop in (Stop.TIMEOUT, Stop.RUN_TIMEOUT)
        return {"callback": True, "message": said, "reason": Stop.TIMEOUT.reason if is_timeout else ""}

    def _replaced(self, verdict: Verdict) -> Verdict:
        """A run that has made way for a later one is over without anybody having cancelled its task."""
        found = self._environment.read(self._holder.uid)
        if not verdict.only_if_cancelled or found is None or found["spec"]["cancel"]:
            return verdict
        outcome = Outcome(Phase.CANCELLED, verdict.outcome.end_time, message=REPLACED)
        return Verdict(outcome._replace(start_time=verdict.outcome.start_time), only_if_cancelled=False)
