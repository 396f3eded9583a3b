"""The logs of a task's pods: which pod, and its lines as they come.

A run may have several pods, one after another: one that was lost is replaced by the next launch. The newest counts.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.connection.paths import pod_path
from evertask.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from evertask.cli.sessions import Session

Json = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """One pod of a task."""

    name: str
    run: str
    """Id of its run."""
    launch: int
    created: str
    has_log: bool
    """Its container has started; before that the API server has no log to give."""
    is_over: bool

    @property
    def order(self) -> tuple[str, int]:
        """By which the newest is the greatest."""
        return self.created, self.launch


def pod_of(item: Mapping[str, Any]) -> Pod:
    """Read a pod object."""
    metadata, status = item["metadata"], item.get("status") or {}
    labels = metadata.get("labels") or {}
    launch = labels.get(protocol.LABEL_LAUNCH, "")
    runner: Json = next(
        (one for one in status.get("containerStatuses") or () if one["name"] == protocol.CONTAINER_NAME), {}
    )
    state = runner.get("state") or {}
    return Pod(
        name=metadata["name"],
        run=labels.get(protocol.LABEL_RUN, ""),
        launch=int(launch) if launch.isdigit() else 0,
        created=metadata.get("creationTimestamp", ""),
        has_log="running" in state or "terminated" in state,
        is_over=status.get("phase") in {"Succeeded", "Failed"},
    )


async def pods_of(session: Session, uid: str, run: str | None = None) -> list[Pod]:
    """List the pods of a task, or of one of its runs, the newest first."""
    selector = f"{protocol.LABEL_TASK_UID}={uid}"
    if run is not None:
        selector += f",{protocol.LABEL_RUN}={run}"
    path = pod_path(session.namespace)
    answer = await session.connection.call_with_retries("GET", path, params={"labelSelector": selector})
    return sorted((pod_of(item) for item in answer["items"]), key=lambda pod: pod.order, reverse=True)


async def log_of(
    session: Session, pod: str, *, follow: bool = False, tail: int | None = None
) -> AsyncGenerator[bytes]:
    """Read the log of a pod's runner, line by line. Nothing where the pod is gone, or has not started.

    Args:
        session: the cluster.
        pod: its name.
        follow: go on until its container ends.
        tail: only so many lines of what is there.

    Raises:
        ApiError: the log may not be read, or the API server cannot reach it.
        ApiUnavailableError: the connection broke.
    """
    query = {"container": protocol.CONTAINER_NAME}
    if follow:
        query["follow"] = "true"
    if tail is not None:
        query["tailLines"] = str(tail)
    lines = session.connection.lines(pod_path(session.namespace, pod, "log"), params=query)
    try:
        async with aclosing(lines) as found:
            async for line in found:
                yield line
    except ApiError as error:
        # 400: its container is still being made, or was never.
        if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
            raise
