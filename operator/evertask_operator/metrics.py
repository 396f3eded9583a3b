"""What the operator measures, for Prometheus. No metric bears the name of an object.

Runs and occurrences are measured by what a status says that the status before it did not say: whoever wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

from evertask.api.protocol import OPEN_PHASES, Phase, State
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from evertask_operator.records import TaskRecord

Json = dict[str, Any]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LATENESS = (0.001, 0.0025, *_SECONDS)
"""A handler whose pod was made early starts within a few milliseconds."""


def prelaunched_runs(tasks: Iterable[TaskRecord], now: datetime) -> int:
    """Count the runs whose pod is made although their time has not come."""
    waiting = (run for task in tasks for run in task.open_runs.values() if "podName" not in run)
    return sum((due := _due_time(run)) is not None and due > now for run in waiting)


def _due_time(run: Json) -> datetime | None:
    return _instant(run.get("dueTime") or run.get("scheduledTime"))


def _instant(text: str | None) -> datetime | None:
    """Read a time of a run; None when there is none.

    Nor when it is none of ours: a runner writes its run itself, and a figure is not worth a failure of the operator.
    """
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _is_over(run: Json) -> bool:
    return "phase" in run and run["phase"] not in OPEN_PHASES


class _States:
    """Counts tasks by state at the moment of the scrape."""

    def __init__(self, states: Callable[[], Mapping[State, int]]) -> None:
        self._states = states

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the gauge."""
        family = GaugeMetricFamily("evertask_tasks", "Tasks by state.", labels=["state"])
        counts = self._states()
        for state in State:
            family.add_metric([state.value], counts.get(state, 0))
        yield family


class Metrics:
    """All metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.lateness = Histogram(
            "evertask_run_lateness_seconds",
            "From the moment in which a run was due to the start of its handler.",
            buckets=_LATENESS,
            registry=self.registry,
        )
        self.launch_time = Histogram(
            "evertask_launch_seconds",
            "From the decision to launch a pod until it is ready to take its run.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.lead = Gauge(
            "evertask_prelaunch_lead_seconds",
            "How long before its time a run's pod is made at present.",
            registry=self.registry,
        )
        self.prelaunched = Gauge(
            "evertask_prelaunched_runs",
            "Runs whose pod is made although their time has not come.",
            registry=self.registry,
        )
        self.missed = Counter(
            "evertask_occurrences_missed",
            "Occurrences of series that were due while nothing could start them.",
            registry=self.registry,
        )
        self.skipped = Counter(
            "evertask_occurrences_skipped",
            "Occurrences of series that did not run because the run before was not over, or the task was suspended.",
            registry=self.registry,
        )
        self.retries = Counter(
            "evertask_retries",
            "Attempts that failed and are followed by another: in the same pod, or in a launch of its own.",
            ["where"],
            registry=self.registry,
        )
        self.interruptions = Counter(
            "evertask_interruptions",
            "Runs that were launched again because a pod was lost.",
            registry=self.registry,
        )
        self._watch_the_operator_itself()
        self._watch_deletions()

    def _watch_the_operator_itself(self) -> None:
        """Make what tells of its own work, not of tasks."""
        self.leader = Gauge(
            "evertask_leader",
            "1 while this operator is the one that acts, 0 while it stands by.",
            registry=self.registry,
        )
        self.requests = Counter(
            "evertask_api_requests",
            "Requests to the API server (code 0: no answer).",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "evertask_reconcile_errors", "Passes that ended in an error.", ["kind"], registry=self.registry
        )
        self.conflicts = Counter(
            "evertask_write_conflicts",
            "Writes refused because the object had changed: the task was looked at again.",
            registry=self.registry,
        )
        self.slots_taken = Gauge(
            "evertask_slots_taken", "Slots of maxRunning in use.", registry=self.registry
        )
        self.slots_waiting = Gauge(
            "evertask_slots_waiting", "Due tasks without a slot.", registry=self.registry
        )
        self.queue_length = Gauge(
            "evertask_queue_length", "Tasks waiting to be looked at.", registry=self.registry
        )

    def _watch_deletions(self) -> None:
        self.deleted_tasks = Counter(
            "evertask_tasks_deleted",
            "Finished tasks that were deleted: their time was over, or their namespace had too many.",
            ["reason"],
            registry=self.registry,
        )
        self.deleted_orphans = Counter(
            "evertask_orphans_deleted", "Jobs and pods of tasks that are gone.", registry=self.registry
        )
        self.deletions_waiting = Gauge(
            "evertask_deletions_waiting",
            "Tasks that wait for their turn to be deleted, or to have their Jobs deleted.",
            registry=self.registry,
        )

    def count_states(self, states: Callable[[], Mapping[State, int]]) -> None:
        """Report tasks by state from the store."""
        self.registry.register(_States(states))

    def observe_request(self, verb: str, resource: str, code: int, _seconds: float) -> None:
        """Count one request to the API server."""
        self.requests.labels(verb, resource, str(code)).inc()

    def count_occurrences(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Count the occurrences that a write of the operator says were missed or skipped.

        Args:
            before: the status that the write was decided on.
            after: the status as it was written.
        """
        old, new = before.get("counts") or {}, after.get("counts") or {}
        for name, counter in (("missed", self.missed), ("skipped", self.skipped)):
            counter.inc(max(0, new.get(name, 0) - old.get(name, 0)))

    def count_attempts(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Count what two statuses of a task, one after the other, say of failed attempts and lost pods.

        Args:
            before: the status as it was known.
            after: the status as it is.
        """
        earlier: Mapping[str, Json] = before.get("runs") or {}
        for run_id, run in (after.get("runs") or {}).items():
            known = earlier.get(run_id) or {}
            where = "launch" if run.get("phase") == Phase.BACKOFF else "pod"
            for name, counter in (
                ("failedAttempts", self.retries.labels(where)),
                ("interruptions", self.interruptions),
            ):
                counter.inc(max(0, (run.get(name) or 0) - (known.get(name) or 0)))

    def observe_run(self, before: Json | None, after: Json, created: datetime) -> None:
        """Observe how long a launch took and how late a handler started, once each.

        A pod that waits for its time claims the run before it, and only the outcome tells when the handler started.

        Args:
            before: the run as it was known; None when it was not known.
            after: the run as it is.
            created: when its task was created: nothing is late that was due before.
        """
        before = before or {}
        started, due = _instant(after.get("startTime")), _due_time(after)
        if started is None or due is None or _is_over(before):
            return
        again = bool(after.get("failedAttempts"))  # then the start is that of a later attempt
        due, claimed = max(due, created), _instant(before.get("startTime"))
        launched, ready = _instant(after.get("launchTime")), _instant(after.get("readyTime")) or started
        if claimed is None and launched is not None:
            self.launch_time.observe(max(0.0, (ready - launched).total_seconds()))
        claimed_late = (claimed or started) > due
        if not again and (claimed is None if claimed_late else _is_over(after)):
            self.lateness.observe(max(0.0, (started - due).total_seconds()))
