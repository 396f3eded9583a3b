"""Where waiting is measured: a light control plane of its own, a client, and operators that are processes.

Jobs are seen by a watch; ``creationTimestamp`` has whole seconds only. Nothing is taken off for the watch's own way.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.waiting.measured import CREATE_CONCURRENCY, Sample
from evertask.connection import Connection, load_credentials
from hack.cluster.light import LightControlPlane
from tests.support import waiting
from tests.support.api_client import ApiClient
from tests.support.control_plane import install_crd
from tests.support.operator_processes import OperatorProcess, write_kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

Json = dict[str, Any]

TASKS, CRON_JOBS = "bench-tasks", "bench-cron-jobs"
"""Namespaces."""
PATIENCE_SECONDS = 600.0
REST_SECONDS = 15.0
"""After the last work: what was begun comes to its end."""
MAX_RUNNING = 1000
"""Room for everything that is due: no Job waits for the end of another."""


@dataclass(frozen=True)
class Stage:
    """The control plane, and what is started on it; all of it ends with the measurement."""

    plane: LightControlPlane
    connection: Connection
    folder: Path
    ends: ExitStack = field(default_factory=ExitStack)

    async def create_all(self, path: str, bodies: Iterable[Json]) -> None:
        """Create objects, many at a time."""
        left = iter(bodies)

        async def creator() -> None:
            for body in left:
                await self.connection.call("POST", path, body=body)

        async with asyncio.TaskGroup() as group:
            for _ in range(CREATE_CONCURRENCY):
                group.create_task(creator())

    def operator(self, name: str, **settings: Any) -> OperatorProcess:
        """Describe an operator for all namespaces, as the administrator; ``start`` runs it."""
        folder = self.folder / name
        folder.mkdir()
        plane = self.plane
        kubeconfig = write_kubeconfig(folder / "kubeconfig", plane.server, plane.token, plane.ca)
        operator = OperatorProcess(folder, kubeconfig, maxRunning=MAX_RUNNING, **settings)
        self.ends.callback(operator.kill)
        return operator


@asynccontextmanager
async def open_stage() -> AsyncGenerator[Stage]:
    """Start a control plane with EverTask's API and the namespaces."""
    with (
        LightControlPlane(controller_manager=True) as plane,
        tempfile.TemporaryDirectory(prefix="evertask-bench-") as folder,
    ):
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as admin:
            await asyncio.to_thread(install_crd, admin)
        credentials = await load_credentials(kubeconfig=plane.kubeconfig)
        async with Connection(credentials, user_agent="evertask-bench/1") as connection:
            for name in (TASKS, CRON_JOBS):
                await connection.call("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
            stage = Stage(plane, connection, Path(folder))
            with stage.ends:
                yield stage


async def eventually(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds that nothing tells of.

    Raises:
        TimeoutError: it does not in time.
    """
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  (what a watch has counted: no event tells of the last one)
            await asyncio.sleep(0.02)


async def take_sample(operator: OperatorProcess) -> Sample:
    """Ask the operator for its processor time and memory."""
    cpu = await asyncio.to_thread(operator.metric, "process_cpu_seconds_total")
    rss = await asyncio.to_thread(operator.metric, "process_resident_memory_bytes")
    return Sample(time.monotonic(), cpu, rss)


async def come_to_rest(operator: OperatorProcess) -> None:
    """Wait until the operator has nothing to do."""
    ask = partial(operator.metric, "evertask_queue_length")
    await asyncio.to_thread(waiting.eventually, ask, lambda length: not length, PATIENCE_SECONDS)
    await asyncio.sleep(REST_SECONDS)
