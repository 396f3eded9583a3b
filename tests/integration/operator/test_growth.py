"""Nothing grows: after hundreds of tasks have come and gone, the operator holds as much as before."""

from __future__ import annotations

import asyncio
import gc
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import Phase, State
from evertask.connection import Connection, load_credentials
from evertask_operator.cluster.events import Events
from evertask_operator.launch_times import LaunchTimes
from evertask_operator.settings import JobSettings, PrelaunchSettings, RetentionSettings, Settings
from tests.support.api_client import tasks_path
from tests.support.live_tasks import checked
from tests.support.operators_in_process import OperatorInProcess
from tests.support.sizes import sizes
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Callable

    from tests.support.simulated_pods import SimulatedPod

Json = dict[str, Any]

TASKS, SERIES = 300, 4
BOUNDED = (Events, LaunchTimes)
"""What remembers a fixed number of things of the past on purpose."""

SETTINGS = {
    "jobs": JobSettings(keep_succeeded=timedelta(0), keep_failed=timedelta(seconds=1)),
    "prelaunch": PrelaunchSettings(max_lead=timedelta(0)),
    "retention": RetentionSettings(
        completed=timedelta(seconds=1), failed=timedelta(seconds=1), deletions_per_second=200
    ),
    "resync_interval": timedelta(seconds=5),
    "max_running": 20,
}


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


def play(luck: random.Random) -> Callable[[SimulatedPod], None]:
    """Most succeed, some fail, some die without a word."""

    def pod_does(pod: SimulatedPod) -> None:
        fate = luck.random()
        claimed = pod.claim()
        if claimed and fate < 0.85:
            pod.commit()
        elif claimed and fate < 0.95:
            pod.commit(Phase.FAILED, error="no such report")
        pod.end(exit_code=0 if fate < 0.95 else 3)

    return pod_does


def create_all(stage, luck: random.Random, tasks: int, series: int) -> None:
    """Create tasks of all kinds, some with the same key, some children, some cancelled, some with a bad template."""
    for number in range(series):
        stage.task(f"series-{number}", recurrence={"every": "1s", "maxRuns": 3})
    for number in range(tasks):
        kind = luck.choice(["plain", "delayed", "keyed", "cancelled", "refused"])
        specs: dict[str, Json] = {
            "plain": {},
            "delayed": {"delay": "1s"},
            "keyed": {"taskKey": f"key-{number % 7}"},
            "cancelled": {"delay": "1h"},
            "refused": {"podTemplate": {"spec": {"volumes": "x"}}},
        }
        task = stage.task(f"{kind}-{number}", **specs[kind])
        if kind == "cancelled" or (kind == "refused" and luck.random() < 0.5):
            task.cancel()


def items(stage) -> list[Json]:
    found: list[Json] = checked(stage.admin("GET", tasks_path(stage.namespace)))["items"]
    return found


def until_all_are_gone(stage) -> None:
    """Delete by hand what is never over, and wait until nothing is left."""

    def left() -> list[str]:
        found = items(stage)
        for item in found:
            held = item.get("status", {}).get("state", State.PENDING) == State.PENDING
            if held and item["metadata"]["name"].startswith(("refused", "keyed")):
                stage.admin("DELETE", tasks_path(stage.namespace, item["metadata"]["name"]))
        pods = f"/api/v1/namespaces/{stage.namespace}/pods"
        others = [*stage.jobs(), *checked(stage.admin("GET", pods))["items"]]
        return [item["metadata"]["name"] for item in [*found, *others]]

    eventually(left, lambda names: not names, 120, pause=1)


async def at_rest(operator: OperatorInProcess) -> Counter[str]:
    """Wait until no worker is busy, and measure."""
    store, queue = operator.reconciler.store, operator.reconciler.queue
    await asyncio.to_thread(eventually, lambda: len(store.tasks) + len(queue), lambda left: left == 0, 30)
    await operator.observer.relist()
    await asyncio.sleep(1)
    gc.collect()
    found = sizes(operator.reconciler, leave_out=BOUNDED)
    found["series of metrics"] = sum(
        1 for family in operator.metrics.registry.collect() for _ in family.samples
    )
    return found


async def test_the_operator_holds_nothing_of_tasks_that_are_gone(stage, connection, monkeypatch):
    luck = random.Random(2026)
    monkeypatch.setenv("KUBECONFIG", str(stage.plane.kubeconfig))
    settings = Settings(watch_namespaces=[stage.namespace], **SETTINGS)
    stage.pods(play(luck))
    async with OperatorInProcess(settings, connection) as operator:
        await asyncio.to_thread(create_all, stage, luck, 20, 1)
        await asyncio.to_thread(until_all_are_gone, stage)
        before, tasks_before = await at_rest(operator), len(asyncio.all_tasks())
        await asyncio.to_thread(create_all, stage, luck, TASKS, SERIES)
        during = sizes(operator.reconciler, leave_out=BOUNDED)
        await asyncio.to_thread(until_all_are_gone, stage)
        after = await at_rest(operator)
        assert during.total() > 10 * before.total(), "the measure sees what is there"
        assert {path: after[path] for path in after | before if after[path] > before[path]} == {}
        assert len(asyncio.all_tasks()) <= tasks_before + 2
        assert operator.metrics.registry.get_sample_value(
            "evertask_tasks_deleted_total", {"reason": "Expired"}
        )
