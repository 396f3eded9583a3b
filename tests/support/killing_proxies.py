"""A proxy that numbers the writes of the protocol as they pass, and kills who makes one: before it, or right after.

*Before*: the write never arrives. *After*: it is carried out, and nobody learns of it. In both cases the process is
dead before the next request could come.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import PLURAL, Phase, Write
from tests.support.cutting_proxies import number_of as number_of_operator
from tests.support.fault_proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fault_proxy_faults import Exchange, Fault
    from tests.support.fault_proxy_wire import Request

_ENDING = {str(Phase.SUCCEEDED), str(Phase.FAILED), str(Phase.CANCELLED)}


class Side(StrEnum):
    """On which side of a write the process dies."""

    BEFORE = "before"
    AFTER = "after"


def number_of(method: str, path: str, body: Any) -> Write | None:
    """Tell which write of the protocol a request is, whoever makes it; None when it is none."""
    parts = path.strip("/").split("/")
    if method == "PATCH" and parts[-1] == "status" and isinstance(body, list):
        return _of_runner(body)
    if PLURAL in parts and (method == "POST" or (method == "PATCH" and parts[-1] != "status")):
        return Write.REGISTER
    return number_of_operator(method, path, body)


def _of_runner(operations: list[dict[str, Any]]) -> Write | None:
    if not operations:
        return None  # the empty patch reads
    set_ = {one["path"].rpartition("/")[2]: one.get("value") for one in operations if one["op"] != "test"}
    phase = set_.get("phase")
    if phase == Phase.RUNNING:
        return Write.CLAIM
    if phase == Phase.BACKOFF:
        return Write.GIVE_BACK
    return Write.OUTCOME if phase in _ENDING else Write.PROGRESS


class Kill:
    """The fault: somebody dies at this write."""

    def __init__(self, number: Write, nth: int, side: Side, deed: Callable[[], None]) -> None:
        """Say at which write, counted from 1 among those of its number."""
        self.number, self.nth, self.side = number, nth, side
        self.made = threading.Event()
        self._deed = deed

    async def apply(self, exchange: Exchange) -> None:
        """Kill."""
        if self.side is Side.AFTER:
            await exchange.forward()
        self._deed()
        self.made.set()
        exchange.reset()


class KillingProxy(FaultProxy):
    """The proxy."""

    kill: Kill | None = None
    """What is to happen; it happens once."""
    numbers: Counter[Write]
    """How many writes of a number have come."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Do as ``FaultProxy`` does."""
        super().__init__(*given, **named)
        self.numbers = Counter()

    def fault_for(self, request: Request) -> Fault | None:
        """Count the writes; kill where it was asked for."""
        number = number_of(request.method, request.path, json.loads(request.body) if request.body else {})
        if number is None:
            return super().fault_for(request)
        self.numbers[number] += 1
        kill = self.kill
        if kill and not kill.made.is_set() and (kill.number, kill.nth) == (number, self.numbers[number]):
            return kill
        return super().fault_for(request)
