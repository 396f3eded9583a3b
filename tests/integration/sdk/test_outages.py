"""What a dispatcher does while the API server is away, comes back, or answers into the void."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertask import ApiUnavailableError, ConfigurationError, Dispatcher
from hack.cluster.light import LightControlPlane
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAMESPACE = "default"


@pytest.fixture
async def dispatcher(plane, connect) -> AsyncIterator[Dispatcher]:
    async with (
        connect(plane.ca, plane.server, plane.token, NAMESPACE) as connection,
        Dispatcher(connection=connection) as made,
    ):
        yield made


async def test_a_cluster_without_evertask_is_called_so(connect, report):
    with LightControlPlane() as bare:
        async with (
            connect(bare.ca, bare.server, bare.token, NAMESPACE) as connection,
            Dispatcher(connection=connection) as dispatcher,
        ):
            with pytest.raises(ConfigurationError, match="install EverTask's Helm chart"):
                await dispatcher.dispatch(report())


@asynccontextmanager
async def stopped(plane: LightControlPlane, *, abruptly: bool = True) -> AsyncIterator[None]:
    await asyncio.to_thread(plane.stop_apiserver, abruptly=abruptly)
    try:
        yield
    finally:
        await asyncio.to_thread(plane.start_apiserver)


async def test_a_dispatch_waits_out_a_restart(plane, owner, dispatcher, report):
    async with stopped(plane):
        dispatched = asyncio.create_task(dispatcher.dispatch(report(region="restart")))
        await asyncio.sleep(1)
        assert not dispatched.done()
    task_id = await asyncio.wait_for(dispatched, 30)
    regions = [
        item["spec"]["payload"]["region"] for item in owner("GET", tasks_path(NAMESPACE)).body["items"]
    ]
    assert regions.count("restart") == 1
    assert await dispatcher.get(task_id) is not None


@pytest.mark.parametrize("abruptly", [pytest.param(True, id="crash"), pytest.param(False, id="shutdown")])
async def test_wait_goes_on_after_a_restart(plane, owner, dispatcher, report, abruptly):
    task_id = await dispatcher.dispatch(report())
    end = asyncio.create_task(dispatcher.wait(task_id, timedelta(seconds=60)))
    await asyncio.sleep(0.3)
    async with stopped(plane, abruptly=abruptly):
        assert not end.done()
    status = {"status": {"state": "Completed", "result": 7}}
    assert owner.patch(tasks_path(NAMESPACE, f"task-{task_id}", "status"), status).status == 200
    assert (await end).result == 7


async def test_patience_ends_in_an_error_that_names_the_server(plane, connect, report):
    async with (
        stopped(plane),
        connect(plane.ca, plane.server, plane.token, NAMESPACE) as connection,
        Dispatcher(connection=connection, patience=timedelta(seconds=1)) as dispatcher,
    ):
        started = time.monotonic()
        with pytest.raises(ApiUnavailableError, match=rf"no answer from {plane.server} \(create evertasks\)"):
            await dispatcher.dispatch(report())
    assert time.monotonic() - started < 60


async def test_a_cancelled_dispatch_ends_at_once(plane, dispatcher, report):
    async with stopped(plane):
        dispatched = asyncio.create_task(dispatcher.dispatch(report()))
        await asyncio.sleep(0.5)
        started = time.monotonic()
        dispatched.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dispatched
        assert time.monotonic() - started < 0.2


class Cutter:
    """A TCP proxy that can swallow the answer to the next request and hang up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cuts = 0
        """Answers to swallow from now on."""
        self.closed = asyncio.Event()
        """A connection has ended on both sides."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        ways = [
            asyncio.create_task(self.upward(reader, server_writer)),
            asyncio.create_task(self.downward(server_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, server_writer):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()
        self.closed.set()

    async def upward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while request := await reader.read(65536):
                writer.write(request)

    async def downward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while answer := await reader.read(65536):
                if self.cuts:
                    self.cuts -= 1
                    return
                writer.write(answer)


async def test_an_answer_that_is_lost_makes_no_second_task(plane, owner, connect, report):
    cutter, codes = Cutter(int(plane.server.rpartition(":")[2])), []
    async with await asyncio.start_server(cutter, "127.0.0.1", 0) as server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            connect(
                plane.ca,
                address,
                plane.token,
                NAMESPACE,
                lambda verb, _, code, __: codes.append((verb, code)),
            ) as connection,
            Dispatcher(connection=connection) as dispatcher,
        ):
            await dispatcher.dispatch(report(region="before"))  # the TLS handshake is over
            cutter.cuts = 1
            await dispatcher.dispatch(report(region="lost"))
            cutter.closed.clear()
        await asyncio.wait_for(cutter.closed.wait(), 5)
    assert codes == [("create", 201), ("create", 0), ("create", 409), ("get", 200)]
    regions = [
        item["spec"]["payload"]["region"] for item in owner("GET", tasks_path(NAMESPACE)).body["items"]
    ]
    assert regions.count("lost") == 1
