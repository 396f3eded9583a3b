"""How a handler's exception is read."""

from __future__ import annotations

import asyncio
import concurrent.futures

import pytest

from evertask.context import CancellationRequested
from evertask_runner.endings import FormerError, exception_of, exit_code_of, remembered, was_stopped


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncio.CancelledError(), True),
        (concurrent.futures.CancelledError(), True),
        (CancellationRequested("Timeout"), True),
        (ValueError(), False),
        (type("CancelledError", (Exception,), {"__module__": "httpx"})(), False),
    ],
    ids=["asyncio", "futures", "token", "other", "namesake"],
)
def test_only_answers_to_the_request_count_as_stopped(error, expected):
    assert was_stopped(error) is expected


@pytest.mark.parametrize(
    ("raised", "reason", "kind"),
    [
        (ValueError(), "", ValueError),
        (ValueError(), "Timeout", TimeoutError),
        (asyncio.CancelledError(), "Timeout", TimeoutError),
        (asyncio.CancelledError(), "Termination", CancellationRequested),
        (SystemExit(1), "Termination", CancellationRequested),
    ],
    ids=["own", "own-after-timeout", "timeout", "cancelled", "left"],
)
def test_on_error_is_told_one_kind_for_each_end(raised, reason, kind):
    told = exception_of(raised, reason, "the sentence")
    assert type(told) is kind
    assert told is raised or told.__cause__ is raised


def test_an_answer_to_the_token_is_told_as_it_is():
    raised = CancellationRequested("Termination")
    assert exception_of(raised, "Termination", "") is raised


def test_a_timeout_is_told_with_the_sentence_of_the_status():
    assert (
        str(exception_of(ValueError(), "Timeout", "longer than spec.timeout 5s"))
        == "longer than spec.timeout 5s"
    )


class TakesTwoError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


@pytest.mark.parametrize(
    ("type_", "kind", "text"),
    [
        pytest.param("ValueError", ValueError, "bad", id="built-in"),
        pytest.param("concurrent.futures._base.TimeoutError", TimeoutError, "bad", id="of-a-module"),
        pytest.param("nowhere.Error", FormerError, "nowhere.Error: bad", id="not-loaded"),
        pytest.param(
            f"{__name__}.TakesTwoError", FormerError, f"{__name__}.TakesTwoError: bad", id="other-arguments"
        ),
        pytest.param("HandlerProcessDied", FormerError, "HandlerProcessDied: bad", id="of-evertask"),
        pytest.param("SystemExit", FormerError, "SystemExit: bad", id="no-plain-exception"),
    ],
)
def test_the_error_of_another_process_is_made_by_name_and_message(type_, kind, text):
    made = remembered(type_, "bad")
    assert (type(made), str(made)) == (kind, text)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(5), 5),
        (SystemExit(), 0),
        (SystemExit("no"), 1),
        (SystemExit(-1), 255),
        (ValueError(), None),
    ],
    ids=["number", "none", "text", "negative", "another-exception"],
)
def test_the_code_of_sys_exit_is_the_shells(error, code):
    assert exit_code_of(error) == code
