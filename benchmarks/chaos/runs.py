"""What became of each run of a task, told from all versions of the task that were seen.

A run stands in ``status.runs`` while it is open; a series' run that is over stands in the history, as far as that goes
back. Since every version was seen, no run is missed. A launch number belongs to one run for ever: that is how a call
of a handler finds its run, whatever incarnation it was of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.chaos.records import Json, Life

OUTCOMES = frozenset({"Succeeded", "Failed", "Cancelled"})


@dataclass
class Run:
    """One run."""

    id: str
    incarnation: int
    launches: set[int] = field(default_factory=set)
    pods: set[str] = field(default_factory=set)
    """Pods that were let in."""
    interruptions: int = 0
    failed_attempts: int = 0
    outcome: str = ""
    error_type: str = ""
    error_attempt: int = 0
    result: Any = None
    stop: str = ""
    callback_errors: int = 0
    end: float | None = None
    spec: Json = field(default_factory=dict)
    """As it was when the run was last seen open."""

    @property
    def is_scheduled(self) -> bool:
        """Whether it is of an occurrence, and not of spec.runNow."""
        return self.id.startswith("s")


def unix(text: str | None) -> float | None:
    """Read a time of the API in Unix seconds."""
    return datetime.fromisoformat(text).timestamp() if text else None


def is_series(spec: Json) -> bool:
    """Tell whether a task is a series."""
    return bool(spec.get("recurrence"))


def runs_of(life: Life) -> dict[tuple[int, str], Run]:
    """Give the runs of a task by incarnation and id."""
    found: dict[tuple[int, str], Run] = {}
    for version in life.versions:
        incarnation = version.status.get("incarnation") or 0
        for run_id, entry in (version.status.get("runs") or {}).items():
            run = found.setdefault((incarnation, run_id), Run(run_id, incarnation))
            _take_entry(run, entry, version.spec)
            if run.outcome and not is_series(version.spec):
                run.result = version.status.get("result")
            if run.outcome == "Failed":
                _take_error(run, version.status.get("error") or {})
        for entry in version.status.get("history") or ():
            past = found.get((incarnation, entry["run"]))
            if past is not None and entry.get("outcome"):
                past.outcome = entry["outcome"]
                past.error_type = past.error_type or (entry.get("error") or {}).get("type", "")
    return found


def _take_entry(run: Run, entry: Json, spec: Json) -> None:
    run.launches.add(entry["launch"])
    if entry.get("podName"):
        run.pods.add(entry["podName"])
    run.interruptions = max(run.interruptions, entry.get("interruptions") or 0)
    run.failed_attempts = max(run.failed_attempts, entry.get("failedAttempts") or 0)
    run.stop = entry.get("stop") or run.stop
    run.callback_errors = max(run.callback_errors, len(entry.get("callbackErrors") or ()))
    if entry["phase"] in OUTCOMES:
        run.outcome, run.end = entry["phase"], unix(entry.get("endTime"))
    else:
        run.spec = spec


def _take_error(run: Run, error: Json) -> None:
    run.error_type = error.get("type", "")
    run.error_attempt = error.get("attempt") or 0
