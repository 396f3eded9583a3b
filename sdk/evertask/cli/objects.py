"""Reading an EverTask of a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evertask.cli.exits import CLUSTER, CommandFailedError
from evertask.connection import Connection, load_credentials
from evertask.errors import EverTaskError
from evertask.objects import TaskObjects

if TYPE_CHECKING:
    from evertask.cli.options import Cluster

PATIENCE = 5.0
"""Seconds for which an API server that is away is waited for: a person sits before the terminal."""


def read_object(name: str, cluster: Cluster) -> dict[str, Any]:
    """Get an EverTask by its name.

    Raises:
        CommandFailedError: there is none, or the cluster gives no answer; the message says why.
    """
    try:
        return asyncio.run(_read(name, cluster))
    except EverTaskError as error:
        raise CommandFailedError(str(error), code=CLUSTER) from error


async def _read(name: str, cluster: Cluster) -> dict[str, Any]:
    credentials = await load_credentials(kubeconfig=cluster.kubeconfig, context=cluster.context)
    connection = Connection(credentials)
    try:
        namespace = cluster.namespace or credentials.namespace
        found = await TaskObjects(connection, namespace, PATIENCE).read(name)
    finally:
        await connection.aclose()
    if found is None:
        raise CommandFailedError(
            f"there is no EverTask {name!r} in namespace {namespace!r}; name another namespace with -n, "
            "or a file with -f FILE",
            code=CLUSTER,
        )
    return found
