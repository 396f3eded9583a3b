"""How tasks go, as it happens: one watch for all that a command waits for, across restarts of the API server.

It begins with what is there: the version of the list is taken first, then each task is read, then the watch goes on
from that version; nothing that happens in between is missed, some of it may be seen twice. Whenever the watch ends, it
begins anew.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evertask.connection.paths import evertask_path
from evertask.connection.retries import pause, worth_a_retry
from evertask.errors import ApiError, ApiUnavailableError, ExpiredError
from evertask.views import view_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from evertask.cli.sessions import Session
    from evertask.views import TaskView

READS = 16
"""Tasks that are read at the same time."""


@dataclass(frozen=True)
class Seen:
    """One look at a task."""

    name: str
    view: TaskView | None
    """None where there is no such task (any more)."""


async def observe(session: Session, names: Sequence[str], patience: float) -> AsyncGenerator[Seen]:
    """Give each task as it is, then whenever it changes, for ever.

    Wrap it in ``contextlib.aclosing``.

    Args:
        session: the cluster.
        names: of the tasks.
        patience: seconds for which an API server that is away is waited for.

    Raises:
        ApiUnavailableError: the API server was away for longer than that.
        PermissionDeniedError: a right is missing.
    """
    failures, since = 0, time.monotonic()
    while True:
        try:
            async with aclosing(_once(session, names)) as looks:
                async for look in looks:
                    failures, since = 0, time.monotonic()
                    yield look
            failures, since = 0, time.monotonic()  # the watch was closed as it should be
        except (ApiError, ApiUnavailableError) as error:
            is_over = time.monotonic() - since > patience
            if not (worth_a_retry(error) or isinstance(error, ExpiredError)) or is_over:
                raise
            failures += 1
            await asyncio.sleep(pause(failures, error, luck=random.random()))  # noqa: S311  (keeps no secret)


async def _once(session: Session, names: Sequence[str]) -> AsyncGenerator[Seen]:
    selector = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
    path = evertask_path(session.namespace)
    begun = await session.objects.call("GET", path, params={**selector, "limit": "1"})
    room = asyncio.Semaphore(READS)

    async def read(name: str) -> Seen:
        async with room:
            found = await session.objects.read(name)
        return Seen(name, None if found is None else view_of(found))

    for look in await asyncio.gather(*map(read, names)):
        yield look
    async with aclosing(_changes(session, selector, begun["metadata"]["resourceVersion"], names)) as changes:
        async for look in changes:
            yield look


async def _changes(
    session: Session, selector: Mapping[str, str], version: str, names: Sequence[str]
) -> AsyncGenerator[Seen]:
    wanted = frozenset(names)
    query = {**selector, "resourceVersion": version}
    async with aclosing(session.connection.watch(evertask_path(session.namespace), params=query)) as events:
        async for event in events:
            name = event.object["metadata"]["name"]
            if name not in wanted:
                continue
            view = view_of(event.object)
            if event.type == "DELETED" and view.is_finished:
                # One that expires at once: its last state is what was waited for.
                yield Seen(name, view)
            yield Seen(name, None if event.type == "DELETED" else view)
