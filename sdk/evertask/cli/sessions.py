"""A connection to the cluster for one command, and how a command ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from evertask.cli.objects import PATIENCE
from evertask.connection import Connection, load_credentials
from evertask.dispatcher import Dispatcher
from evertask.objects import TaskObjects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from evertask.cli.options import Cluster


T = TypeVar("T")

WAITING_PATIENCE = 60.0
"""Seconds for which an API server that is away is waited for by a command that waits anyway: more than its restart."""


@dataclass(frozen=True)
class Session:
    """What a verb works with."""

    connection: Connection
    namespace: str
    dispatcher: Dispatcher
    objects: TaskObjects


@asynccontextmanager
async def connected(cluster: Cluster, patience: float = PATIENCE) -> AsyncIterator[Session]:
    """Connect for the time of a command.

    Args:
        cluster: which one, and which namespace.
        patience: seconds for which a call goes on trying while the API server is away.

    Raises:
        ConfigurationError: there is no cluster.
    """
    credentials = await load_credentials(kubeconfig=cluster.kubeconfig, context=cluster.context)
    async with Connection(credentials) as connection:
        namespace = cluster.namespace or credentials.namespace
        dispatcher = Dispatcher(
            connection=connection, namespace=namespace, patience=timedelta(seconds=patience)
        )
        yield Session(connection, namespace, dispatcher, TaskObjects(connection, namespace, patience))


def in_session(cluster: Cluster, work: Callable[[Session], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Connect, work, and close the connection."""

    async def run() -> T:
        async with connected(cluster, patience) as session:
            return await work(session)

    return asyncio.run(run())
