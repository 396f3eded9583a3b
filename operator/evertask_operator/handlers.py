"""The only module that kopf calls: the watch of tasks, which hands its events over.

``on.event`` only: kopf then keeps no annotations, no finalizers and no task of the event loop per object.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import kopf

from evertask.api import protocol
from evertask_operator.cluster.reads import CHUNK
from evertask_operator.cluster.sessions import open_session
from evertask_operator.cluster.standing import stand

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_operator.observer import Observer

logger = logging.getLogger(__name__)

WATCH_SECONDS = 240
"""Length of one watch request."""

SILENCE_SECONDS = 70
"""A watch that has told nothing for so long is begun anew. The API server sends a bookmark each minute."""

IDLE_SECONDS = 0.1
"""How long kopf keeps two tasks of the event loop per object that had an event. Zero would never call a handler."""


ERROR_PAUSES = (1, 1, 2, 3, 5, 5, 5, 5)
"""Seconds between kopf's tries while the API server answers with errors. None is longer: when it is well again, what
has happened meanwhile should not wait. After the last the watch fails, and is begun anew."""


def configure() -> kopf.OperatorSettings:
    """Give kopf's settings: what it should do, and all that it should not."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    # It would kill the process a while after a watch that has failed, and was begun anew.
    settings.process.ultimate_exiting_timeout = None
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.inactivity_timeout = SILENCE_SECONDS
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = CHUNK
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = ERROR_PAUSES
    settings.networking.trust_env = False
    for name in ("kopf", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns that it does not heed signals, which it should not.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    return settings


def register(take_in: Callable[[kopf.RawEvent], None]) -> kopf.OperatorRegistry:
    """Register the watch of tasks (``followers`` has those of Jobs and pods)."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        opened = await open_session()
        return kopf.AiohttpSession(server=opened.server, aiohttp_session=opened.http)

    @kopf.on.event(protocol.GROUP, protocol.VERSION, protocol.PLURAL, registry=registry)
    async def task_changed(event: kopf.RawEvent, **_: Any) -> None:
        take_in(event)

    return registry


async def watch(observer: Observer, namespaces: list[str], stop: asyncio.Event) -> None:
    """Watch tasks until told to stop, whatever happens to kopf.

    Much that passes is the end for kopf: a 410 as an answer's status, an ERROR event of another kind, a line that is no
    JSON, a 401. So it lives in a thread of its own (``cluster.standing``), and what it tells is handed over.

    Args:
        observer: takes in the events, in the event loop that this is called in.
        namespaces: those that are served; none: all.
        stop: ends it, within a few seconds.
    """
    # kopf asks for the user's name, and the image's numeric user has none.
    os.environ.setdefault("USER", "evertask")
    here = asyncio.get_running_loop()

    def hand_over(event: kopf.RawEvent) -> None:
        here.call_soon_threadsafe(_take_in, observer, event)

    async def live(over: asyncio.Event) -> None:
        # Told to stop by a flag, kopf would wait for the flag's own task, for seconds, whenever it fails.
        ending = asyncio.create_task(over.wait())
        await asyncio.sleep(0)  # whatever began before kopf it leaves alone
        living = asyncio.create_task(
            kopf.operator(
                registry=register(hand_over),
                settings=configure(),
                namespaces=namespaces,
                clusterwide=not namespaces,
                standalone=True,
            )
        )
        await asyncio.wait({ending, living}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not living.done():
            living.cancel()
            await asyncio.wait({living})
        elif not over.is_set():
            living.result()

    await stand(live, stop, observer.relist_soon)


def _take_in(observer: Observer, event: kopf.RawEvent) -> None:
    try:
        observer.task_event(event["type"], event["object"])
    except Exception:
        logger.exception("cannot take in a change of a task")
