"""The parent's side: wait for the run's time, claim, hand over, and see to the rest.

Imported after the fork. What is needed only after the hand-over is imported then: until the claim is answered every
millisecond here delays the handler. A pod that waits for its run's time imports it while it waits.
"""

from __future__ import annotations

import os
from time import monotonic, time
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask_runner import console
from evertask_runner.api_client import ApiClient
from evertask_runner.claims import Claimed, claim
from evertask_runner.clocks import Clock, rfc3339
from evertask_runner.handler_process import GO, fork_handler_process
from evertask_runner.patches import Holder
from evertask_runner.persistence import DeniedError, Patience, Persistence
from evertask_runner.run_documents import run_document
from evertask_runner.signals import Signals, TerminatedError
from evertask_runner.waiting import CONNECT_LEAD_SECONDS, Appointment

if TYPE_CHECKING:
    from evertask_runner.claims import NotClaimed
    from evertask_runner.environment import Environment
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.json_lines import Json


def run_parent(environment: Environment, signals: Signals, process: HandlerProcess, started: float) -> int:
    """Run the pod's one run; the answer is the exit code.

    Args:
        environment: what the pod said.
        signals: of this process.
        process: the child, which imports already.
        started: monotonic time at which the runner started.
    """
    return Parent(environment, signals, process).run(started)


class Parent:
    """One pod's way to its run."""

    def __init__(self, environment: Environment, signals: Signals, process: HandlerProcess) -> None:
        self._environment, self._signals, self._process = environment, signals, process
        self._holder = Holder(environment.task_uid, environment.run, environment.launch, environment.pod_name)
        self._client = ApiClient(environment.api_server, environment.credentials_folder)
        self._appointment = Appointment(environment.scheduled_time, Clock(signals.sleep))

    def run(self, started: float) -> int:
        """Do it; ``started`` is the monotonic time at which the runner started."""
        is_early = self._appointment.is_early
        try:
            with self._signals.interrupting():
                claimed = self._claim(self._wait() if is_early else time())
        except TerminatedError:
            return self._leave("told to stop before the run was claimed", protocol.EXIT_INTERRUPTED)
        except DeniedError as error:
            from evertask_runner.exits import complain  # noqa: PLC0415  (not on the way of a run)

            self._process.finish(0.0, self._signals)
            return complain(str(error), self._environment.termination_message_path)
        if not isinstance(claimed, Claimed):
            return self._leave(f"nothing to do: {claimed.reason}", protocol.EXIT_REPORTED)
        instant = self._appointment.instant
        self._hand_over(claimed.task)
        # A pod that waited has its start deadline from the end of the waiting on.
        return self._finish(claimed.task, instant if is_early else started, instant)

    def _wait(self) -> float:
        """Wait until the run may be claimed; the answer is the Unix time at which all was ready for it."""
        # Not needed before the hand-over, but then there is no time for it.
        import evertask_runner.runs  # noqa: F401, PLC0415

        ready = time()
        due = rfc3339(self._appointment.nominal)
        console.say(f"{self._environment.title} waits until {due}")
        self._appointment.wait_for_claim(self._connect, os.urandom(1)[0] / 255)
        # A handler whose import is not over has not become ready yet.
        return max(ready, self._process.note_import() or time())

    def _connect(self) -> None:
        self._client.connect(CONNECT_LEAD_SECONDS)

    def _claim(self, ready_time: float) -> Claimed | NotClaimed:
        patience = Patience(self._signals.sleep, lambda: None)
        persistence = Persistence(self._client, self._environment.status_path, patience)
        attempt = self._environment.attempt
        return claim(persistence, self._holder, self._appointment, ready_time, attempt=attempt)

    def _leave(self, reason: str, code: int) -> int:
        console.say(reason)
        self._process.finish(0.0, self._signals)
        return code

    def _hand_over(self, task: Json) -> None:
        """Give the child its run; where another handler is named than the Job did, to another child."""
        handler = task["spec"]["handler"]
        if self._process.handler != handler:
            console.say(f"the task names the handler {handler} now, and no longer {self._process.handler}")
            self._process.finish(0.0, self._signals)
            # The child must not inherit the connection.
            self._client.close()
            self._process = fork_handler_process(handler, self._signals)
        folder = self._environment.payload_sources_folder
        default = self._environment.defaults.get("retry")
        self._process.send(
            run_document(task, run=self._holder.run, payload_sources_folder=folder, default_retry=default)
        )

    def _finish(self, task: Json, begin: float, instant: float) -> int:
        go: float | None = instant
        # An attempt that follows another may come too late for the run: the supervision looks first.
        if instant <= monotonic() and self._environment.attempt == 1:
            self._process.send(GO)
            go = None
        console.say(f"{self._environment.title} runs {self._process.handler}")
        from evertask_runner.runs import Run  # noqa: PLC0415  (after the hand-over)

        run = Run(
            self._environment,
            self._signals,
            self._process,
            client=self._client,
            holder=self._holder,
            task=task,
        )
        return run.finish(begin, go)
