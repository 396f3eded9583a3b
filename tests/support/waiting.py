"""Waiting for the cluster: ask again until the answer is the wanted one, and say what it was when it never is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PAUSE_SECONDS = 0.2


def eventually(
    ask: Callable[[], T], holds: Callable[[T], object], seconds: float, *, pause: float = PAUSE_SECONDS
) -> T:
    """Ask until the answer holds; fail with the last answer when the time is over.

    Args:
        ask: gives the answer. A connection that fails (an API server that is away) is asked again.
        holds: whether it is the wanted answer.
        seconds: how long to ask.
        pause: seconds between two questions.
    """
    deadline = time.monotonic() + seconds
    last: object = "nothing: no answer came"
    while True:
        try:
            answer = ask()
            if holds(answer):
                return answer
            last = answer
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {seconds:.0f} s; the last answer: {last}")
        time.sleep(pause)


def throughout(ask: Callable[[], T], holds: Callable[[T], object], seconds: float) -> T:
    """Ask for some time, and fail at the first answer that does not hold; gives the last one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        assert holds(answer), answer
        if time.monotonic() > deadline:
            return answer
        time.sleep(PAUSE_SECONDS)
