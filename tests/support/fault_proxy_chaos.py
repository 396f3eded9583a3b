"""Trouble at random, the same for the same seed: which fault the next request meets."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.fault_proxy_faults import (
    CutInside,
    Delay,
    Garbage,
    LostAnswer,
    LostRequest,
    SilentStream,
    Slow,
    Told,
    Truncated,
    conflict,
    error_event,
    gone,
    html,
    refusal,
    too_many,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.fault_proxy_faults import Fault
    from tests.support.fault_proxy_wire import Request

    Make = Callable[[random.Random], Fault]

KINDS: dict[str, Make] = {
    "429": lambda _: too_many(),
    "429-retry-after": lambda _: too_many("1"),
    "500": lambda _: refusal(500, "InternalError"),
    "502-html": lambda _: html(502),
    "503": lambda _: refusal(503, "ServiceUnavailable"),
    "504": lambda _: refusal(504, "Timeout"),
    "delay": lambda luck: Delay(luck.uniform(0.05, 1.0)),
    "slow": lambda luck: Slow(luck.uniform(0.05, 1.0)),
    "lost-request": lambda _: LostRequest(),
    "lost-answer": lambda _: LostAnswer(),
    "cut-inside": lambda _: CutInside(),
    "garbage": lambda _: Garbage(),
    "truncated": lambda _: Truncated(),
}
"""Kinds of fault that any request but a stream may meet."""

WRITE_KINDS: dict[str, Make] = {"409": lambda _: conflict()}
"""Kinds that only writes meet."""

LIST_KINDS: dict[str, Make] = {"410": lambda _: gone()}
"""Kinds that only lists meet that go on from a token."""

WATCH_KINDS: dict[str, Make] = {
    "watch-410-event": lambda _: error_event(410),
    "watch-410": lambda _: gone(),
    "watch-500-event": lambda _: error_event(500),
    "watch-ended": lambda _: Told(),
    "watch-503": lambda _: refusal(503, "ServiceUnavailable"),
    "watch-429": lambda _: too_many("1"),
    "watch-lost-request": lambda _: LostRequest(),
    "watch-garbage": lambda _: Told((b"<html>",)),
    "watch-silent": lambda _: SilentStream(),
}
"""Kinds that streams meet. A silent one costs its client more than a minute: give it a rate of its own."""

ALL_KINDS = frozenset(KINDS | WRITE_KINDS | LIST_KINDS | WATCH_KINDS)

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Chaos:
    """Throws the dice for each request."""

    def __init__(self, seed: int, rate: float | Mapping[str, float]) -> None:
        """Say how often.

        Args:
            seed: of the dice.
            rate: probability of a fault per request, each kind alike but the silent watch, which is left out; or
                a probability per kind (``ALL_KINDS``).

        Raises:
            ValueError: there is no such kind.
        """
        self._dice = random.Random(seed)
        self._rate = rate
        if not isinstance(rate, (int, float)) and (unknown := set(rate) - ALL_KINDS):
            raise ValueError(f"no kinds of fault: {sorted(unknown)}; there are {sorted(ALL_KINDS)}")

    def next(self, request: Request) -> Fault | None:
        """Give the fault that a request meets; None for none."""
        makers = _kinds_for(request)
        if isinstance(self._rate, (int, float)):
            if self._dice.random() >= self._rate:
                return None
            kinds = sorted(makers.keys() - {"watch-silent"})
            return makers[self._dice.choice(kinds)](self._dice)
        throw, sum_ = self._dice.random(), 0.0
        for kind in sorted(makers):
            sum_ += self._rate.get(kind, 0.0)
            if throw < sum_:
                return makers[kind](self._dice)
        return None


def _kinds_for(request: Request) -> dict[str, Make]:
    if request.is_stream:
        return WATCH_KINDS
    if request.method in WRITES:
        return KINDS | WRITE_KINDS
    return KINDS | LIST_KINDS if "continue=" in request.target else KINDS
