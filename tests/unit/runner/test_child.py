"""What the child makes of the parent's words."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from evertask.context import CancellationToken
from evertask_runner.child import ControlPipe, ReportPipe
from evertask_runner.json_lines import LineBuffer, encode_line

if TYPE_CHECKING:
    from collections.abc import Callable

GO = {"kind": "go"}
AGAIN = {"kind": "again", "again": 2, "delay": 0.0}
STOP = {"kind": "stop", "reason": "Termination"}


@pytest.fixture
def control() -> tuple[ControlPipe, Callable[..., int]]:
    """Give the child's end of the pipe, and a function that says something at the parent's."""
    # The pipe stays open: its end would end the process that reads it.
    reading, writing = os.pipe()
    return ControlPipe(reading), lambda *messages: os.write(writing, b"".join(map(encode_line, messages)))


def served(pipe: ControlPipe) -> CancellationToken:
    token = CancellationToken()
    threading.Thread(target=pipe.serve, args=(token,), daemon=True).start()
    return token


def test_the_word_to_go_lets_the_handler_start(control):
    pipe, say = control
    token = served(pipe)
    say({"kind": "go"})
    pipe.wait_for_go()
    assert not token.is_cancelled


def test_a_request_to_stop_in_place_of_it_fires_the_token_first(control):
    pipe, say = control
    token = served(pipe)
    say(STOP)
    pipe.wait_for_go()
    assert token.reason == "Termination"


def test_after_the_word_to_go_the_token_still_fires(control):
    pipe, say = control
    token = served(pipe)
    say({"kind": "go"})
    pipe.wait_for_go()
    say(STOP)
    assert token.wait(5)


def test_the_run_comes_first_also_when_all_comes_at_once(control):
    pipe, say = control
    say({"kind": "run", "n": 1}, {"kind": "go"}, STOP)
    assert pipe.receive() == {"kind": "run", "n": 1}
    token = served(pipe)
    pipe.wait_for_go()
    assert token.wait(5)


def test_the_parents_word_on_the_callback_is_given_once_it_comes(control):
    pipe, say = control
    served(pipe)
    say({"kind": "go"}, {"kind": "conclude", "callback": True, "message": "failed"})
    assert pipe.wait_for_word() == {"kind": "conclude", "callback": True, "message": "failed"}


def test_lines_of_several_threads_do_not_mix():
    reading, writing = os.pipe()
    pipe = ReportPipe(writing)
    text = "x" * 100_000
    threads = [threading.Thread(target=pipe.send, args=({"n": n, "text": text},)) for n in range(4)]
    for thread in threads:
        thread.start()
    buffer = LineBuffer()
    found: list[dict[str, Any]] = []
    while len(found) < 4:
        found += buffer.feed(os.read(reading, 65536))
    assert sorted(message["n"] for message in found) == [0, 1, 2, 3]


def test_another_attempt_has_a_token_of_its_own_and_waits_for_its_own_word(control):
    pipe, say = control
    first = served(pipe)
    say(GO)
    pipe.wait_for_go()
    say(STOP, AGAIN)
    second = pipe.wait_for_word()["token"]
    assert (first.is_cancelled, second.is_cancelled) == (True, False)
    waiting = threading.Thread(target=pipe.wait_for_go, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    say(GO)
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_request_to_stop_between_two_attempts_is_for_the_next(control):
    pipe, say = control
    first = served(pipe)
    say(GO)
    pipe.wait_for_go()
    say(AGAIN, STOP)
    token = pipe.wait_for_word()["token"]
    assert token.wait(5)
    assert not first.is_cancelled
