"""The cluster under measurement: one client, a namespace of our own, and manifests of both contestants.

Both run the same image on the same nodes: EverTask's installed runner. The bare Job has no operator, no claim and no
outcome; it is the floor.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.connection.paths import evertask_path, job_path, pod_path
from evertask.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from evertask.connection import Connection, WatchEvent

Json = dict[str, Any]

OPERATOR_NAMESPACE = "evertask-system"
HANDLER = "evertask_runner.examples:clock"
"""Returns the clock's time at its first line."""
PATIENCE_SECONDS = 300.0
WATCH_SECONDS = 1800
"""Longer than any benchmark: its watch is not begun anew."""


@dataclass(frozen=True)
class Bench:
    """Client and place of a measurement."""

    connection: Connection
    namespace: str
    image: str

    async def create(self, path: str, body: Json) -> float:
        """Create an object.

        Returns:
            The clock's time just before the request was sent.
        """
        started = time.time()
        await self.connection.call("POST", path, body=body)
        return started

    async def follow(self, path: str, name: str, done: Callable[[Json], bool]) -> tuple[float, Json]:
        """Watch one object until it is done; gives when that was seen, and the object."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for found in self.changes(path, f"metadata.name={name}"):
                if done(found):
                    return time.time(), found
        raise AssertionError("a stream of changes has no end")

    async def changes(self, path: str, fields: str = "") -> AsyncGenerator[Json]:
        """Give all objects of a list, then each change, for ever."""
        selector = {"fieldSelector": fields} if fields else {}
        while True:
            listed = await self.connection.call("GET", path, params=selector)
            for item in listed["items"]:
                yield item
            # From the list's version on: without one the API server may wait for a newer one until it gives up.
            since = {"resourceVersion": listed["metadata"]["resourceVersion"]}
            async with aclosing(self.connection.watch(path, params=selector | since)) as events:
                async for event in events:
                    yield event.object

    async def first_line(self, job: str) -> float:
        """Read the time that a Job's pod printed in its first line; waits until it has."""
        selector = {"labelSelector": f"job-name={job}"}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                pods = await self.connection.call("GET", pod_path(self.namespace), params=selector)
                for pod in pods["items"]:
                    log = pod_path(self.namespace, pod["metadata"]["name"], "log")
                    answer = await self.connection.request("GET", log)
                    if answer.ok and answer.body:
                        return float(answer.body.split()[0])
                await asyncio.sleep(0.5)

    async def operator_metrics(self) -> dict[str, float]:
        """Read the operator's metrics through the API server: sums by metric name."""
        selector = {"labelSelector": "app.kubernetes.io/name=evertask"}
        pods = await self.connection.call("GET", pod_path(OPERATOR_NAMESPACE), params=selector)
        pod = next(p for p in pods["items"] if p["status"]["phase"] == "Running")
        path = pod_path(OPERATOR_NAMESPACE, f"{pod['metadata']['name']}:9090", "proxy") + "/metrics"
        answer = await self.connection.request("GET", path)
        found: dict[str, float] = {}
        for line in answer.body.decode().splitlines():
            match = re.match(r"^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+)$", line)
            if match:
                found[match[1]] = found.get(match[1], 0.0) + float(match[2])
        return found


async def newest_version(connection: Connection, path: str) -> str:
    """Give the resourceVersion of a list as it is now, from which on ``changes_since`` tells."""
    listed = await connection.call("GET", path, params={"limit": "1"})
    return str(listed["metadata"]["resourceVersion"])


async def changes_since(connection: Connection, path: str, version: str) -> AsyncGenerator[WatchEvent]:
    """Give every change of a list since a version, for ever and without a gap: a relist would leave some out."""
    while True:
        watch = connection.watch(path, params={"resourceVersion": version}, seconds=WATCH_SECONDS)
        async with aclosing(watch) as events:
            async for event in events:
                version = event.object["metadata"]["resourceVersion"]
                yield event


async def open_bench(connection: Connection) -> Bench:
    """Make a namespace, and find out which runner image is installed."""
    namespace = f"bench-{secrets.token_hex(3)}"
    await connection.call("POST", "/api/v1/namespaces", body={"metadata": {"name": namespace}})
    maps = await connection.call("GET", f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps")
    settings = next(
        m["data"]["settings.json"] for m in maps["items"] if "settings.json" in (m.get("data") or {})
    )
    while True:  # a pod is refused until its service account is there
        try:
            await connection.call("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        except ApiError:
            await asyncio.sleep(0.2)
        else:
            return Bench(connection, namespace, json.loads(settings)["runner"]["image"])


def bare_job(bench: Bench, name: str, code: str) -> Json:
    """A Job that runs a line of Python in the runner's image."""
    container = {"name": "main", "image": bench.image, "command": ["python3", "-c", code]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def task(name: str, **spec: Any) -> Json:
    """A task that tells the time."""
    return {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": name},
        "spec": {"handler": HANDLER, **spec},
    }


def tasks_path(bench: Bench) -> str:
    """Where the bench's tasks are."""
    return evertask_path(bench.namespace)


def jobs_path(bench: Bench) -> str:
    """Where the bench's Jobs are."""
    return job_path(bench.namespace)


def job_succeeded(job: Json) -> bool:
    """Whether a Job's success is visible."""
    return bool((job.get("status") or {}).get("succeeded"))


def task_completed(found: Json) -> bool:
    """Whether a task's success is visible.

    Raises:
        RuntimeError: it failed; the figures would mean nothing.
    """
    status = found.get("status") or {}
    if status.get("state") in {"Failed", "Cancelled"}:
        raise RuntimeError(f"task {found['metadata']['name']} is {status['state']}: {status.get('message')}")
    return status.get("state") == "Completed"
