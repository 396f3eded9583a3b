"""One run of a handler, in a thread of this process, by the code that runs handlers in a pod.

The thread has no event loop of its own before the runner makes one, as in a pod. What a pod cannot share with a test is
left out: a handler that does not stop is not killed, and one that ends its process ends the test.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.api.durations import parse_duration
from evertask.api.outcomes import Outcome
from evertask.api.protocol import Phase
from evertask.api.times import format_time
from evertask.children import RunScope, inside_run
from evertask.context import CancellationToken
from evertask_runner.execution import execute
from evertask_runner.failures import RunFailure, describe, describe_load_failure
from evertask_runner.interruptions import why_it_is_over
from evertask_runner.loading import Loaded, LoadFailure, import_handler
from evertask_runner.loops import Loop
from evertask_runner.outcome_changes import outcome_change
from evertask_runner.patches import outcome_patch, progress_patch
from evertask_runner.records import RunRecord
from evertask_runner.run_documents import run_document
from evertask_runner.supervision import Ended, Stop
from evertask_runner.verdicts import Durations, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        self._token = CancellationToken()
        self._record = RunRecord(self._take_progress)
        self._start: float | None = None
        self._stop: Stop | None = None
        self._own_timeout: float | None = None
        self._verdict: Verdict | None = None
        self._alarm: threading.Timer | None = None

    def stop(self) -> None:
        """Ask the handler to stop, as a pod is asked."""
        if self._stop is None:
            self._stop = Stop.TERMINATION
            self._token.fire(Stop.TERMINATION)

    def run(self) -> list[Json]:
        """Run the handler to its end; the answer is the patch that commits its outcome."""
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
            if self._alarm is not None:
                self._alarm.cancel()
        verdict = self._verdict or self._judge(message)
        verdict = self._replaced(verdict)
        change = outcome_change(self._task, self._holder, verdict, self._record.fields())
        return outcome_patch(self._holder, change, progress=None, only_if_cancelled=verdict.only_if_cancelled)

    def _execute(self) -> Json:
        spec = self._task["spec"]
        document = run_document(self._task, run=self._holder.run, payload_sources_folder="")
        path, attempt, loop = spec["handler"], document["attempt"], Loop()
        loaded = self._load(path)
        if isinstance(loaded, LoadFailure):
            return {"kind": "failed", "error": describe_load_failure(loaded, attempt)}
        try:
            provided = self._provided(path, loaded, loop)
        except RunFailure as error:
            loop.close()
            return {"kind": "failed", "error": describe(error, attempt)}
        return execute(
            loaded.attribute,
            document,
            self._token,
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
        if message["kind"] == "prepared" and "timeout" not in self._task["spec"]:
            self._own_timeout = message["timeout"]
        elif message["kind"] == "started":
            self._start = self._environment.clock.now.timestamp()
            self._set_alarm()

    def _take_progress(self, progress: Json) -> None:
        told = {**progress, "time": format_time(self._environment.clock.now)}
        self._environment.patch(self._holder.uid, progress_patch(self._holder, told))

    def _set_alarm(self) -> None:
        """Fire the token when the timeout is over: by the computer's clock, as the handler runs by it."""
        spec = self._task["spec"]
        seconds = parse_duration(spec["timeout"]).total_seconds() if "timeout" in spec else self._own_timeout
        if not seconds:
            return

        def over() -> None:
            if self._stop is None:
                self._stop = Stop.TIMEOUT
                self._token.fire(Stop.TIMEOUT)

        self._alarm = threading.Timer(seconds, over)
        self._alarm.daemon = True
        self._alarm.start()

    def _judge(self, message: Json) -> Verdict:
        if "error" in message:
            message["error"]["time"] = format_time(self._environment.clock.now)
        ended = Ended(
            message=message,
            wait_status=None,
            stop=self._stop,
            killed=False,
            start=self._start,
            timeout=self._own_timeout,
        )
        spec = self._task["spec"]
        durations = Durations(
            timeout=spec.get("timeout", "0s"),
            grace=spec.get("gracePeriod", f"{protocol.DEFAULT_GRACE_PERIOD_SECONDS:.0f}s"),
            start_deadline=spec.get("startDeadline", f"{protocol.DEFAULT_START_DEADLINE_SECONDS:.0f}s"),
        )
        now, attempt = self._environment.clock.now, self._holder.run_in(self._task).get("attempt", 1)
        return judge(ended, durations, attempt=attempt, now=format_time(now), out_of_memory=False)

    def _conclude(self, message: Json) -> Json:
        """Have the parent's word on the callback for the end."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._verdict = verdict = self._judge(message)
        said = verdict.outcome.message or (verdict.outcome.error or {}).get("message", "")
        if verdict.only_if_cancelled:
            why = why_it_is_over(self._environment.read(self._holder.uid), self._holder)
            if why is None:
                return {"callback": False}
            told = f"{why}{said.removeprefix('cancelled')}"
            return {"callback": True, "message": told, "reason": str(Stop.TERMINATION)}
        reason = str(Stop.TIMEOUT) if self._stop is Stop.TIMEOUT else ""
        return {"callback": True, "message": said, "reason": reason}

    def _replaced(self, verdict: Verdict) -> Verdict:
        """A run that has made way for a later one is over without anybody having cancelled its task."""
        found = self._environment.read(self._holder.uid)
        if not verdict.only_if_cancelled or found is None or found["spec"]["cancel"]:
            return verdict
        outcome = Outcome(Phase.CANCELLED, verdict.outcome.end_time, message=REPLACED)
        return Verdict(outcome._replace(start_time=verdict.outcome.start_time), only_if_cancelled=False)
