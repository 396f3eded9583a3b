"""The SDK under trouble that ``tests/integration/sdk/test_faults.py`` has not: spoilt answers, and watches."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertask import Dispatcher, Task
from evertask.connection import http
from evertask.connection.paths import evertask_path
from evertask.errors import ApiUnavailableError
from tests.support.api_client import tasks_path
from tests.support.fault_proxy_faults import (
    Answer,
    CutInside,
    Garbage,
    LostRequest,
    SilentStream,
    Slow,
    Told,
    Trickle,
    Truncated,
    error_event,
    gone,
    html,
    refusal,
    too_many,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Report(Task):
    handler = "shop.reports:MonthlyReport"


@pytest.fixture
async def dispatcher(connection) -> AsyncIterator[Dispatcher]:
    async with Dispatcher(connection=connection, patience=timedelta(seconds=20)) as made:
        yield made


SPOILT = {
    "html-instead-of-json": Garbage(),
    "no-object": Garbage(b"[]"),
    "truncated": Truncated(),
    "cut-inside": CutInside(),
    "answered-late": Slow(1),
    "502-html": html(502),
}


@pytest.mark.parametrize("key", [None, "daily"], ids=["without-a-key", "key"])
@pytest.mark.parametrize("fault", SPOILT.values(), ids=SPOILT)
async def test_a_dispatch_whose_answer_is_spoilt_makes_one_task(
    dispatcher, proxy, admin, namespace, fault, key
):
    spoilt = proxy.inject(fault, method="POST")
    made = await dispatcher.dispatch(Report(), task_key=key)
    spoilt.wait(0)
    names = [item["metadata"]["name"] for item in admin("GET", tasks_path(namespace)).body["items"]]
    assert names == [made.name]


async def test_an_answer_that_trickles_in_is_given_up_in_time(connection, proxy, namespace):
    slow = proxy.inject(Trickle(pause=0.05))
    begun = time.monotonic()
    with pytest.raises(ApiUnavailableError, match=r"within 0\.5 s"):
        await connection.call("GET", evertask_path(namespace), timeout=0.5)
    assert time.monotonic() - begun < 5
    slow.wait(0)


ENDINGS = {
    "410-event": error_event(410),
    "410": gone(),
    "500-event": error_event(500),
    "429-event": error_event(429, "TooManyRequests"),
    "an-event-of-no-code": error_event(0),
    "429": too_many("1"),
    "500": refusal(500, "InternalError"),
    "502-html": html(502),
    "503": refusal(503, "ServiceUnavailable"),
    "504": Answer(504),
    "request-lost": LostRequest(),
    "ended-at-once": Told(),
    "html-in-the-stream": Told((b"<html>",)),
    "half-an-event": Told((b'{"type": "ADDED", "object": {"meta',)),
    "no-object": Told((b'{"type": "ADDED"}',)),
    "no-metadata": Told((b'{"type": "ADDED", "object": {}}',)),
    "no-event": Told((b"[]",)),
}


@pytest.mark.parametrize("fault", ENDINGS.values(), ids=ENDINGS)
async def test_a_wait_outlives_watches_that_fail(dispatcher, proxy, admin, namespace, fault):
    made = await dispatcher.dispatch(Report())
    failing = proxy.inject(fault, stream=True, times=2)
    waiting = asyncio.create_task(dispatcher.wait(made, timedelta(seconds=30)))
    await asyncio.to_thread(failing.wait)
    path = f"{tasks_path(namespace)}/{made.name}/status"
    assert (await asyncio.to_thread(admin.patch, path, {"status": {"state": "Completed"}})).status == 200
    assert (await waiting).is_finished


async def test_a_watch_without_a_word_is_taken_for_dead(connection, proxy, namespace, monkeypatch):
    """Seconds that the watch should last and a reserve: 75 s for the operator's and the SDK's own."""
    monkeypatch.setattr(http, "RESERVE_SECONDS", 0.5)
    silent = proxy.inject(SilentStream(), stream=True)
    begun = time.monotonic()
    with pytest.raises(ApiUnavailableError, match=r"within 1\.5 s"):
        async with aclosing(connection.watch(evertask_path(namespace), seconds=1)) as events:
            assert [event async for event in events] == []
    assert 1.4 < time.monotonic() - begun < 10
    silent.wait(0)
