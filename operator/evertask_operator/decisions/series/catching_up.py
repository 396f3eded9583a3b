"""What becomes of occurrences that were due while nothing could start them (``catchUp``).

Missed is what was due before the operator began to watch, or what nothing could start for ``LATE``: the API server
was away, or the task was not accepted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.times import format_time
from evertask_operator.decisions.series.occurrences import AT_ONCE, Occurrence, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evertask_operator.decisions.situation import Situation

LATE = timedelta(seconds=10)
"""Longer than any pass takes, shorter than an outage that a person would notice."""


class Caught(NamedTuple):
    """What becomes of missed occurrences."""

    run: tuple[Occurrence, ...]
    """They run, one after another."""
    dropped: int
    """So many do not."""


def is_missed(situation: Situation, occurrence: Occurrence) -> bool:
    """Tell whether an occurrence that is due was missed."""
    return occurrence.due < situation.awake_since or occurrence.due < situation.now - LATE


def catch_up(situation: Situation, missed: Sequence[Occurrence], *, is_newest: bool) -> Caught:
    """Apply the policy.

    Args:
        situation: the task and the time.
        missed: the missed occurrences, oldest first.
        is_newest: no later occurrence is due.
    """
    series = series_of(situation.task)
    over = series.until is not None and series.until <= situation.now
    recent = [
        one
        for one in missed
        if not over and (series.catch_up_window is None or situation.now - one.due <= series.catch_up_window)
    ]
    if series.catch_up_policy == "All":
        run = tuple(recent[-series.catch_up_limit :])
    elif series.catch_up_policy == "Latest" and is_newest and recent and len(missed) < AT_ONCE:
        run = tuple(recent[-1:])
    else:
        run = ()
    return Caught(run, len(missed) - len(run))


def told(situation: Situation, missed: Sequence[Occurrence], caught: Caught) -> str:
    """Say in one sentence what was missed and what becomes of it."""
    first, last = format_time(missed[0].scheduled), format_time(missed[-1].scheduled)
    span = (
        f"the occurrence of {first} was"
        if len(missed) == 1
        else (f"{len(missed)} occurrences from {first} to {last} were")
    )
    policy = series_of(situation.task).catch_up_policy
    return (
        f"{span} due while nothing could start {'it' if len(missed) == 1 else 'them'}: "
        f"{len(caught.run)} run now, {caught.dropped} do not (catchUp.policy {policy})"
    )
