"""When something is due in the measurement of lateness: a plan, made before anything is started.

CronJobs start at whole minutes, because a minute is their finest schedule; so the seconds around each whole minute are
theirs, and what is measured in the same run beside them is due in the others. Instants are Unix seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = 60
FIRST_SECOND, LAST_SECOND = 7.0, 57.0
"""Seconds of the minute that are ours: CronJobs' pods have started by the first (ours are prepared a lead before it),
and our last pod has started before the next minute's come."""
SPACING_SECONDS = 1.5
"""Between two that are due one at a time: two cores start fewer than three pods a second."""
ROUND_SECONDS = 5
"""Between two rounds of tasks that are due together."""
FIRST_ROUND, LAST_ROUND = 10, 55

Kind = Literal["recurring", "run-at", "delay"]
PATTERN: tuple[Kind, ...] = ("recurring", "run-at", "delay", "run-at")
"""Who is due in the slots of a minute, one after another. Recurring tasks and delays get the whole seconds."""


class Due(NamedTuple):
    """A task, and when it is to start."""

    name: str
    kind: Kind
    instants: tuple[float, ...]
    spec: dict[str, Any]
    """What says so in the task. Empty for a delay, which counts from the creation."""


def free_slots(after: float) -> Iterator[float]:
    """Give the instants from one on, spaced, that stay clear of whole minutes; without end."""
    minute = after // MINUTE * MINUTE
    while True:
        second = FIRST_SECOND
        while second <= LAST_SECOND:
            if minute + second >= after:
                yield minute + second
            second += SPACING_SECONDS
        minute += MINUTE


def one_at_a_time(begin: float, minutes: int) -> list[Due]:
    """Plan whole minutes in which one task is due at a time: of all kinds, a recurring one once a minute."""
    planned = []
    for number, slot in enumerate(takewhile(lambda slot: slot < begin + MINUTE, free_slots(begin))):
        kind = PATTERN[number % len(PATTERN)]
        times = tuple(slot + MINUTE * later for later in range(minutes))
        if kind == "recurring":
            by_cron = number % (2 * len(PATTERN)) == 0
            schedule = {"cron": f"{slot % MINUTE:.0f} * * * * *"} if by_cron else {"every": "1m"}
            planned.append(_recurring(f"recurring-{number}", times, schedule))
        else:
            planned += [_once(kind, f"{kind}-{number}-{index}", time) for index, time in enumerate(times)]
    return planned


def run_at(name: str, instant: float) -> Due:
    """Plan one task that says its instant."""
    return _once("run-at", name, instant)


def together(begin: float, minutes: int, tasks: int) -> list[Due]:
    """Plan whole minutes in which recurring tasks are due at the same instants."""
    times = tuple(
        begin + MINUTE * minute + second
        for minute in range(minutes)
        for second in range(FIRST_ROUND, LAST_ROUND + 1, ROUND_SECONDS)
    )
    schedule = {"cron": f"{FIRST_ROUND}-{LAST_ROUND}/{ROUND_SECONDS} * * * * *"}
    return [_recurring(f"together-{number}", times, schedule) for number in range(tasks)]


def next_minute(now: float, notice: float) -> float:
    """Give the first whole minute that is at least a notice away."""
    return -(-(now + notice) // MINUTE) * MINUTE


def _once(kind: Kind, name: str, instant: float) -> Due:
    return Due(name, kind, (instant,), {} if kind == "delay" else {"runAt": _text(instant)})


def _recurring(name: str, times: tuple[float, ...], schedule: dict[str, Any]) -> Due:
    """Plan a series; its first run is set, so that it may be created well before."""
    recurrence = schedule | {"first": {"at": _text(times[0])}, "maxRuns": len(times)}
    return Due(name, "recurring", times, {"recurrence": recurrence})


def _text(instant: float) -> str:
    return format_time(datetime.fromtimestamp(instant, UTC))
