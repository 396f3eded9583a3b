"""What a soak has measured: samples over time, and for each figure the slope of the straight line that fits it best.

A figure that only wavers has a slope near zero; one that leaks has a slope that stays, however long one looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3600.0
MEGABYTE = 1e6
WARM_UP = 0.2
"""Part of the time that is left out at the beginning: caches fill, and the first tasks expire."""
Row = tuple[str, str, str, str, str]
HEAD: Row = ("measure", "at first", "at the end", "slope", "to reach")


class Sample(NamedTuple):
    """The operator and its objects at a moment."""

    time: float
    """Seconds."""
    rss: float
    """Bytes."""
    files: float
    """Open files, connections among them."""
    watches: float
    """Watches of tasks, Jobs and pods that the API server serves, to whomever."""
    tasks: float
    jobs: float
    pods: float
    done: float
    """Tasks that have been finished so far."""


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give the slope of the least squares' line, in units of y per unit of x.

    Raises:
        ValueError: fewer than two different x: there is no line.
    """
    count = len(points)
    mean_x = sum(x for x, _ in points) / count if count else 0.0
    mean_y = sum(y for _, y in points) / count if count else 0.0
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        raise ValueError(f"{count} samples at one moment have no slope: measure for longer")
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def after_warm_up(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out the beginning."""
    begin = samples[0].time + WARM_UP * (samples[-1].time - samples[0].time)
    return [sample for sample in samples if sample.time >= begin]


def per_hour(samples: Sequence[Sample], figure: str) -> float:
    """Give how much a figure grows in an hour."""
    return slope([(sample.time / HOUR, getattr(sample, figure)) for sample in samples])


def rows(samples: Sequence[Sample], rest: Sample, series: int) -> list[Row]:
    """Give the table's rows.

    Args:
        samples: under load.
        rest: after it, when what was made once should be gone.
        series: how many tasks stay.
    """
    steady = after_warm_up(samples)
    first, last = steady[0], steady[-1]
    found = [
        (
            "operator: memory (RSS)",
            f"{first.rss / MEGABYTE:.1f} MB",
            f"{last.rss / MEGABYTE:.1f} MB",
            f"{per_hour(steady, 'rss') / MEGABYTE:+.2f} MB/h",
            "≤ 3 MB/h",
        )
    ]
    for name, figure in (
        ("operator: open files and connections", "files"),
        ("watches of tasks, Jobs and pods", "watches"),
        ("EverTask objects", "tasks"),
        ("Jobs", "jobs"),
        ("pods", "pods"),
    ):
        begin, end = getattr(first, figure), getattr(last, figure)
        found.append((name, f"{begin:.0f}", f"{end:.0f}", f"{per_hour(steady, figure):+.1f}/h", "no growth"))
    minutes = (last.time - first.time) / 60
    total = last.done - first.done
    found.append((f"tasks and runs finished in {minutes:.0f} minutes", "", f"{total:,.0f}", "", ""))
    left = f"{rest.tasks:.0f} tasks, {rest.jobs:.0f} Jobs, {rest.pods:.0f} pods"
    found.append(("after the load", "", left, "", f"the {series} series and their runs"))
    return found
