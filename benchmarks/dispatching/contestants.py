"""Who makes the objects: the dispatcher in its ways, and the official client, one creation after another."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import time
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.dispatching.measured import Flow
from evertask import Dispatch, Dispatcher, Task
from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization
from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.control_plane import install_crd

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

NAMESPACE = "default"
DELAY = timedelta(days=1)


class Reminder(Task):
    """A small payload."""

    handler = "shop.mails:SendReminder"
    user_id: int
    text: str = "Your order is on its way."


def processor_seconds(pid: int) -> float:
    """Give the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory() -> int:
    """Give the memory of this process (RSS) in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Contestants:
    """One control plane, and who makes objects on it."""

    plane: LightControlPlane
    dispatcher: Dispatcher
    made: int = 0

    def _spent(self) -> tuple[float, float]:
        """Give the processor time so far, in seconds: of this process, and of the control plane."""
        plane = [self.plane.processes.alive(name) for name in ("kube-apiserver", "etcd")]
        return processor_seconds(os.getpid()), sum(processor_seconds(pid) for pid in plane if pid)

    @contextmanager
    def _flow(self, count: int, seen: dict[int, int] | None = None) -> Iterator[Callable[[], Flow]]:
        """Measure what is done within; the value that is given makes the figures afterwards."""
        client, plane = self._spent()
        begun = time.monotonic()
        ended: list[Flow] = []
        yield lambda: ended[0]
        seconds = time.monotonic() - begun
        client_now, plane_now = self._spent()
        ended.append(Flow(count, seconds, seen or {}, client_now - client, plane_now - plane))

    def _reminders(self, count: int) -> Iterator[Reminder]:
        for _ in range(count):
            self.made += 1
            yield Reminder(user_id=self.made)

    async def batch(self, count: int) -> Flow:
        """Dispatch by ``dispatch_many``."""
        seen: dict[int, int] = {}
        with self._flow(count, seen) as flow:
            results = await self.dispatcher.dispatch_many(
                (Dispatch(task, delay=DELAY) for task in self._reminders(count)),
                progress=_looking(seen, count),
            )
        assert [result.error for result in results] == [None] * count
        return flow()

    async def keyed(self, count: int) -> Flow:
        """Dispatch by ``dispatch_many``, each under a key of its own."""
        tasks = (
            Dispatch(task, delay=DELAY, task_key=f"reminder-{task.user_id}")
            for task in self._reminders(count)
        )
        with self._flow(count) as flow:
            results = await self.dispatcher.dispatch_many(tasks)
        assert [result.error for result in results] == [None] * count
        return flow()

    async def stream(self, count: int) -> Flow:
        """Dispatch by ``dispatch_stream``."""
        seen: dict[int, int] = {}
        tasks = (Dispatch(task, delay=DELAY) for task in self._reminders(count))
        with self._flow(count, seen) as flow:
            async with aclosing(
                self.dispatcher.dispatch_stream(tasks, progress=_looking(seen, count))
            ) as results:
                async for result in results:
                    assert result.ok, result.error
        return flow()

    def official(self, count: int) -> Flow:
        """Create the same objects by the official client, one after another."""
        client: Any = import_module("kubernetes.client")
        config: Any = import_module("kubernetes.config")
        with config.new_client_from_config(self.plane.kubeconfig) as api_client:
            api = client.CustomObjectsApi(api_client)
            with self._flow(count) as flow:
                for task in self._reminders(count):
                    api.create_namespaced_custom_object(
                        "evertask.io", "v1alpha1", NAMESPACE, "evertasks", _body(task)
                    )
            return flow()


def _body(task: Reminder) -> dict[str, Any]:
    return {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": f"plain-{task.user_id}"},
        "spec": {"handler": Reminder.handler, "payload": task.model_dump(), "delay": "24h"},
    }


def _looking(seen: dict[int, int], count: int) -> Callable[[int, int], None]:
    """Look at the memory after a quarter, a half, and all of the tasks."""
    looks = {count // 4, count // 2, count}

    def progress(over: int, _: int) -> None:
        if over in looks:
            seen[over] = memory()

    return progress


@asynccontextmanager
async def open_contestants() -> AsyncGenerator[Contestants]:
    """Start a control plane with EverTask's API."""
    with LightControlPlane() as plane:
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as admin:
            await asyncio.to_thread(install_crd, admin)
        # Not by the kubeconfig: the official client is loaded to read it, and would be in our memory from the start.
        credentials = Credentials(
            server=plane.server,
            ssl=ssl.create_default_context(cafile=plane.ca),
            authorization=Authorization(lambda _: f"Bearer {plane.token}"),
            namespace=NAMESPACE,
        )
        async with Connection(credentials, user_agent="evertask-bench/1") as connection:
            yield Contestants(plane, Dispatcher(connection=connection))
