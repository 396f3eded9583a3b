"""One poll over everything that may happen to a run: signals, the child's words, room in its pipe, the clock."""

from __future__ import annotations

import select
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evertask_runner.handler_process import HandlerProcess
    from evertask_runner.signals import Signals

LONGEST_WAIT_SECONDS = 3600.0
"""A poll takes at most 24 days in milliseconds; a timeout may be a year."""


def wait_for_news(process: HandlerProcess, signals: Signals, deadline: float | None) -> None:
    """Wait until something has happened, or until a time; it may also return for nothing.

    Args:
        process: the child.
        signals: of this process.
        deadline: monotonic time; None is as long as it takes.
    """
    poll = select.poll()
    poll.register(signals.fd, select.POLLIN)
    if process.may_report:
        poll.register(process.report, select.POLLIN)
    if process.wants_to_send:
        poll.register(process.control, select.POLLOUT)
    seconds = LONGEST_WAIT_SECONDS if deadline is None else deadline - monotonic()
    # Python rounds up to a millisecond, so that it is never too early.
    poll.poll(min(max(0.0, seconds), LONGEST_WAIT_SECONDS) * 1000)
    process.flush()
