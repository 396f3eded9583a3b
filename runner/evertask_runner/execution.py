"""One run of the handler in this process: prepared before its time, called, called again, and what became of it.

A handler is a class with ``handle`` or a function, sync or async. The outcome of an attempt is one message for the
parent: ``succeeded`` with the result, ``stopped`` when the handler ended because its token had fired, or ``failed``
with the error. A failed one says whether the policy wants another attempt (``retry``), and a handler class may have
callbacks for the end, ``on_completed`` or ``on_error``: in either case the parent is given the outcome and has its
word. It knows whether a handler that was stopped is over for good, and when the next attempt begins; then the same
instance is called again, with a fresh token and a fresh payload.
"""

from __future__ import annotations

from datetime import timedelta
from time import time
from typing import TYPE_CHECKING, Any

from evertask.api.durations import parse_duration
from evertask.api.protocol import ErrorType
from evertask.api.times import parse_time
from evertask.context import REASON_TIMEOUT, Context
from evertask_runner import console, parentage
from evertask_runner.endings import exception_of, exit_code_of, named, remembered, was_stopped
from evertask_runner.failures import RunFailure, describe, format_traceback, type_name
from evertask_runner.loops import Loop
from evertask_runner.preparation import HandlerCall
from evertask_runner.serialisation import result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask.context import CancellationToken
    from evertask_runner.json_lines import Json


def conclude_alone(outcome: Json) -> Json:
    """Decide as the parent does where nothing but the handler itself has ended the run, and nothing is retried."""
    return {"callback": True, "message": (outcome.get("error") or {}).get("message", "")}


def execute(
    attribute: Any,
    run: Json,
    token: CancellationToken,
    send: Callable[[Json], None],
    wait_for_go: Callable[[], None],
    *,
    conclude: Callable[[Json], Json] = conclude_alone,
    provided: Mapping[Any, Any] | None = None,
    loop: Loop | None = None,
) -> Json:
    """Run a handler and say how it ended; never raises, whatever the handler does.

    Args:
        attribute: what ``spec.handler`` names.
        run: the run document that the parent sent (see ``evertask_runner.run_documents``).
        token: fires when the handler should stop.
        send: sends a message to the parent.
        wait_for_go: returns when the attempt may start; called when nothing is left to do before.
        conclude: where an outcome has a ``retry`` or a ``callback``, takes it and gives the parent's word. For another
            attempt: ``again`` (its number), ``delay`` (seconds, that pass before ``wait_for_go`` returns), ``token``
            (its own), ``payload`` (as it was written). For the end: ``callback`` (whether to call it), ``message``
            and ``reason`` (see ``evertask_runner.endings``).
        provided: what ``setup()`` gave.
        loop: that ``setup()`` ran in; it is closed here.

    Returns:
        The outcome; ``conclude`` has had it already where it has a ``retry`` or a ``callback``.
    """
    execution = _Execution(attribute, run, token, send, provided=provided or {}, loop=loop or Loop())
    try:
        return execution.run(wait_for_go, conclude)
    finally:
        execution.close()


class _Execution:
    def __init__(
        self,
        attribute: Any,
        run: Json,
        token: CancellationToken,
        send: Callable[[Json], None],
        *,
        provided: Mapping[Any, Any],
        loop: Loop,
    ) -> None:
        self._document, self._token, self._send, self._loop = run, token, send, loop
        self._context = _context(run, self._token, self._send)
        self._call = HandlerCall(attribute, run, self._context, provided, loop)
        self._begun = False
        self._retrying: Json | None = run.get("retrying")
        self._raised: BaseException | None = None
        self._failed: BaseException | None = None

    def run(self, wait_for_go: Callable[[], None], conclude: Callable[[Json], Json]) -> Json:
        outcome = self._decide_on_dead() if "dead" in self._document else self._attempt(wait_for_go)
        while "retry" in outcome or "callback" in outcome:
            word = conclude(outcome)
            if "again" not in word:
                self._conclude(word, outcome.get("callback"))
                break
            self._renew(word, outcome)
            outcome = self._attempt(wait_for_go)
        return outcome

    def _attempt(self, wait_for_go: Callable[[], None]) -> Json:
        self._raised = None
        try:
            self._call.prepare()
            self._send({"kind": "prepared", "timeout": self._call.timeout, **self._call.told})
            wait_for_go()
            self._token.raise_if_cancelled()
            self._begin()
            self._send({"kind": "started", "time": time()})
            value = self._call(self._token)
            result = result_of(value)
        except BaseException as error:  # noqa: BLE001  (whatever a handler raises is the run's error)
            self._raised = error
            return self._failure(error)
        self._context.result = value
        return {"kind": "succeeded", "result": result, **self._named("on_completed")}

    def _failure(self, error: BaseException) -> Json:
        heard = self._token.reason
        stopped = heard is not None and was_stopped(error)
        outcome: Json = {
            "kind": "stopped" if stopped else "failed",
            "error": describe(named(error), self._context.attempt),
            "heard": heard,
        }
        if not stopped or heard == REASON_TIMEOUT:
            outcome |= self._decision(error, is_timeout=heard == REASON_TIMEOUT)
        if self._begun or not stopped:
            outcome |= self._named("on_error")
        return outcome

    def _named(self, callback: str) -> Json:
        return {"callback": callback} if callback in self._call.callbacks else {}

    def _decision(self, error: BaseException, *, is_timeout: bool) -> Json:
        """Ask the policy; what comes of it belongs to the outcome."""
        from evertask.retries import Failure  # noqa: PLC0415  (only after a failure)
        from evertask_runner.policies import NEVER_RETRIED, choose, decide  # noqa: PLC0415

        if isinstance(error, RunFailure) and error.type in NEVER_RETRIED:
            return {}
        failure = Failure(
            self._context.attempt,
            error,
            str(ErrorType.TIMEOUT) if is_timeout else type_name(error),
            is_timeout=is_timeout,
            exit_code=exit_code_of(error),
        )
        try:
            decision = decide(choose(self._document, self._call.policy), failure)
        except RunFailure as fault:
            return {"error": describe(fault, self._context.attempt), "policyFailed": True}
        return {"retry": decision.as_json()} if decision else {}

    def _decide_on_dead(self) -> Json:
        """Ask the class's own policy about an attempt in another process, which died."""
        from evertask_runner.policies import choose, decide, failure_of_death  # noqa: PLC0415

        outcome: Json = {"kind": "decided", "retry": None}
        try:
            choice = choose(self._document, self._call.find_policy())
            decision = decide(choice, failure_of_death(self._document["dead"]))
        except RunFailure as fault:
            return outcome | {
                "error": describe(fault, self._document["dead"]["attempt"]),
                "policyFailed": True,
            }
        return outcome | ({"retry": decision.as_json()} if decision else {})

    def _renew(self, word: Json, outcome: Json) -> None:
        """Make ready for the next attempt."""
        error = outcome.get("error") or self._document["dead"]
        if self._raised is not None:
            reason = REASON_TIMEOUT if outcome["heard"] == REASON_TIMEOUT else ""
            self._failed = exception_of(self._raised, reason, error.get("message", ""))
        self._retrying = {
            "type": error["type"],
            "message": error.get("message", ""),
            "delay": word["delay"],
            "retry": word["retry"],
        }
        self._context.attempt = word["again"]
        self._context.cancellation = self._token = word["token"]
        if "payload" in word:
            self._document = self._document | {"payload": word["payload"]}
        self._call.renew(self._document)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._call_back("on_started", token=self._token)
            self._token.raise_if_cancelled()
        if self._retrying is not None:
            retry = self._retrying["retry"]
            parentage.begin_retry(retry)
            self._call_back("on_retry", token=self._token, **self._about_retry(self._retrying))
            self._token.raise_if_cancelled()
        parentage.begin_attempt()

    def _about_retry(self, retrying: Json) -> Json:
        delay = retrying.get("delay", 0)
        return {
            "attempt": retrying["retry"],
            "error": self._failed or remembered(retrying["type"], retrying.get("message", "")),
            "delay": parse_duration(delay) if isinstance(delay, str) else timedelta(seconds=delay),
        }

    def _conclude(self, word: Json, callback: str | None) -> None:
        if callback is None:
            return
        if word["callback"]:
            message = word.get("message")
            exception = self._raised and exception_of(self._raised, word.get("reason", ""), message or "")
            self._call_back(callback, exception=exception, message=message)
        self._send({"kind": "over"})

    def _call_back(self, name: str, token: CancellationToken | None = None, **given: Any) -> None:
        """Call a callback, where there is one, and survive what it does. A token's firing stops an async one."""
        if name not in self._call.callbacks:
            return
        from evertask_runner.callbacks import task_uuid, tell  # noqa: PLC0415  (loaded where there are any)

        values = {"task_id": task_uuid(self._document), "ctx": self._context, **given}
        try:
            value = self._call.callbacks[name].call(values)
            if hasattr(value, "__await__"):
                self._loop.run(value, token)
        except BaseException as error:  # noqa: BLE001  (whatever a callback raises changes nothing)
            if token is None or not (token.is_cancelled and was_stopped(error)):
                tell(error, name, self._send)

    def close(self) -> None:
        """Close what the run has opened: its dispatchers, its event loop. A failure changes nothing any more."""
        closing: tuple[Callable[[], object], ...] = (
            lambda: self._context.close(self._loop.run),
            self._loop.close,
        )
        for close in closing:
            try:
                close()
            except BaseException as error:  # noqa: BLE001  (the user's tasks are cancelled here, and may raise anything)
                console.say(f"closing the run's event loop raised\n{format_traceback(error)}".rstrip())


def _context(run: Json, token: CancellationToken, send: Callable[[Json], None]) -> Context:
    def report(value: Json) -> None:
        send({"kind": "progress", "progress": value})

    return Context(
        task_id=run["taskId"],
        task_name=run["taskName"],
        namespace=run["namespace"],
        run_id=run["run"],
        attempt=run["attempt"],
        scheduled_time=parse_time(run["scheduledTime"]),
        cancellation=token,
        report=report,
    )
