"""Faults on the way of a dispatch: what passes is waited out, the rest is an error that says what to do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from evertask import ApiUnavailableError, Dispatcher, DispatchRefusedError, Registration
from tests.support.api_client import tasks_path
from tests.support.scripted_servers import Passing, ScriptedServer, lose_answer, lose_request, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web

    from hack.cluster.light import LightControlPlane


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
        Dispatcher(connection=connection, patience=timedelta(seconds=20)) as made,
    ):
        yield made


@pytest.fixture
def names(admin, namespace) -> Callable[[], list[str]]:
    def read() -> list[str]:
        return [item["metadata"]["name"] for item in admin("GET", tasks_path(namespace)).body["items"]]

    return read


@pytest.mark.parametrize(
    "deeds",
    [
        pytest.param([refuse(429, Retry_After="0")], id="429"),
        pytest.param([refuse(500)], id="500"),
        pytest.param([refuse(503), refuse(502), refuse(504)], id="5xx"),
        pytest.param([lose_request()], id="request-lost"),
        pytest.param([lose_answer()], id="answer-lost"),
        pytest.param([lose_answer(), lose_answer(), refuse(429, Retry_After="0")], id="all-of-it"),
    ],
)
@pytest.mark.parametrize("key", [None, "daily"], ids=["without-a-key", "key"])
async def test_what_passes_is_waited_out_and_makes_one_task(scripted, server, report, names, deeds, key):
    server.next("POST", *deeds)
    made = await scripted.dispatch(report(), task_key=key)
    assert names() == [made.name]
    assert made.outcome is Registration.CREATED


async def test_a_server_that_asks_for_time_is_given_it(scripted, server, report):
    server.next("POST", refuse(429, Retry_After="1"))
    started = time.monotonic()
    await scripted.dispatch(report())
    assert 1 <= time.monotonic() - started < 10
    assert [seen.status for seen in server.seen] == [429, 201]


async def test_a_lost_answer_under_an_id_of_ones_own_is_no_second_task(scripted, server, report, names):
    server.next("POST", lose_answer())
    task_id = uuid4()
    assert await scripted.dispatch(report(), task_id=task_id) == task_id
    assert names() == [f"task-{task_id}"]


async def test_what_does_not_pass_is_an_error_at_once(scripted, server, report, names):
    server.next("POST", refuse(400))
    with pytest.raises(DispatchRefusedError, match="the script says 400; change what the message names"):
        await scripted.dispatch(report())
    assert [seen.status for seen in server.seen] == [400]
    assert names() == []


async def test_patience_ends(control_plane, connect, namespace, server, report, names):
    plane = control_plane
    async with connect(plane.ca, server.url, plane.token, namespace) as connection:
        dispatcher = Dispatcher(connection=connection, patience=timedelta(seconds=1))
        server.next("POST", *[refuse(503)] * 100)
        with pytest.raises(ApiUnavailableError, match="the API server could not answer: the script says 503"):
            await dispatcher.dispatch(report())
    assert names() == []


def hold(gate: asyncio.Event) -> Callable[[Passing], object]:
    """Keep a request back until a gate opens, or the client has gone."""

    async def deed(passing: Passing) -> web.Response:
        await gate.wait()
        return passing.hang_up()

    return deed


async def test_a_deadline_ends_the_call(scripted, server, report, names):
    gate = asyncio.Event()
    server.next("POST", hold(gate))
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"dispatch of Report within 0:00:00\.3.*under a task_key"):
        await scripted.dispatch(report(), deadline=timedelta(seconds=0.3))
    assert time.monotonic() - started < 5
    gate.set()
    assert names() == []


async def test_a_deadline_that_is_kept_changes_nothing(scripted, report, names):
    made = await scripted.dispatch(report(), deadline=timedelta(seconds=30))
    assert names() == [made.name]


async def test_a_deadline_bounds_the_wait_for_the_end_of_a_cancelled_task(scripted, report, admin, namespace):
    await scripted.dispatch(report(), task_key="daily")
    assert admin.patch(tasks_path(namespace, "daily"), {"spec": {"cancel": True}}).status == 200
    with pytest.raises(TimeoutError):
        await scripted.dispatch(report(), task_key="daily", deadline=timedelta(seconds=0.5))


async def test_a_cancelled_call_ends_at_once(scripted, server, report, names):
    gate = asyncio.Event()
    server.next("POST", hold(gate))
    call = asyncio.create_task(scripted.dispatch(report()))
    await asyncio.sleep(0.2)
    started = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - started < 1
    gate.set()
    assert names() == []
