"""Reading: complete lists in chunks, single objects, what changes, and the events that explain a pod."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.connection.paths import evertask_path, job_path, pod_path
from evertask.errors import ApiError, ApiUnavailableError, ExpiredError
from evertask_operator.records import read_job, read_pod, read_task

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from evertask.connection import Connection, WatchEvent
    from evertask_operator.records import JobRecord, PodRecord, TaskKey, TaskRecord, TaskUid

Json = dict[str, Any]

CHUNK = 500
"""Objects per page of a list."""

OURS = f"{protocol.LABEL_MANAGED_BY}={protocol.MANAGED_BY},{protocol.LABEL_TASK_UID}"
"""Label selector of the Jobs and pods that are ours."""


class Listing(NamedTuple):
    """Everything of one kind at one version."""

    items: list[Any]
    version: int


class _Page(NamedTuple):
    items: list[Json]
    version: int
    token: str
    """To go on with; empty on the last page."""


def _page_of(answer: Json, path: str) -> _Page:
    """Read a page of a list.

    Raises:
        ApiUnavailableError: it is JSON, but no list: something in between has answered.
    """
    try:
        items, metadata = answer["items"], answer["metadata"]
        return _Page(list(items), int(metadata["resourceVersion"]), metadata.get("continue") or "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ApiUnavailableError(f"{path} was answered, but not with a list") from error


def is_missing(error: ApiError) -> bool:
    """Tell whether the API server says that there is no such object.

    A 404 in plain text is another thing: from a load balancer, or while the API itself is not served.
    """
    return error.status == HTTPStatus.NOT_FOUND and error.reason == "NotFound"


class Reads:
    """Reads of the API server, as records."""

    def __init__(self, connection: Connection, namespaces: list[str]) -> None:
        self._connection = connection
        self.namespaces: list[str | None] = [*namespaces] or [None]
        """Those that are served; None alone: all."""

    async def _pages(self, path: str, selector: str, read: Callable[[Json], Any]) -> Listing:
        items: list[Any] = []
        params = {"limit": str(CHUNK)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = _page_of(await self._connection.call("GET", path, params=params), path)
            items += [record for raw in page.items if (record := read(raw)) is not None]
            if not page.token:
                return Listing(items, page.version)
            params["continue"] = page.token

    async def _list(
        self, path: Callable[[str | None], str], selector: str, read: Callable[[Json], Any]
    ) -> Listing:
        """List a kind in all served namespaces; a list that outlives its snapshot is begun again."""
        items: list[Any] = []
        version: int | None = None
        for namespace in self.namespaces:
            try:
                listing = await self._pages(path(namespace), selector, read)
            except ExpiredError:
                listing = await self._pages(path(namespace), selector, read)
            items += listing.items
            version = listing.version if version is None else min(version, listing.version)
        return Listing(items, version or 0)

    async def tasks(self) -> Listing:
        """List all tasks as ``TaskRecord``."""
        return await self._list(evertask_path, "", read_task)

    async def jobs(self) -> Listing:
        """List all Jobs of ours as ``JobRecord``."""
        return await self._list(job_path, OURS, read_job)

    async def pods(self) -> Listing:
        """List all pods of ours as ``PodRecord``."""
        return await self._list(pod_path, OURS, read_pod)

    def changes(self, kind: str, namespace: str | None, version: int) -> AsyncGenerator[WatchEvent]:
        """Follow our Jobs or pods from a version on, until the API server ends the watch.

        Args:
            kind: ``jobs`` or ``pods``.
            namespace: one that is served.
            version: what happened after it is told.
        """
        path = {"jobs": job_path, "pods": pod_path}[kind](namespace)
        params = {"labelSelector": OURS, "resourceVersion": str(version), "allowWatchBookmarks": "true"}
        return self._connection.watch(path, params=params)

    async def task(self, key: TaskKey) -> TaskRecord | None:
        """Read one task; None when there is none."""
        try:
            return read_task(await self._connection.call("GET", evertask_path(*key)))
        except ApiError as error:
            if is_missing(error):
                return None
            raise

    async def job(self, namespace: str, name: str) -> JobRecord | None:
        """Read one Job; None when there is none."""
        try:
            return read_job(await self._connection.call("GET", job_path(namespace, name)))
        except ApiError as error:
            if is_missing(error):
                return None
            raise

    async def pods_of(self, namespace: str, task: TaskUid) -> list[PodRecord]:
        """List the pods of one task."""
        selector = f"{protocol.LABEL_TASK_UID}={task}"
        return (await self._pages(pod_path(namespace), selector, read_pod)).items

    async def warning(self, namespace: str, uid: str) -> tuple[str, str] | None:
        """Give reason and message of the newest Warning event about an object; None when there is none."""
        params = {"fieldSelector": f"involvedObject.uid={uid},type=Warning", "limit": "50"}
        found = await self._connection.call("GET", f"/api/v1/namespaces/{namespace}/events", params=params)
        events = sorted(found["items"], key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
        return (events[-1]["reason"], events[-1]["message"]) if events else None
