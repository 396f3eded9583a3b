"""The operator is rolled out anew, or is two of which one is killed, while tasks run and become due."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from hack.install import NAMESPACE, RELEASE
from tests.support.replicas import lease_spec
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl
    from tests.support.api_client import ApiClient
    from tests.support.live_tasks import LiveTask
    from tests.support.operators import InstalledOperator
    from tests.support.releases import Release
    from tests.support.workspaces import Workspace

DEPLOYMENT = f"deployment/{RELEASE}"
RUNNING, DUE, OCCURRENCES = 2, 6, 5
SECONDS = 120.0
FAILOVER_SECONDS = 30.0
"""Ten and what a busy machine adds."""


class Work:
    """Tasks that run, tasks that become due one after the other, and a series."""

    def __init__(self, ledger: Workspace) -> None:
        self._ledger = ledger
        self.running = [self._start(f"runs-{number}", payload={"seconds": 10}) for number in range(RUNNING)]
        for task in self.running:
            task.until_running()
        self.due = [self._start(f"due-{number}", delay=f"{2 * number + 1}s") for number in range(DUE)]
        every = {"every": "4s", "maxRuns": OCCURRENCES, "catchUp": {"policy": "All"}, "overlap": "Queue"}
        self.series = self._start("series", recurrence=every)

    def _start(self, name: str, **spec: Any) -> LiveTask:
        return self._ledger.start("ledger:take_a_while", name, **spec)

    def until_done_once(self) -> None:
        """Wait for all; each has run as often as it should, and no oftener."""
        for task in (*self.running, *self.due):
            assert task.until_state(State.COMPLETED, SECONDS)["launches"] == 1
        # Of a series' launches some may be pods that were prepared and let go before their handler began.
        assert self.series.until_state(State.COMPLETED, SECONDS)["counts"]["runs"] == OCCURRENCES
        calls = Counter((call["task"], call["run"]) for call in self._ledger.calls())
        assert set(calls.values()) == {1}
        names = [task.name for task in (*self.running, *self.due)] + [self.series.name] * OCCURRENCES
        assert sorted(task for task, _ in calls) == sorted(names)


@pytest.fixture
def two(operator: InstalledOperator, release: Release) -> Iterator[InstalledOperator]:
    """Two operators for the length of a test; one again afterwards."""
    with release.changed(replicas=2):
        yield operator
    operator.until_ready()


def leader(client: ApiClient, operator: InstalledOperator) -> str:
    """Name of the pod that holds the Lease; empty when it is none of those that are there."""
    holder = str(lease_spec(client, RELEASE).get("holderIdentity", "")).partition("_")[0]
    return holder if holder in {pod["metadata"]["name"] for pod in operator.pods()} else ""


@pytest.mark.usefixtures("operator")
def test_an_operator_rolled_out_anew_loses_and_repeats_nothing(ledger: Workspace, kubectl: Kubectl):
    work = Work(ledger)
    kubectl.run("rollout", "restart", DEPLOYMENT, "-n", NAMESPACE)
    kubectl.run("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=120s")
    work.until_done_once()


def test_two_rolled_out_anew_lose_and_repeat_nothing(
    ledger: Workspace, two: InstalledOperator, kubectl: Kubectl, client: ApiClient
):
    before = eventually(lambda: leader(client, two), bool, FAILOVER_SECONDS)
    work = Work(ledger)
    kubectl.run("rollout", "restart", DEPLOYMENT, "-n", NAMESPACE)
    kubectl.run("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=120s")
    eventually(lambda: leader(client, two), lambda name: name not in {"", before}, FAILOVER_SECONDS)
    work.until_done_once()


def test_of_two_the_one_that_leads_is_killed_and_the_other_goes_on(
    ledger: Workspace, two: InstalledOperator, client: ApiClient
):
    work = Work(ledger)
    transitions = lease_spec(client, RELEASE)["leaseTransitions"]
    name = eventually(lambda: leader(client, two), bool, FAILOVER_SECONDS)
    (pod,) = (pod for pod in two.pods() if pod["metadata"]["name"] == name)
    two.kill_pod(pod)
    eventually(
        lambda: lease_spec(client, RELEASE), lambda s: s["leaseTransitions"] > transitions, FAILOVER_SECONDS
    )
    work.until_done_once()
