"""One connection to one namespace of one cluster, made at the first call: what the parts of a dispatcher share."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertask.children import current_run
from evertask.connection.credentials import load_credentials
from evertask.connection.http import Connection
from evertask.errors import ConfigurationError
from evertask.objects import TaskObjects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from evertask.children import RunScope

PATIENCE = timedelta(seconds=60)
"""Longer than the restart of a control plane, shorter than what a request of a web application may take."""


class Connected:
    """Connects at the first call; for one event loop."""

    def __init__(
        self,
        *,
        namespace: str | None = None,
        pod_template: Mapping[str, Any] | None = None,
        kubeconfig: str | None = None,
        context: str | None = None,
        connection: Connection | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Say where to; nothing is read or sent yet.

        Args:
            namespace: of the tasks. Default: inside a run the run's, else the pod's own, or the kubeconfig
                context's.
            pod_template: ``spec.podTemplate`` of each task; goes before the task class's.
            kubeconfig: path; see ``evertask.connection.load_credentials``.
            context: of the kubeconfig.
            connection: use this one; it is not closed with the dispatcher.
            patience: how long a call goes on trying while the API server is away.

        Raises:
            ConfigurationError: a connection and a kubeconfig or context are given together.
        """
        if connection is not None and (kubeconfig or context):
            raise ConfigurationError("connection= knows its cluster; leave out kubeconfig= and context=")
        self._namespace = namespace
        self._pod_template = pod_template
        self._kubeconfig, self._context = kubeconfig, context
        self._connection = connection
        self._is_own = connection is None
        self._patience = patience.total_seconds()
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._objects()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection. Calls after it raise ``ConfigurationError``."""
        if self._connection is not None and self._is_own:
            await self._connection.aclose()

    def _run(self) -> RunScope | None:
        """Give the run that this process works for, where the dispatcher talks to that run's cluster."""
        return None if self._kubeconfig or self._context else current_run()

    async def _objects(self) -> TaskObjects:
        """Connect, once."""
        async with self._connecting:
            if self._connection is None:
                credentials = await load_credentials(kubeconfig=self._kubeconfig, context=self._context)
                self._connection = Connection(credentials)
        return self._objects_of(self._connection)

    def _objects_of(self, connection: Connection) -> TaskObjects:
        """Give the objects of the namespace: the one named, or the run's, or the connection's."""
        run = self._run()
        default = run.namespace if run else connection.credentials.namespace
        return TaskObjects(connection, self._namespace or default, self._patience)

    def _parent_in(self, namespace: str) -> RunScope | None:
        """Give the run whose children the tasks of a namespace are.

        A parent is in its child's namespace: elsewhere its name and its pod template mean nothing.
        """
        run = self._run()
        return run if run is not None and run.namespace == namespace else None
