"""The watches of Jobs and pods: cut, expired, fed with nonsense; what happens is known all the same.

The followers run here as in the operator, over a store of their own; no worker decides anything.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from evertask.connection import Connection, load_credentials
from evertask_operator import followers
from evertask_operator.cluster import Reads, Writes
from evertask_operator.followers import Followers
from evertask_operator.health import Health
from evertask_operator.metrics import Metrics
from evertask_operator.observer import Observer
from evertask_operator.reconciler import Reconciler
from evertask_operator.resources.jobs import build_job
from evertask_operator.settings import RunnerSettings, Settings
from evertask_operator.store import Store
from tests.support.cutting_proxies import CuttingProxy
from tests.support.live_tasks import checked
from tests.support.operator_processes import write_kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from evertask_operator.records import JobRecord, TaskUid

JOBS = "/apis/batch/v1/namespaces/{}/jobs"
KINDS = {"jobs", "pods"}
SECONDS = 20.0


class TellingProxy(CuttingProxy):
    """One that puts lines of its own into watches."""

    def tell(self, kind: str, line: bytes) -> int:
        """Put a line into the watches of a kind; gives how many there were."""
        return int(self._call(self._tell(kind, line)))

    async def _tell(self, kind: str, line: bytes) -> int:
        watches = [response for response, path in self._watches.items() if path.endswith(f"/{kind}")]
        for response in watches:
            await response.write(line + b"\n")
        return len(watches)

    @property
    def watched(self) -> set[str]:
        """Give the kinds that are watched now."""
        return {path.rpartition("/")[2] for path in list(self._watches.values())}


class Scene:
    """A store that followers feed, and the Jobs of one task."""

    def __init__(self, stage, proxy: TellingProxy, connection: Connection) -> None:
        self.stage, self.proxy = stage, proxy
        self.live = stage.task("parent", suspend=True)
        self.reads = Reads(connection, [stage.namespace])
        self.store = Store()
        metrics = Metrics()
        reconciler = Reconciler(Settings(), self.store, self.reads, Writes(connection, "test"), metrics)
        self.queue = reconciler.queue
        self.observer = Observer(reconciler, self.reads, metrics, Health())

    @property
    def uid(self) -> TaskUid:
        return next(iter(self.store.tasks.values())).uid

    def jobs(self) -> list[str]:
        """Launches whose Jobs are known."""
        return sorted(str(job.launch) for job in self.store.jobs.of(self.uid))

    def make_job(self, launch: int) -> str:
        task = next(iter(self.store.tasks.values()))
        manifest = build_job(task, "s1", launch, RunnerSettings(image="none"))
        manifest["spec"]["suspend"] = True  # no pods
        name: str = checked(self.stage.admin("POST", JOBS.format(self.stage.namespace), manifest))[
            "metadata"
        ]["name"]
        return name

    def delete_job(self, name: str) -> None:
        path = f"{JOBS.format(self.stage.namespace)}/{name}"
        checked(self.stage.admin("DELETE", path, {"propagationPolicy": "Background"}))

    def job(self, launch: int) -> JobRecord | None:
        return next((job for job in self.store.jobs.of(self.uid) if job.launch == launch), None)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():  # noqa: ASYNC110  (what is waited for is a plain store)
                await asyncio.sleep(0.02)


@pytest.fixture
def proxy(stage) -> Iterator[TellingProxy]:
    with TellingProxy(stage.plane.server, stage.plane.ca) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(followers, "PAUSE_SECONDS", 0.05)


@pytest.fixture
async def scene(stage, proxy, tmp_path) -> AsyncIterator[Scene]:
    kubeconfig = write_kubeconfig(tmp_path / "through-the-proxy", proxy.url, stage.plane.token)
    async with Connection(await load_credentials(kubeconfig=str(kubeconfig))) as connection:
        made = Scene(stage, proxy, connection)
        await made.observer.relist()
        following = asyncio.create_task(Followers(made.observer, made.reads).follow())
        await made.until(lambda: proxy.watched == KINDS)
        yield made
        assert not following.done(), "nothing has ended the watches"
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what blocks, as the administrator's client does."""
    return await asyncio.to_thread(function, *arguments)


async def test_what_is_made_changed_and_deleted_is_seen_and_worth_a_look(scene):
    name = await call(scene.make_job, 1)
    await scene.until(lambda: scene.jobs() == ["1"])
    scene.queue.drop(next(iter(scene.store.tasks)))
    path = f"{JOBS.format(scene.stage.namespace)}/{name}"
    annotations = {protocol.ANNOTATION_TEMPLATE: "changed"}
    await call(scene.stage.admin.patch, path, {"metadata": {"annotations": annotations}})
    await scene.until(lambda: scene.job(1).template == "changed")
    assert len(scene.queue) == 1
    await call(scene.delete_job, name)
    await scene.until(lambda: scene.jobs() == [])


async def test_a_change_that_says_nothing_new_is_noted_and_worth_no_look(scene):
    name = await call(scene.make_job, 1)
    await scene.until(lambda: scene.jobs() == ["1"])
    await asyncio.sleep(0.5)  # the Job controller has its say
    before = scene.job(1).version
    scene.queue.drop(next(iter(scene.store.tasks)))
    path = f"{JOBS.format(scene.stage.namespace)}/{name}"
    await call(scene.stage.admin.patch, path, {"metadata": {"annotations": {"somebody": "else"}}})
    await scene.until(lambda: scene.job(1).version > before)
    assert len(scene.queue) == 0


async def test_after_a_cut_connection_the_watch_goes_on_where_it_was(scene):
    name = await call(scene.make_job, 1)
    await scene.until(lambda: scene.jobs() == ["1"])
    await call(scene.proxy.close_the_way)
    await call(scene.delete_job, name)
    await call(scene.make_job, 2)
    scene.proxy.heal()
    await scene.until(lambda: scene.jobs() == ["2"])


async def test_after_410_gone_what_vanished_is_dropped_and_what_is_new_is_found(scene):
    name = await call(scene.make_job, 1)
    await scene.until(lambda: scene.jobs() == ["1"])
    before = scene.observer.listed_at["jobs"]
    assert await call(scene.proxy.expire_watches) == len(KINDS)
    await call(scene.delete_job, name)
    await call(scene.make_job, 2)
    await scene.until(lambda: scene.jobs() == ["2"])
    assert scene.observer.listed_at["jobs"] > before, "everything was listed anew"


async def test_an_api_server_that_is_away_when_the_watch_expires_is_waited_for(scene):
    await call(scene.proxy.expire_watches)
    await call(scene.proxy.close_the_way)
    await call(scene.make_job, 1)
    await asyncio.sleep(0.5)
    scene.proxy.heal()
    await scene.until(lambda: scene.jobs() == ["1"])


LABELS = {protocol.LABEL_TASK_UID: "u", protocol.LABEL_RUN: "s1", protocol.LABEL_LAUNCH: "1"}
NONSENSE = [
    pytest.param({"type": "ADDED", "object": {}}, id="an-empty-object"),
    pytest.param({"type": "ADDED", "object": {"metadata": {"labels": LABELS}}}, id="no-version"),
    pytest.param(
        {
            "type": "MODIFIED",
            "object": {"metadata": {"resourceVersion": "1", "labels": LABELS}, "status": []},
        },
        id="a-status-of-another-kind",
    ),
    pytest.param({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "soon"}}}, id="a-bookmark"),
    pytest.param({"type": "ADDED", "object": None}, id="no-object"),
    pytest.param({"type": "ADDED"}, id="half-an-event"),
    pytest.param([], id="no-event"),
    pytest.param(b'{"type": "ADD', id="not-json"),
    pytest.param(b"\xff\xfe", id="not-text"),
]


@pytest.mark.parametrize("line", NONSENSE)
async def test_a_line_that_cannot_be_taken_in_does_not_end_the_watch(scene, line):
    told = line if isinstance(line, bytes) else json.dumps(line).encode()
    assert await call(scene.proxy.tell, "jobs", told) == 1
    await call(scene.make_job, 1)
    await scene.until(lambda: scene.jobs() == ["1"])
