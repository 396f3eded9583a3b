"""``InMemoryDispatcher`` and ``InMemorySyncDispatcher``: each has a cluster of its own, which begins empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.testing.cluster import InMemoryCluster
from evertask.testing.joined import JoinedDispatcher
from evertask.testing.joined_sync import JoinedSyncDispatcher

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask.testing.dispatched import Dispatched

NAMESPACE = "default"


class InMemoryDispatcher(JoinedDispatcher):
    """Stands in for a ``Dispatcher`` in unit tests of the code that dispatches, and runs handlers inline.

    Its methods do what those of ``Dispatcher`` do. The clock stands still between ``advance`` and ``run_all``; ``wait``
    lets time pass until the task is finished. Handlers run in a thread of this process, one at a time, by the code that
    runs them in a pod; their contexts' dispatchers are of the same cluster. A handler that fails is called again as its
    policy says, on this clock.
    """

    def __init__(
        self,
        *,
        namespace: str = NAMESPACE,
        pod_template: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        handlers: Mapping[str, Any] | None = None,
        provide: Mapping[Any, Any] | None = None,
    ) -> None:
        """Make a dispatcher with an empty cluster of its own.

        Args:
            namespace: of the tasks.
            pod_template: as for ``Dispatcher``.
            now: where the clock begins: an aware instant; the computer's time, cut to the second, when absent.
            handlers: handler classes or functions by path, which run in the place of what the path names; other
                paths are imported.
            provide: what handler classes are made with, by type or by name, in the place of what the ``setup()``
                of their module gives; it is not called then.

        Raises:
            ValueError: ``now`` is naive.
        """
        cluster = InMemoryCluster(now=now, handlers=handlers or {}, provided=provide)
        super().__init__(cluster, [], namespace=namespace, pod_template=pod_template)
        cluster.dispatchers = _lent(cluster, self.dispatched)


class InMemorySyncDispatcher(JoinedSyncDispatcher):
    """Stands in for a ``SyncDispatcher``; see ``InMemoryDispatcher``."""

    def __init__(
        self,
        *,
        namespace: str = NAMESPACE,
        pod_template: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        handlers: Mapping[str, Any] | None = None,
        provide: Mapping[Any, Any] | None = None,
    ) -> None:
        """Make a dispatcher with an empty cluster of its own.

        Args:
            namespace: this and the others as for ``InMemoryDispatcher``.
            pod_template: likewise.
            now: likewise.
            handlers: likewise.
            provide: likewise.

        Raises:
            ValueError: ``now`` is naive.
        """
        super().__init__(
            InMemoryDispatcher(
                namespace=namespace, pod_template=pod_template, now=now, handlers=handlers, provide=provide
            )
        )


def _lent(cluster: InMemoryCluster, dispatched: list[Dispatched]) -> dict[str, type[Any]]:
    """Make the classes of the dispatchers that the contexts of handlers make."""

    class LentDispatcher(JoinedDispatcher):
        """Of the cluster, and with the record, that are there."""

        def __init__(
            self, *, namespace: str = NAMESPACE, pod_template: Mapping[str, Any] | None = None
        ) -> None:
            super().__init__(cluster, dispatched, namespace=namespace, pod_template=pod_template)

    class LentSyncDispatcher(JoinedSyncDispatcher):
        """Likewise."""

        def __init__(
            self, *, namespace: str = NAMESPACE, pod_template: Mapping[str, Any] | None = None
        ) -> None:
            super().__init__(LentDispatcher(namespace=namespace, pod_template=pod_template))

    return {"Dispatcher": LentDispatcher, "SyncDispatcher": LentSyncDispatcher}
