"""How long to wait before the next try, and what is worth one."""

from __future__ import annotations

import pytest

from evertask_runner.http_messages import Answer
from evertask_runner.persistence import is_denied, is_transient, message_of, pause_seconds


def answer(status: int, body: bytes = b"") -> Answer:
    return Answer(status, {}, body, keeps_connection=True)


@pytest.mark.parametrize(
    ("failures", "retry_after", "random", "seconds"),
    [
        (1, None, 1.0, 0.1),
        (1, None, 0.0, 0.05),
        (3, None, 1.0, 0.4),
        (100, None, 1.0, 5.0),
        (1, "2", 0.5, 2.5),
        (1, "86400", 0.0, 60.0),
        (1, "soon", 1.0, 0.1),
    ],
    ids=["first", "spread", "third", "longest", "as-told", "told-too-much", "told-nonsense"],
)
def test_pauses_grow_to_five_seconds_and_follow_retry_after(failures, retry_after, random, seconds):
    assert pause_seconds(failures, retry_after, random) == pytest.approx(seconds)


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503, 504, 599])
def test_later_may_be_better(status):
    assert is_transient(answer(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422])
def test_these_are_answers(status):
    assert not is_transient(answer(status))


def test_a_task_is_an_answer():
    assert not is_transient(answer(200, b'{"kind": "EverTask"}'))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"kind": "EverT', b'{"kind": "Status"}', b"\xff"],
    ids=["empty", "html", "list", "truncated", "another-kind", "no-text"],
)
def test_a_success_without_a_task_is_none(body):
    assert is_transient(answer(200, body))


@pytest.mark.parametrize(
    ("status", "body", "denied"),
    [
        (401, b"", True),
        (403, b"", True),
        (404, b"404 page not found", True),
        (404, b'{"kind": "Status", "reason": "NotFound"}', False),
        (422, b"", False),
    ],
    ids=["401", "403", "another-404", "no-such-task", "422"],
)
def test_only_the_api_servers_own_404_says_that_the_task_is_gone(status, body, denied):
    assert is_denied(answer(status, body)) is denied


def test_an_object_that_is_too_large_will_be_so_for_ever():
    assert not is_transient(answer(500, b'{"message": "etcdserver: request is too large"}'))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message": "no rights"}', "403 no rights"),
        (b"Forbidden", "403 Forbidden"),
        (b"[]", "403 []"),
        (b"", "403"),
    ],
    ids=["status", "text", "list", "empty"],
)
def test_the_api_servers_sentence_is_kept(body, text):
    assert message_of(answer(403, body)) == text
