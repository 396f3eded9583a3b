"""All that one run of the measurement of waiting has seen, as rows of the table and as raw data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.figures import milliseconds, spread

if TYPE_CHECKING:
    from benchmarks.figures import Spread

Row = tuple[str, str, str, str, str]
HEAD: Row = ("measure", "CronJob", "EverTask", "ratio", "to reach")

DUE = 50
"""Due in the same second."""
CREATE_CONCURRENCY = 32
"""Requests in flight while tasks are created."""


class Sample(NamedTuple):
    """The operator at a moment."""

    time: float
    """By the monotonic clock."""
    cpu_seconds: float
    rss_bytes: float


def load(before: Sample, after: Sample) -> float:
    """Give the part of a core that the operator took between two moments."""
    return (after.cpu_seconds - before.cpu_seconds) / (after.time - before.time)


@dataclass
class Measured:
    """All that one run has seen; in seconds."""

    tasks: int
    create: float = 0.0
    """All of them, by the client."""
    take_up: float = 0.0
    """From the start of an operator until each task knows its next run."""
    taken_up: Sample | None = None
    """The operator right after that."""
    ready: float = 0.0
    """From the start of an operator that finds all tasks taken up."""
    first_job: float = 0.0
    """From the same start to the Job of a task that became due meanwhile."""
    rest: list[Sample] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    """From the instant to each task's Job."""
    cron_jobs: list[float] = field(default_factory=list)
    """From the minute to each CronJob's Job."""

    def rows(self) -> list[Row]:
        """Give the table's rows; of what was measured to its end."""
        rows = [
            _row(
                f"{self.tasks:,} series created, {CREATE_CONCURRENCY} requests in flight",
                f"{self.tasks / self.create:.0f}/s",
            ),
            _row("… taken up by an operator that starts", f"{self.tasks / self.take_up:.0f}/s"),
        ]
        if self.taken_up:
            rows.append(_row("operator, after that: memory (RSS)", _megabytes(self.taken_up)))
        rows += [
            _row("operator, started anew: until it is ready", f"{self.ready:.1f} s"),
            _row("operator, started anew: until its first Job", f"{self.first_job:.1f} s", "≤ 20 s"),
            *self._at_rest(),
            self._due_together(),
        ]
        return rows

    def _at_rest(self) -> list[Row]:
        first, last = self.rest[0], self.rest[-1]
        usual, overall = median(load(*pair) for pair in pairwise(self.rest)), load(first, last)
        return [
            _row("operator, at rest: memory (RSS)", _megabytes(last)),
            _row("operator, at rest: processor", f"{usual * 100:.1f} % of a core", "≤ 3 %"),
            _row(
                f"… mean of {last.time - first.time:.0f} s, relists included",
                f"{overall * 100:.1f} % of a core",
            ),
        ]

    def _due_together(self) -> Row:
        ours, theirs = spread(self.due), spread(self.cron_jobs)
        what = f"{DUE} due in the same second: instant → Job created"
        return (what, _written(theirs), _written(ours), f"{ours.p99 / theirs.p99:.2f}", "p99 ≤ 1.5 s")

    def raw(self) -> dict[str, Any]:
        """Give everything that was seen, for the file of raw data."""
        return asdict(self)


def _row(what: str, ours: str, target: str = "") -> Row:
    return (what, "—", ours, "—", target)


def _megabytes(sample: Sample) -> str:
    return f"{sample.rss_bytes / 1e6:.0f} MB"


def _written(found: Spread) -> str:
    return f"p50 {milliseconds(found.p50)} ms, p99 {milliseconds(found.p99)} ms"
