"""One call of a handler, and how it ended. The handler runs in this process here."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest
from pydantic import BaseModel

from evertask.context import CancellationToken, Context
from evertask_runner.execution import execute
from evertask_runner.run_documents import run_document

UID = "7f3b6c1e-8f0e-4b52-9d8a-2f9f6c1a7e2d"


class Mail(BaseModel):
    to: str


def task(payload: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "mail", "namespace": "shop", "uid": UID, "labels": labels},
        "spec": {"handler": "m:f", "payload": payload},
        "status": {"runs": {"s1": {"scheduledTime": "2025-01-01T00:00:00Z", "attempt": 2}}},
    }


def run(handler: Any, payload: dict[str, Any] | None = None, token: CancellationToken | None = None):
    sent: list[dict[str, Any]] = []
    document = run_document(task(payload or {}), run="s1", payload_sources_folder="/nowhere")
    return execute(handler, document, token or CancellationToken(), sent.append, lambda: None), sent


class Sync:
    def handle(self, payload):
        return ["sync", payload]


class Async:
    async def handle(self, payload, ctx):
        await asyncio.sleep(0)
        return ["async", payload, ctx.attempt]


async def async_function(payload: Mail, ctx: Context) -> str:
    return f"{payload.to} {ctx.task_id} {ctx.scheduled_time:%Y}"


def function(payload: Mail) -> str:
    return payload.to


@pytest.mark.parametrize(
    ("handler", "result"),
    [
        (Sync, ["sync", {"to": "a"}]),
        (Async, ["async", {"to": "a"}, 2]),
        (function, "a"),
        (async_function, f"a {UID} 2025"),
        (lambda: 1, 1),
    ],
    ids=["class", "async-class", "function", "async-function", "no-parameters"],
)
def test_every_form_of_handler_runs(handler, result):
    ended, sent = run(handler, {"to": "a"})
    assert ended == {"kind": "succeeded", "result": result}
    assert [message["kind"] for message in sent] == ["prepared", "started"]


def test_only_the_call_is_left_when_the_word_to_go_comes():
    order: list[str] = []

    class Recording:
        def __init__(self):
            order.append("made")

        async def handle(self, payload):
            order.append("called")

    document = run_document(task({}), run="s1", payload_sources_folder="/nowhere")
    execute(
        Recording,
        document,
        CancellationToken(),
        lambda m: order.append(m["kind"]),
        lambda: order.append("go"),
    )
    assert order == ["made", "prepared", "go", "started", "called"]


def test_what_cannot_be_called_fails_before_its_time():
    document = run_document(task({}), run="s1", payload_sources_folder="/nowhere")
    ended = execute(function, document, CancellationToken(), lambda _: None, lambda: pytest.fail("waited"))
    assert ended["error"]["type"] == "PayloadInvalid"


def test_a_handler_that_is_stopped_before_its_time_never_starts():
    token = CancellationToken()
    called: list[int] = []
    sent: list[dict[str, Any]] = []
    document = run_document(task({}), run="s1", payload_sources_folder="/nowhere")
    ended = execute(lambda: called.append(1), document, token, sent.append, lambda: token.fire("Termination"))
    assert (ended["kind"], called) == ("stopped", [])
    assert [message["kind"] for message in sent] == ["prepared"]


def test_the_start_is_told_when_the_handler_is_called(monkeypatch):
    monkeypatch.setattr("evertask_runner.execution.time", lambda: 12.5)
    assert run(lambda: 1)[1][1:] == [{"kind": "started", "time": 12.5}]


def test_the_task_id_is_the_sdks_where_there_is_one():
    document = run_document(
        task({}, **{"evertask.io/task-id": "t-9"}), run="s1", payload_sources_folder="/nowhere"
    )
    assert document["taskId"] == "t-9"


def test_progress_goes_to_the_parent():
    _, sent = run(lambda ctx: ctx.progress(50, "half"))
    assert sent[2:] == [{"kind": "progress", "progress": {"percent": 50, "message": "half"}}]


class NeedsArguments:
    def __init__(self, database): ...

    def handle(self, payload): ...


class WithoutHandle:
    pass


class RaisesWhenMade:
    def __init__(self) -> None:
        raise OSError("no disk")

    def handle(self, payload): ...


def raises():
    raise ValueError("bad order")


def exits():
    sys.exit(4)


def object_back():
    return object()


async def cancelled_by_itself():
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("handler", "type_", "message"),
    [
        (NeedsArguments, "HandlerInvalid", "nothing provides NeedsArguments's parameter 'database'"),
        (WithoutHandle, "HandlerInvalid", "has no method handle"),
        ({"not": "callable"}, "HandlerInvalid", "is of type dict"),
        (RaisesWhenMade, "OSError", "no disk"),
        (raises, "ValueError", "bad order"),
        (exits, "HandlerProcessDied", "sys.exit(4)"),
        (function, "PayloadInvalid", "to: Field required"),
        (object_back, "ResultNotSerialisable", "type object"),
        (cancelled_by_itself, "asyncio.exceptions.CancelledError", ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_failure_has_its_type_and_message(handler, type_, message):
    ended, _ = run(handler)
    assert (ended["kind"], ended["error"]["type"]) == ("failed", type_)
    assert message in ended["error"]["message"]


def test_the_traceback_begins_at_the_users_code():
    trace = run(raises)[0]["error"]["traceback"]
    assert trace.splitlines()[1].startswith(f'  File "{__file__}"')


def test_the_traceback_of_an_async_handler_begins_at_the_users_code():
    async def handler():
        raise ValueError

    trace = run(handler)[0]["error"]["traceback"]
    assert trace.splitlines()[1].startswith(f'  File "{__file__}"')


def fired() -> CancellationToken:
    token = CancellationToken()
    token.fire("Termination")
    return token


def test_a_handler_is_not_begun_after_the_token_has_fired():
    called: list[int] = []
    ended, _ = run(lambda: called.append(1), token=fired())
    assert (ended["kind"], called) == ("stopped", [])


def obeys(ctx):
    ctx.cancellation.fire("Termination")
    ctx.cancellation.raise_if_cancelled()


def obeys_and_cleans_up_badly(ctx):
    try:
        obeys(ctx)
    finally:
        raise OSError("cleaning up")


def leaves(ctx):
    ctx.cancellation.fire("Termination")
    sys.exit(1)


async def awaits(ctx):
    threading.Timer(0, ctx.cancellation.fire, ["Timeout"]).start()
    await asyncio.Event().wait()


@pytest.mark.parametrize("handler", [obeys, obeys_and_cleans_up_badly, leaves, awaits])
def test_a_handler_that_ends_because_of_the_token_is_stopped(handler):
    assert run(handler)[0]["kind"] == "stopped"


def returns_all_the_same(ctx):
    ctx.cancellation.fire("Termination")
    return 1


def fails_on_its_own(ctx):
    ctx.cancellation.fire("Termination")
    raise ValueError


@pytest.mark.parametrize(
    ("handler", "kind"), [(returns_all_the_same, "succeeded"), (fails_on_its_own, "failed")]
)
def test_after_the_token_has_fired_the_handlers_own_end_stands(handler, kind):
    assert run(handler)[0]["kind"] == kind


def test_an_async_handler_may_swallow_the_cancellation_and_return():
    async def handler(ctx):
        ctx.cancellation.fire("Termination")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "saved"

    assert run(handler)[0] == {"kind": "succeeded", "result": "saved"}


def followed(handler: Any, word: dict[str, Any], token: CancellationToken | None = None):
    """Run a handler whose parent says a word; give what was sent and called, in order."""
    order: list[Any] = []
    document = run_document(task({"to": "a"}), run="s1", payload_sources_folder="/nowhere")

    def conclude(outcome):
        order.append(("outcome", outcome["kind"], outcome["callback"]))
        return word

    handler.order = order
    execute(
        handler,
        document,
        token or CancellationToken(),
        lambda message: order.append(message["kind"]),
        lambda: order.append("go"),
        conclude=conclude,
    )
    return order


def called(**members: Any) -> Any:
    """Make a handler class with callbacks that note their names; members replace them."""

    def on_started(self, task_id, ctx):
        self.order.append(("on_started", str(task_id), ctx.payload))

    def on_completed(self, task_id, ctx):
        self.order.append(("on_completed", ctx.result))

    def on_error(self, task_id, exception, message, ctx):
        self.order.append(("on_error", type(exception).__name__, message))

    callbacks = {"on_started": on_started, "on_completed": on_completed, "on_error": on_error}
    return type("Called", (), {**callbacks, "handle": lambda self: 7, **members})


def test_the_parent_has_the_outcome_before_on_completed_is_called():
    assert followed(called(), {"callback": True}) == [
        "prepared",
        "go",
        ("on_started", UID, {"to": "a"}),
        "started",
        ("outcome", "succeeded", "on_completed"),
        ("on_completed", 7),
        "over",
    ]


def fails(self):
    raise ValueError("bad order")


def test_on_error_gets_the_exception_and_the_parents_sentence():
    order = followed(called(handle=fails), {"callback": True, "message": "ValueError: bad order"})
    assert order[-3:] == [
        ("outcome", "failed", "on_error"),
        ("on_error", "ValueError", "ValueError: bad order"),
        "over",
    ]


def test_where_the_parent_says_no_nothing_is_called():
    assert followed(called(handle=fails), {"callback": False})[-2:] == [
        ("outcome", "failed", "on_error"),
        "over",
    ]


def invalid(self, payload: NeedsMore) -> None: ...


class NeedsMore(BaseModel):
    number: int


def test_a_payload_that_does_not_fit_calls_on_error_and_nothing_before_it():
    order = followed(called(handle=invalid), {"callback": True, "message": "it does not fit"})
    assert order == [("outcome", "failed", "on_error"), ("on_error", "RunFailure", "it does not fit"), "over"]


def test_a_run_that_is_stopped_before_it_began_calls_nothing():
    assert followed(called(), {"callback": True}, token=fired()) == ["prepared", "go"]


def stops_in_on_started(self, task_id, ctx):
    ctx.cancellation.fire("Termination")
    ctx.cancellation.raise_if_cancelled()


def test_a_run_that_is_stopped_in_its_first_callback_does_not_start_and_calls_on_error():
    handler = called(on_started=stops_in_on_started)
    word = {"callback": True, "message": "cancelled", "reason": "Termination"}
    assert followed(handler, word)[2:] == [
        ("outcome", "stopped", "on_error"),
        ("on_error", "CancellationRequested", "cancelled"),
        "over",
    ]


def test_a_callback_that_raises_is_told_and_the_run_goes_on():
    order = followed(called(on_started=fails_with_id), {"callback": True})
    assert order[2:4] == ["callbackError", "started"]
    assert order[-2:] == [("on_completed", 7), "over"]


def fails_with_id(self, task_id):
    raise OSError("no mail server")


def test_an_invalid_callback_fails_the_run_before_it_begins():
    ended, sent = run(called(on_started=lambda self, a, b, c: None))
    assert (ended["error"]["type"], sent) == ("HandlerInvalid", [])


def test_a_function_has_no_callbacks():
    assert "callback" not in run(raises)[0]


def test_without_a_parent_the_handlers_own_end_is_called_back():
    seen: list[Any] = []
    handler = called(order=seen)
    ended, _ = run(handler, {"to": "a"})
    assert (ended["callback"], seen[-1]) == ("on_completed", ("on_completed", 7))


def test_what_goes_wrong_when_the_loop_is_closed_is_printed_and_changes_nothing(capfd):
    async def handler(ctx):
        ctx._made.append(None)
        return 1

    assert run(handler)[0] == {"kind": "succeeded", "result": 1}
    assert "closing the run's event loop raised" in capfd.readouterr().err
