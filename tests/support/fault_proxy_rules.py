"""Which requests meet which fault, how often, and what has come of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.support.fault_proxy_faults import name_of

if TYPE_CHECKING:
    import re

    from tests.support.fault_proxy_faults import Fault
    from tests.support.fault_proxy_wire import Request

WAIT_SECONDS = 30.0


class Seen(NamedTuple):
    """A request that has come."""

    at: float
    """Monotonic time."""
    method: str
    target: str
    """Path and query."""
    is_stream: bool
    fault: str
    """Name of the fault that it met, empty for none."""


@dataclass
class Injection:
    """A rule, and what has come of it."""

    fault: Fault
    method: str | None
    path: re.Pattern[str]
    is_stream: bool | None
    times: int
    skip: int
    header: re.Pattern[str]
    happened: int = 0
    """How often the fault has begun to be applied."""
    _all: threading.Event = field(default_factory=threading.Event)

    def fits(self, request: Request) -> bool:
        """Tell whether a request is meant."""
        return (
            self.happened < self.times
            and self.method in {None, request.method}
            and self.is_stream in {None, request.is_stream}
            and self.path.search(request.target) is not None
            and any(self.header.search(f"{name}: {value}") for name, value in request.headers)
        )

    def take(self) -> bool:
        """Count a request that fits; tells whether it meets the fault."""
        if self.skip:
            self.skip -= 1
            return False
        self.happened += 1
        if self.happened >= self.times:
            self._all.set()
        return True

    def wait(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until the fault has happened as often as it should.

        Raises:
            AssertionError: it has not in time.
        """
        assert self._all.wait(seconds), (
            f"{name_of(self.fault)} has happened {self.happened} of {self.times} times"
        )
