"""The Lease on a real API server: who is first has it, an answer that is lost changes nothing, the rights suffice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from evertask.connection import Connection, load_credentials
from evertask.errors import PermissionDeniedError
from evertask_operator.cluster.leases import Leases
from evertask_operator.leadership import Campaign
from evertask_operator.leadership.candidate import Candidate
from evertask_operator.leadership.election import Timing
from evertask_operator.leadership.standing import Standing
from evertask_operator.settings import LeadershipSettings, Settings
from tests.support.chart import of_kind, render
from tests.support.live_tasks import checked
from tests.support.operator_processes import write_kubeconfig
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient

    Connect = Callable[..., Awaitable[Connection]]

NAME = "evertask"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SECONDS = 5.0


@pytest.fixture
async def connect(control_plane: LightControlPlane, tmp_path) -> AsyncIterator[Connect]:
    """Open connections: to the API server as its administrator, unless said otherwise."""
    async with AsyncExitStack() as stack:

        async def connect(server: str = control_plane.server, token: str = control_plane.token) -> Connection:
            path = write_kubeconfig(tmp_path / "kubeconfig", server, token, control_plane.ca)
            return await stack.enter_async_context(Connection(await load_credentials(kubeconfig=str(path))))

        yield connect


@pytest.fixture
async def leases(connect: Connect, namespace: str) -> Leases:
    return Leases(await connect(), namespace, NAME)


async def test_of_twenty_that_make_it_at_once_one_has_it(leases):
    made = await asyncio.gather(*(leases.create(f"me-{n}", 6, seconds=SECONDS) for n in range(20)))
    (held,) = (record for record in made if record)
    assert await leases.read(seconds=SECONDS) == held


async def test_of_twenty_that_take_it_at_once_one_has_it(leases):
    known = await leases.create("before", 6, seconds=SECONDS)
    taken = await asyncio.gather(*(leases.hold(known, f"me-{n}", 6, seconds=SECONDS) for n in range(20)))
    (held,) = (record for record in taken if record)
    assert (held.holder[:3], held.transitions) == ("me-", 1)
    assert await leases.read(seconds=SECONDS) == held


async def test_what_has_changed_is_neither_renewed_nor_released(leases):
    known = await leases.create("me", 6, seconds=SECONDS)
    await leases.hold(known, "another", 6, seconds=SECONDS)
    assert await leases.hold(known, "me", 6, seconds=SECONDS) is None
    assert not await leases.release(known, seconds=SECONDS)


async def test_one_that_was_deleted_and_made_anew_is_another(leases, admin, namespace):
    known = await leases.create("me", 6, seconds=SECONDS)
    checked(admin("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}"))
    assert await leases.read(seconds=SECONDS) is None
    assert await leases.hold(known, "me", 6, seconds=SECONDS) is None
    await leases.create("another", 6, seconds=SECONDS)
    assert await leases.hold(known, "me", 6, seconds=SECONDS) is None


async def test_one_that_is_released_has_no_holder(leases):
    known = await leases.create("me", 6, seconds=SECONDS)
    assert await leases.release(known, seconds=SECONDS)
    released = await leases.read(seconds=SECONDS)
    assert (released.holder, released.transitions) == ("", 0)
    retaken = await leases.hold(released, "another", 6, seconds=SECONDS)
    assert (retaken.holder, retaken.transitions) == ("another", 1)


async def test_what_people_have_added_to_it_stays(leases, admin, namespace):
    await leases.create("me", 6, seconds=SECONDS)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}"
    checked(admin.patch(path, {"metadata": {"labels": {"team": "a"}}}))
    await leases.hold(await leases.read(seconds=SECONDS), "me", 6, seconds=SECONDS)
    assert checked(admin("GET", path))["metadata"]["labels"] == {"team": "a"}


@pytest.mark.parametrize("number", [1, 2, 3], ids=["of-the-first-look", "of-the-acquisition", "of-a-renewal"])
async def test_an_answer_that_is_lost_costs_no_election(control_plane, connect, namespace, number):
    timing, stop = Timing.of(LeadershipSettings()), asyncio.Event()
    standing = Standing(timing.renew_deadline, leave=pytest.fail)
    with TcpProxy(control_plane.settings.apiserver_port) as proxy:
        leases = Leases(await connect(proxy.url), namespace, NAME)
        candidate = Candidate(leases, "me", timing, standing, told=lambda _: None)
        proxy.lose_answer(number)
        async with asyncio.TaskGroup() as group:
            group.create_task(candidate.stand(stop))
            await asyncio.to_thread(proxy.lost.wait, 10)
            lost_at = standing.clock()
            renewed = lambda: (standing.renewed_at or 0) > lost_at  # noqa: E731
            await asyncio.to_thread(eventually, renewed, bool, 10)
            stop.set()
    released = await Leases(await connect(), namespace, NAME).read(seconds=SECONDS)
    assert released is not None
    assert released.holder == ""


async def test_the_charts_rights_suffice_and_reach_no_other_lease(admin, connect, namespace):
    leases = Leases(await connect(token=log_in(admin, namespace)), namespace, NAME)
    made = await leases.create("me", 6, seconds=SECONDS)
    assert made is not None
    renewed = await leases.hold(made, "me", 6, seconds=SECONDS)
    assert renewed is not None
    assert await leases.release(renewed, seconds=SECONDS)
    other = await Leases(await connect(), namespace, "other").create("somebody", 6, seconds=SECONDS)
    assert other is not None
    stranger = Leases(await connect(token=log_in(admin, namespace, "again")), namespace, "other")
    for asked in (stranger.read(seconds=SECONDS), stranger.hold(other, "me", 6, seconds=SECONDS)):
        with pytest.raises(PermissionDeniedError):
            await asked


async def test_a_leader_whose_loop_hangs_ends_although_it_could_renew(connect, namespace):
    settings = Settings(own_namespace=namespace, leadership=LeadershipSettings(enabled=True))
    reasons: list[str] = []
    campaign = Campaign(
        settings, connect, waiting=lambda: None, hangs=lambda: "it hangs" if campaign.elected.is_set() else ""
    )
    campaign.standing.leave = reasons.append  # type: ignore[assignment]
    campaign.start()
    await asyncio.wait_for(campaign.elected.wait(), 10)
    await asyncio.to_thread(eventually, lambda: reasons, bool, 10)
    await campaign.stop()
    assert reasons[0] == "it hangs"


def log_in(admin: ApiClient, namespace: str, account: str = "operator") -> str:
    """Make a service account with the rights that the chart gives to replicas; gives its token."""
    roles = of_kind(render("--set", "replicas=2"), "Role")
    (rules,) = (role["rules"] for role in roles if role["metadata"]["name"].endswith("-leadership"))
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    checked(admin("POST", accounts, {"metadata": {"name": account}}))
    root = f"{RBAC}/namespaces/{namespace}"
    checked(admin("POST", f"{root}/roles", {"metadata": {"name": account}, "rules": rules}))
    binding = {
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
    checked(admin("POST", f"{root}/rolebindings", binding))
    token = checked(admin("POST", f"{accounts}/{account}/token", {"spec": {"expirationSeconds": 3600}}))
    return str(token["status"]["token"])
