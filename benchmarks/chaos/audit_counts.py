"""Rules about numbers: counts are the sum of the runs that were seen, and each occurrence is counted once somewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.chaos.records import Deed
from benchmarks.chaos.runs import is_series, unix
from evertask.api.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.chaos.records import Life, World
    from benchmarks.chaos.runs import Run

UNCOUNTABLE = frozenset({Deed.EDIT, Deed.REARM, Deed.DELETE, Deed.RUN_NOW})
"""A schedule that was edited begins anew: its occurrences are not those of one grid."""
ENDS = frozenset({"Completed", "Cancelled", "Failed"})


def wrong_counts(life: Life, runs: list[Run]) -> Iterator[str]:
    """Say which counts of a task's newest status do not add up."""
    status = life.last.status
    counts = status.get("counts") or {}
    total, good, bad = (counts.get(name, 0) for name in ("runs", "succeeded", "failed"))
    if total != good + bad:
        yield f"counts.runs is {total}, succeeded {good} and failed {bad}"
    if not life.is_complete or life.gone is not None:
        return  # the last of its versions may not have been seen
    for name, outcome in (("succeeded", "Succeeded"), ("failed", "Failed")):
        seen = sum(run.outcome == outcome and _is_counted(life, run) for run in runs)
        if counts.get(name, 0) != seen:
            yield f"counts.{name} is {counts.get(name, 0)}; runs seen with this outcome: {seen}"
    most = max((launch for run in runs for launch in run.launches), default=0)
    if status.get("launches", 0) < most:
        yield f"launches is {status.get('launches', 0)} after launch {most}"


def _is_counted(life: Life, run: Run) -> bool:
    """A series' run is counted when it is folded: not while it stands in ``runs``."""
    return not (is_series(life.last.spec) and run.id in (life.last.status.get("runs") or {}))


def lost_occurrences(world: World, life: Life, runs: list[Run]) -> Iterator[str]:
    """Say whether occurrences of a fixed grid up to the watermark are accounted for nowhere, or more than once."""
    recurrence = life.last.spec.get("recurrence") or {}
    status = life.last.status
    watermark = unix(status.get("lastScheduledTime"))
    if not _is_countable(world, life) or set(recurrence) & {"first", "jitter"} or watermark is None:
        return
    step = parse_duration(recurrence["every"]).total_seconds()
    due = math.floor((watermark - life.created) / step + 0.001)
    counts = status.get("counts") or {}
    still = status.get("runs") or {}
    # A run that was prepared and taken back has no outcome: its occurrence is counted where it went.
    ran = sum(run.is_scheduled and bool(run.outcome or run.id in still) for run in runs)
    waiting = sum((one.get("run") or "s").startswith("s") for one in status.get("waiting") or ())
    left_out = {name: counts.get(name, 0) for name in ("skipped", "missed")}
    # What waited when the series ended needs no turn any more: by its rules it is not run.
    waiting += _dropped(life) if status.get("state") in ENDS else 0
    told = ran + waiting + sum(left_out.values())
    if told != due:
        yield f"{due} occurrences up to {status['lastScheduledTime']}: {ran} runs, {waiting} waiting, {left_out}"


def _dropped(life: Life) -> int:
    """Count what waited until the series ended."""
    before = next(
        (version.status for version in reversed(life.versions) if version.status.get("state") not in ENDS), {}
    )
    return sum((one.get("run") or "s").startswith("s") for one in before.get("waiting") or ())


def _is_countable(world: World, life: Life) -> bool:
    return (
        "every" in (life.last.spec.get("recurrence") or {})
        and life.is_complete
        and not world.deeds_of(life.name) & UNCOUNTABLE
    )
