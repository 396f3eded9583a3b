"""Registrations that meet: other processes, a claim, an expiry, a kill, a lost answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from evertask import Dispatcher, Registration
from evertask.api.keys import key_id
from tests.support.api_client import tasks_path
from tests.support.operator_processes import ROOT, OperatorProcess, write_kubeconfig
from tests.support.scripted_servers import Passing, ScriptedServer, before, lose_answer, lose_request, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient

Json = dict[str, Any]

KEY = "daily-report"
RACERS = 20
HOUR = timedelta(hours=1)
CREATED, UPDATED = Registration.CREATED, Registration.UPDATED
REPLACED, UNCHANGED = Registration.REPLACED, Registration.UNCHANGED

RACER = """
import asyncio, os, ssl, sys

from evertask import Dispatcher, Task
from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization


class Report(Task):
    handler = "shop.reports:MonthlyReport"
    region: str


async def main(server, ca, namespace, key, region):
    credentials = Credentials(
        server=server,
        ssl=ssl.create_default_context(cafile=ca) if server.startswith("https") else None,
        authorization=Authorization(lambda _: "Bearer " + os.environ["TOKEN"]),
        namespace=namespace,
    )
    async with Connection(credentials) as connection, Dispatcher(connection=connection) as dispatcher:
        print("ready", flush=True)
        sys.stdin.readline()
        made = await dispatcher.dispatch(Report(region=region), task_key=key)
        print(made, made.outcome, flush=True)


asyncio.run(main(*sys.argv[1:]))
"""


class Stored:
    """The object of the key, and what an operator does with it."""

    def __init__(self, admin: ApiClient, namespace: str) -> None:
        self._admin = admin
        self.path = tasks_path(namespace, KEY)

    def read(self) -> Json:
        answer = self._admin("GET", self.path)
        assert answer.status == 200, answer
        body: Json = answer.body
        return body

    def set_status(self, state: str) -> None:
        answer = self._admin.patch(f"{self.path}/status", {"status": {"state": state}})
        assert answer.status == 200, answer

    def expire(self, seen: Json) -> int:
        """Delete it exactly as it was seen; gives the HTTP status."""
        exactly = {field: seen["metadata"][field] for field in ("uid", "resourceVersion")}
        return self._admin("DELETE", self.path, {"preconditions": exactly}).status


@pytest.fixture
def stored(admin, namespace) -> Stored:
    return Stored(admin, namespace)


@pytest.fixture
async def server(control_plane: LightControlPlane) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(control_plane.server, control_plane.ca) as made:
        yield made


@pytest.fixture
async def scripted(control_plane, namespace, server, connect) -> AsyncIterator[Dispatcher]:
    """Dispatch through the scripted server."""
    plane = control_plane
    async with (
        connect(plane.ca, server.url, plane.token, namespace) as connection,
        Dispatcher(connection=connection) as made,
    ):
        yield made


@asynccontextmanager
async def racer(
    plane: LightControlPlane, server: str, namespace: str, region: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process that is ready to register."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", RACER, server, plane.ca, namespace, KEY, region),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "sdk"), "TOKEN": plane.token},
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 120) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Told(NamedTuple):
    """What a process printed."""

    task_id: str
    outcome: str


async def race(plane: LightControlPlane, namespace: str, regions: list[str]) -> list[Told]:
    """Let processes register at the same time."""

    async def run(region: str, gate: asyncio.Barrier) -> Told:
        async with racer(plane, plane.server, namespace, region) as process:
            await gate.wait()
            said, _ = await asyncio.wait_for(process.communicate(b"go\n"), 120)
            return Told(*said.decode().split())

    gate = asyncio.Barrier(len(regions))
    return await asyncio.gather(*(run(region, gate) for region in regions))


@pytest.mark.parametrize("equal", [True, False], ids=["equal", "different"])
async def test_twenty_processes_make_one_task(control_plane, namespace, admin, stored, equal):
    regions = ["eu" if equal else f"region-{number}" for number in range(RACERS)]
    told = await race(control_plane, namespace, regions)
    outcomes = Counter(outcome for _, outcome in told)
    assert {task_id for task_id, _ in told} == {str(key_id(namespace, KEY))}
    assert outcomes == {CREATED: 1, (UNCHANGED if equal else UPDATED): RACERS - 1}
    assert len(admin("GET", tasks_path(namespace)).body["items"]) == 1
    assert stored.read()["spec"]["payload"]["region"] in regions


async def test_twenty_processes_start_a_finished_task_anew_once(
    control_plane, namespace, dispatcher, report, stored
):
    await dispatcher.dispatch(report(), task_key=KEY)
    stored.set_status("Completed")
    told = await race(control_plane, namespace, ["us"] * RACERS)
    assert Counter(outcome for _, outcome in told) == {REPLACED: 1, UNCHANGED: RACERS - 1}
    assert stored.read()["spec"].items() >= {"incarnation": 1, "payload": {"region": "us"}}.items()


def kill_before(process: asyncio.subprocess.Process) -> Callable[[Passing], Any]:
    async def deed(passing: Passing) -> web.Response:
        process.kill()
        return passing.hang_up()

    return deed


def kill_after(process: asyncio.subprocess.Process) -> Callable[[Passing], Any]:
    return lose_answer(process.kill)


@pytest.mark.parametrize("state", [None, "Completed"], ids=["pending", "finished"])
@pytest.mark.parametrize(
    ("kill", "is_new"),
    [pytest.param(kill_before, False, id="before"), pytest.param(kill_after, True, id="after")],
)
async def test_a_process_killed_at_its_update_leaves_the_old_or_the_new(
    control_plane, namespace, server, dispatcher, report, stored, admin, kill, is_new, state
):
    await dispatcher.dispatch(report(region="old"), task_key=KEY)
    if state:
        stored.set_status(state)
    old = stored.read()
    async with racer(control_plane, server.url, namespace, "new") as process:
        server.next("PATCH", kill(process))
        await process.communicate(b"go\n")
    assert process.returncode == -signal.SIGKILL
    found = stored.read()
    assert (found != old) is is_new
    assert found["spec"]["payload"] == {"region": "new" if is_new else "old"}
    assert found["spec"].get("incarnation", 0) == (1 if is_new and state else 0)
    assert len(admin("GET", tasks_path(namespace)).body["items"]) == 1


async def test_a_registration_in_the_moment_before_an_expiry_is_made_anew(scripted, server, report, stored):
    await scripted.dispatch(report(region="old"), task_key=KEY)
    stored.set_status("Completed")
    old, deleted = stored.read(), []
    server.next("PATCH", before(lambda: deleted.append(stored.expire(old))))
    made = await scripted.dispatch(report(region="new"), task_key=KEY)
    assert (made.outcome, deleted) == (CREATED, [200])
    assert stored.read()["spec"]["payload"] == {"region": "new"}


async def test_an_expiry_in_the_moment_after_a_registration_does_not_take_it_away(
    scripted, server, report, stored
):
    await scripted.dispatch(report(region="old"), task_key=KEY)
    stored.set_status("Completed")
    old, refused = stored.read(), []
    server.next("PATCH", lose_answer(lambda: refused.append(stored.expire(old))))
    made = await scripted.dispatch(report(region="new"), task_key=KEY)
    assert (made.outcome, refused) == (REPLACED, [409])
    assert stored.read()["metadata"]["uid"] == old["metadata"]["uid"]


async def test_no_registration_is_lost_to_expiries_that_race_with_it(dispatcher, report, stored):
    await dispatcher.dispatch(report(region="0"), task_key=KEY)
    outcomes = Counter[str]()
    for number in range(1, 41):
        stored.set_status("Completed")
        seen = stored.read()
        made, deleted = await asyncio.gather(
            dispatcher.dispatch(report(region=str(number)), task_key=KEY),
            asyncio.to_thread(stored.expire, seen),
        )
        outcomes[made.outcome] += 1
        assert (made.outcome, deleted) in {(CREATED, 200), (REPLACED, 409)}
        assert stored.read()["spec"]["payload"] == {"region": str(number)}
    assert outcomes.total() == 40


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "late"])
async def test_no_registration_is_lost_to_an_operator_that_deletes_what_is_finished(
    control_plane, namespace, dispatcher, report, stored, tmp_path, late
):
    plane, outcomes = control_plane, Counter[str]()
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", plane.server, plane.token, plane.ca)
    later: Json = {"task_key": KEY, "delay": HOUR, "ttl_after_finished": timedelta(0)}
    with OperatorProcess(tmp_path, kubeconfig, watchNamespaces=[namespace]) as operator:
        await dispatcher.dispatch(report(region="0"), **later)
        for number in range(1, 21):
            if late:  # it learns of the end when the task is registered anew already
                operator.signal(signal.SIGSTOP)
            stored.set_status("Cancelled")
            outcomes[(await dispatcher.dispatch(report(region=str(number)), **later)).outcome] += 1
            operator.signal(signal.SIGCONT)
            await asyncio.sleep(0.1)
            assert stored.read()["spec"]["payload"] == {"region": str(number)}
    assert outcomes.keys() <= {CREATED, REPLACED}
    assert outcomes[REPLACED] == 20 or not late


async def test_a_task_that_is_claimed_in_the_moment_of_its_update_is_left_as_it_is(
    scripted, server, report, stored
):
    await scripted.dispatch(report(region="old"), task_key=KEY)
    server.next("PATCH", before(lambda: stored.set_status("InProgress")))
    made = await scripted.dispatch(report(region="new"), task_key=KEY)
    assert (made.outcome, stored.read()["spec"]["payload"]) == (UNCHANGED, {"region": "old"})


async def test_a_creation_whose_answer_is_lost_does_not_run_twice(scripted, server, report, stored):
    server.next("POST", lose_answer(lambda: stored.set_status("Completed")))
    made = await scripted.dispatch(report(), task_key=KEY)
    assert made.outcome is CREATED
    assert "incarnation" not in stored.read()["spec"]
    assert [seen for seen in server.seen if seen.method == "POST"] == [("POST", 0), ("POST", 409)]


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "without-a-key"])
async def test_a_conflict_that_is_not_about_the_name_is_no_sign_of_another_task(
    scripted, server, report, key, admin, namespace
):
    server.next("POST", refuse(409))
    made = await scripted.dispatch(report(), task_key=key)
    assert made.outcome is CREATED
    items = admin("GET", tasks_path(namespace)).body["items"]
    assert [item["metadata"]["name"] for item in items] == [made.name]


async def test_a_replacement_whose_answer_is_lost_does_not_run_twice(scripted, server, report, stored):
    await scripted.dispatch(report(), task_key=KEY)
    stored.set_status("Completed")
    server.next("PATCH", lose_answer())
    made = await scripted.dispatch(report(region="us"), task_key=KEY)
    assert (made.outcome, stored.read()["spec"]["incarnation"]) == (REPLACED, 1)


async def test_a_request_that_is_lost_is_sent_again(scripted, server, report, stored):
    server.next("POST", lose_request())
    server.next("PATCH", lose_request())
    assert (await scripted.dispatch(report(), task_key=KEY)).outcome is CREATED
    assert (await scripted.dispatch(report(region="us"), task_key=KEY)).outcome is UPDATED
    assert stored.read()["spec"]["payload"] == {"region": "us"}


async def test_a_registration_gets_through_a_stream_of_other_writes(dispatcher, report, stored, admin):
    await dispatcher.dispatch(report(), task_key=KEY)

    def chatter() -> None:
        for number in range(100):
            body = {"status": {"message": f"step {number}"}}
            assert admin.patch(f"{stored.path}/status", body).status == 200

    writes = asyncio.create_task(asyncio.to_thread(chatter))
    made = await dispatcher.dispatch(report(region="us"), task_key=KEY)
    await writes
    assert (made.outcome, stored.read()["spec"]["payload"]) == (UPDATED, {"region": "us"})
