"""Which callbacks a handler has, and how they are called."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from evertask import Context, Handler, Task
from evertask_runner.callbacks import find_callbacks, task_uuid, tell
from evertask_runner.failures import RunFailure

VALUES = {"task_id": "ID", "exception": "EXC", "message": "MSG", "ctx": "CTX"}


def handler(**members: Any) -> Any:
    return type("H", (), members)()


class Mail(Task):
    handler = "m:Mailing"


class Mailing(Handler[Mail]):
    def handle(self, task: Mail, ctx: Context) -> None: ...


def test_the_base_classs_own_callbacks_are_none():
    assert find_callbacks("m:H", Mailing()) == {}


def test_a_class_without_a_base_may_have_callbacks():
    assert list(find_callbacks("m:H", handler(on_error=lambda self: None))) == ["on_error"]


@pytest.mark.parametrize(
    ("method", "given"),
    [
        (lambda self: [], []),
        (lambda self, task_id: [task_id], ["ID"]),
        (lambda self, a, b: [a, b], ["ID", "EXC"]),
        (lambda self, a, b, c, d: [a, b, c, d], ["ID", "EXC", "MSG", "CTX"]),
        (lambda self, ctx: [ctx], ["CTX"]),
        (lambda self, a, *, ctx: [a, ctx], ["ID", "CTX"]),
        (lambda self, *rest: list(rest), ["ID", "EXC", "MSG", "CTX"]),
        (lambda self, a, b, c, d, more=1: [a, b, c, d, more], ["ID", "EXC", "MSG", "CTX", 1]),
        (staticmethod(lambda a: [a]), ["ID"]),
    ],
    ids=["none", "first", "two", "all", "context", "keyword", "variadic", "default", "static"],
)
def test_an_override_takes_what_it_needs(method, given):
    assert find_callbacks("m:H", handler(on_error=method))["on_error"].call(VALUES) == given


@pytest.mark.parametrize(
    "method",
    [lambda self, a, b, c: None, lambda self, a, *, more: None],
    ids=["positional", "keyword"],
)
def test_a_parameter_that_nothing_fills_is_refused_by_name(method):
    with pytest.raises(
        RunFailure, match=r"on_started is called with \(task_id, ctx\), and nothing fills"
    ) as caught:
        find_callbacks("m:H", handler(on_started=method))
    assert caught.value.type == "HandlerInvalid"


def test_something_that_tells_nothing_about_itself_is_given_all():
    assert find_callbacks("m:H", handler(on_started=dict.fromkeys))["on_started"].positional == (
        "task_id",
        "ctx",
    )


def test_the_id_is_the_uid_where_the_label_is_no_uuid():
    uid = UUID(int=7)
    assert task_uuid({"taskId": "mine", "taskUid": str(uid)}) == uid


def test_an_error_is_printed_and_told(capfd):
    sent: list[dict[str, Any]] = []
    tell(ValueError("x" * 600), "on_started", sent.append)
    assert sent[0]["callback"] == "on_started"
    assert sent[0]["message"].startswith("ValueError: xxx")
    assert len(sent[0]["message"]) == 512
    assert "evertask: on_started raised ValueError" in capfd.readouterr().err
