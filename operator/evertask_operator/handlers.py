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

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_operator.observer import Observer

WATCH_SECONDS = 240
"""Length of one watch request. kopf notices a silent connection by itself after 70 s."""

IDLE_SECONDS = 0.1
"""How long kopf keeps two tasks of the event loop per object that had an event. Zero would never call a handler."""


def configure() -> kopf.OperatorSettings:
    """Give kopf's settings: what it should do, and all that it should not."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = CHUNK
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.networking.request_timeout = 60
    settings.networking.trust_env = False
    for name in ("kopf", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return settings


def register(observer: Observer) -> kopf.OperatorRegistry:
    """Register the watch of tasks (``followers`` has those of Jobs and pods)."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(protocol.GROUP, protocol.VERSION, protocol.PLURAL, registry=registry)
    async def task_changed(event: kopf.RawEvent, **_: Any) -> None:
        observer.task_event(event["type"], event["object"])

    return registry


async def watch(
    observer: Observer, namespaces: list[str], stop: asyncio.Event, heed: Callable[[], None]
) -> None:
    """Run kopf until told to stop.

    Args:
        observer: takes in the events.
        namespaces: those that are served; none: all.
        stop: ends it, within a few seconds.
        heed: makes signals ours again. kopf takes them for itself, and would end the watch before the workers.
    """
    # kopf asks for the user's name, and the image's numeric user has none.
    os.environ.setdefault("USER", "evertask")
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=register(observer),
        settings=configure(),
        namespaces=namespaces,
        clusterwide=not namespaces,
        standalone=True,
        stop_flag=stop,
    )
    heed()
    await kopf.run_tasks(tasks, ignored=others)
