"""What the operator measures, for Prometheus. No metric bears the name of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

from evertask.api.protocol import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


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
            "From the moment in which a run was due to its claim by a pod.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.launch_time = Histogram(
            "evertask_launch_seconds",
            "From the decision to launch a pod to its claim.",
            buckets=_SECONDS,
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

    def count_states(self, states: Callable[[], Mapping[State, int]]) -> None:
        """Report tasks by state from the store."""
        self.registry.register(_States(states))

    def observe_request(self, verb: str, resource: str, code: int, _seconds: float) -> None:
        """Count one request to the API server."""
        self.requests.labels(verb, resource, str(code)).inc()
