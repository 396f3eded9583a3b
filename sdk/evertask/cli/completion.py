"""Names of tasks for the shell's completion. It must be quick, and say nothing where it cannot help."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evertask.cli.options import Cluster
from evertask.cli.sessions import connected
from evertask.connection.paths import evertask_path
from evertask.errors import EverTaskError

if TYPE_CHECKING:
    import typer

SECONDS = 2.0
"""A person waits for the tab key."""

LIMIT = 500
"""Tasks that are read: more are not chosen from by completion."""


def names(ctx: typer.Context, incomplete: str) -> list[str]:
    """List the names of tasks that begin so; nothing where the cluster cannot be asked in time."""
    before = ctx.find_root().params

    def option(name: str) -> str | None:
        return ctx.params.get(name) or before.get(name)

    cluster = Cluster(option("namespace"), option("kubeconfig"), option("context"))
    try:
        found = asyncio.run(asyncio.wait_for(_names(cluster), SECONDS))
    except (EverTaskError, OSError, ValueError):
        return []
    return [name for name in found if name.startswith(incomplete)]


async def _names(cluster: Cluster) -> list[str]:
    async with connected(cluster, SECONDS) as session:
        page: dict[str, Any] = await session.connection.call(
            "GET", evertask_path(session.namespace), params={"limit": str(LIMIT)}
        )
    return [item["metadata"]["name"] for item in page["items"]]
