"""Two operators with a Lease: whatever becomes of the one that leads, the other acts within ten seconds."""

from __future__ import annotations

import signal
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from evertask_operator.leadership import EXIT_LEADERSHIP_LOST
from tests.support.operator_processes import write_kubeconfig
from tests.support.replicas import (
    ELECTION_SECONDS,
    LEASES,
    Replica,
    Stopwatch,
    lease_spec,
    make_own_namespace,
    until_one_leads,
)
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cutting_proxies import CuttingProxy

FAILOVER_SECONDS = 10.0
MANY = 1000
GENEROUS_SECONDS = 25.0
"""Ten, on a machine that has nothing else to do."""
PENDING = 'evertask_tasks{state="Pending"}'
HANDOVER_SECONDS = 3.0
RUNS = 'evertask_api_requests_total{code="200",resource="evertasks/status",verb="patch"}'


class Pair:
    """Two operators of the test's namespace, each behind a proxy of its own."""

    def __init__(self, stage: Any, folder: Any, stack: ExitStack) -> None:
        self.stage = stage
        self._folder = folder
        self._stack = stack
        self.lease = stage.namespace
        self.proxies: dict[Replica, TcpProxy] = {}

    def add(self, *, through: CuttingProxy | None = None, **leadership: Any) -> Replica:
        """Start one more, ready."""
        plane, folder = self.stage.plane, self._folder / f"replica-{len(self.proxies)}"
        folder.mkdir()
        proxy = self._stack.enter_context(TcpProxy(plane.settings.apiserver_port))
        url, ca = (through.url, None) if through else (proxy.url, plane.ca)
        replica = Replica(
            folder,
            write_kubeconfig(folder / "kubeconfig", url, plane.token, ca),
            watchNamespaces=[self.stage.namespace],
            prelaunch={"maxLead": "0s"},
            leadership={"enabled": True, "leaseName": self.lease, **leadership},
        )
        self._stack.callback(replica.kill)
        self.proxies[replica] = proxy
        replica.start()
        return replica

    def two(self) -> tuple[Replica, Replica]:
        """Start two; gives the one that leads, and the other."""
        leader = self.add()
        until_one_leads(leader)
        return leader, self.add()

    def holder(self) -> str:
        """Who holds the Lease."""
        return str(lease_spec(self.stage.admin, self.lease).get("holderIdentity", ""))


@pytest.fixture
def pair(stage, tmp_path) -> Iterator[Pair]:
    make_own_namespace(stage.admin)
    stage.pods()
    with ExitStack() as stack:
        made = Pair(stage, tmp_path, stack)
        yield made
    stage.admin("DELETE", f"{LEASES}/{made.lease}")


def until_a_job_is_made(stage, name: str) -> None:
    task = stage.task(name)
    eventually(lambda: task.status, lambda s: s.get("launches"), ELECTION_SECONDS, pause=0.02)


def kill(pair: Pair, leader: Replica) -> None:
    leader.kill()


def hang(pair: Pair, leader: Replica) -> None:
    leader.signal(signal.SIGSTOP)


def refuse(pair: Pair, leader: Replica) -> None:
    pair.proxies[leader].refuse()


def drop(pair: Pair, leader: Replica) -> None:
    pair.proxies[leader].freeze()


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(kill, id="killed"),
        pytest.param(hang, id="hung"),
        pytest.param(refuse, id="refused-by-the-network"),
        pytest.param(drop, id="packets-dropped"),
    ],
)
def test_another_acts_within_ten_seconds(pair, deed):
    leader, other = pair.two()
    pair.stage.task("before").until_state(State.COMPLETED)
    watch = Stopwatch()
    deed(pair, leader)
    until_a_job_is_made(pair.stage, "after")
    seconds = watch.seconds
    print(f"fail-over, leader {deed.__name__}: {seconds:.2f} s")
    assert seconds <= FAILOVER_SECONDS
    assert other.leads
    if deed in {refuse, drop}:
        assert leader.until_ended() == EXIT_LEADERSHIP_LOST
        assert "this operator leads no longer" in leader.log


def test_with_a_thousand_tasks_the_other_has_to_list_them_first(pair):
    leader, _ = pair.two()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: pair.stage.task(f"waits-{number}", delay="12h"), range(MANY)))
    eventually(lambda: leader.metric(PENDING), lambda known: known >= MANY, 120)
    watch = Stopwatch()
    leader.kill()
    until_a_job_is_made(pair.stage, "after")
    print(f"fail-over, leader killed, {MANY} tasks: {watch.seconds:.2f} s")
    assert watch.seconds < GENEROUS_SECONDS


def test_one_that_is_told_to_stop_hands_over_within_three_seconds(pair):
    leader, other = pair.two()
    watch = Stopwatch()
    leader.signal(signal.SIGTERM)
    until_a_job_is_made(pair.stage, "after")
    seconds = watch.seconds
    print(f"fail-over, leader stopped: {seconds:.2f} s")
    assert seconds < HANDOVER_SECONDS
    assert other.leads
    assert leader.until_ended() == 0
    assert "has released the Lease" in leader.log


def test_who_wakes_up_after_its_lease_writes_nothing_and_ends(pair):
    proxy = pair.stage.proxy()
    leader = pair.add(through=proxy)
    until_one_leads(leader)
    other = pair.add()
    # They become due while the leader sleeps: the first that it would do when it wakes is to open their runs.
    tasks = [pair.stage.task(f"due-{number}", delay="2s") for number in range(10)]
    for task in tasks:
        task.until(lambda s: s.get("nextRunTime"))
    leader.signal(signal.SIGSTOP)
    for task in tasks:
        task.until_state(State.COMPLETED)
    before = len(proxy.passed)
    leader.signal(signal.SIGCONT)
    assert leader.until_ended() == EXIT_LEADERSHIP_LOST
    assert len(proxy.passed) == before
    assert other.leads
    assert [task.status["launches"] for task in tasks] == [1] * len(tasks)


def test_one_that_stands_by_is_ready_and_alive_and_does_nothing(pair):
    leader, other = pair.two()
    pair.stage.task("task").until_state(State.COMPLETED)
    throughout(lambda: (other.probe("readyz"), other.probe("healthz")), lambda codes: codes == (200, 200), 3)
    with urllib.request.urlopen(f"http://127.0.0.1:{other.health_port}/readyz", timeout=5) as answer:
        assert answer.read().decode() == "standing by"
    assert (leader.leads, other.leads) == (True, False)
    assert leader.metric(RUNS) > 0
    assert other.metric(RUNS) == 0


def test_one_that_stands_by_ends_at_once_and_leaves_the_lease(pair):
    leader, other = pair.two()
    holder = pair.holder()
    watch = Stopwatch()
    assert other.stop() == 0
    assert watch.seconds < HANDOVER_SECONDS
    assert pair.holder() == holder
    assert leader.leads


def test_the_api_server_away_for_a_moment_costs_no_leadership(pair):
    leader, _ = pair.two()
    holder = pair.holder()
    pair.proxies[leader].refuse()
    watch = Stopwatch()
    throughout(lambda: watch.seconds, lambda _: leader.running, 1.0)
    pair.proxies[leader].heal()
    until_a_job_is_made(pair.stage, "after")
    assert (leader.leads, pair.holder()) == (True, holder)


def test_a_lease_deleted_by_hand_leaves_one_that_leads(pair):
    both = pair.two()
    assert pair.stage.admin("DELETE", f"{LEASES}/{pair.lease}").status == HTTPStatus.OK
    holder = eventually(pair.holder, bool, ELECTION_SECONDS)
    # Who stands by looks oftener than the other renews: mostly it is faster, and the other has to go.
    eventually(
        lambda: [replica for replica in both if replica.running and replica.leads],
        lambda leading: [f"{holder} leads now" in replica.log for replica in leading] == [True],
        ELECTION_SECONDS,
    )
    assert {replica.until_ended() for replica in both if not replica.running} <= {EXIT_LEADERSHIP_LOST}


def test_a_lease_given_to_another_by_hand_ends_its_holder(pair):
    leader, other = pair.two()
    taken = pair.stage.admin.patch(f"{LEASES}/{pair.lease}", {"spec": {"holderIdentity": "a-person"}})
    assert taken.status == HTTPStatus.OK
    assert leader.until_ended() == EXIT_LEADERSHIP_LOST
    assert "a-person holds the Lease" in leader.log
    eventually(lambda: other.leads, bool, ELECTION_SECONDS)


def test_without_the_right_to_the_lease_it_says_so_and_is_not_ready(pair, stage):
    operator = stage.operator(
        token="nobody", start=False, leadership={"enabled": True, "leaseName": pair.lease}
    )
    operator.start(until_ready=False)
    eventually(lambda: operator.log, lambda log: "cannot ask for the Lease" in log, ELECTION_SECONDS)
    assert operator.probe("readyz") == HTTPStatus.SERVICE_UNAVAILABLE
    assert operator.probe("healthz") == HTTPStatus.OK
