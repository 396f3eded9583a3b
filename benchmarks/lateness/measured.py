"""All that one run of the measurement of lateness has seen, as rows of the table and as raw data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.figures import milliseconds, spread
from benchmarks.lateness.starts import Starts

if TYPE_CHECKING:
    from benchmarks.lateness.jobs import JobStart

CRON_JOBS = 2
"""Due together each minute: one alone would give too few starts in ten minutes."""
TOGETHER = 5
HEAD = ("start lateness, ms", "starts", "min", "p50", "p95", "p99", "max", "p50 ÷ CronJob's", "to reach")


@dataclass
class Measured:
    """All that one run has seen."""

    starts: Starts = field(default_factory=Starts)
    without: set[str] = field(default_factory=set)
    """Names of the tasks without prelaunch."""
    alone: set[str] = field(default_factory=set)
    together: set[str] = field(default_factory=set)
    jobs: list[JobStart] = field(default_factory=list)
    cron_jobs: list[JobStart] = field(default_factory=list)

    def rows(self) -> list[tuple[str, ...]]:
        """Give the table's rows."""
        cron = [start.lateness for start in self.cron_jobs]
        jobs = [start.lateness for start in self.jobs]
        one, pick_of = "EverTask, 1 due", self.starts.latenesses
        measured = [
            (f"CronJob, {CRON_JOBS} due", cron, ""),
            ("bare Job, created at the instant", jobs, ""),
            ("EverTask without prelaunch, 1 due", pick_of(self.without), ""),
            (f"{one}: run-at", pick_of(self.alone, "run-at"), ""),
            (f"{one}: delay", pick_of(self.alone, "delay"), ""),
            (f"{one}: recurring", pick_of(self.alone, "recurring"), ""),
            (f"{one}: all", pick_of(self.alone), "p99 ≤ 50"),
            (f"EverTask, {TOGETHER} due: recurring", pick_of(self.together), "p99 ≤ 100"),
        ]
        return [_row(what, latenesses, cron, target) for what, latenesses, target in measured]

    def raw(self) -> dict[str, Any]:
        """Give everything that was seen, for the file of raw data."""
        return {
            "withoutPrelaunch": sorted(self.without),
            "together": sorted(self.together),
            "tasks": [vars(start) | {"lateness": start.lateness} for start in self.starts.seen],
            "odd": self.starts.odd,
            "missing": self.starts.missing(),
            "jobs": [start._asdict() for start in self.jobs],
            "cronJobs": [start._asdict() for start in self.cron_jobs],
        }

    def remarks(self) -> list[str]:
        """Say in sentences what gave no figure, and what the table does not show."""
        starts = self.starts
        said = [f"no figure: {what}" for what in starts.odd]
        said += [
            f"no start seen: {name}, due at {datetime.fromtimestamp(instant, UTC).isoformat()}"
            for name, instant in starts.missing()
        ]
        if starts.seen:
            most = max(abs(start.first_line - start.said) for start in starts.seen)
            said.append(
                f"startTime in the status is within {milliseconds(most)} ms of the handler's own clock"
            )
        leads = [s.nominal - s.ready for s in starts.seen if s.ready and s.task not in self.without]
        if leads:
            lead = spread(leads)
            said.append(
                f"pods were up {lead.p50:.1f} s before their time (p50), {lead.least:.1f} s at the least"
            )
        return said


def _row(what: str, latenesses: list[float], cron: list[float], target: str) -> tuple[str, ...]:
    if not latenesses:
        return (what, "0", *("—",) * 6, target)
    found = spread(latenesses)
    ratio = f"{found.p50 / spread(cron).p50:.3f}" if cron else "—"
    figures = (found.least, found.p50, found.p95, found.p99, found.most)
    return (what, str(found.size), *map(milliseconds, figures), ratio, target)
