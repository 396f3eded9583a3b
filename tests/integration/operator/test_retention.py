"""What is over goes: so many stay in a namespace, so many go per second, and no registration is lost to a deletion."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from evertask import Dispatcher, Registration, Task
from evertask.api.protocol import State
from evertask.api.times import format_time, parse_time
from evertask.connection import Connection, load_credentials
from evertask_operator.cluster import Reads, Writes
from evertask_operator.decisions.plans import DeleteJob
from evertask_operator.deletions import BURST_SHARE
from evertask_operator.removals import DELETERS
from tests.support.api_client import tasks_path
from tests.support.live_tasks import checked, run_of
from tests.support.orphans import orphaned_job
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.simulated_pods import SimulatedPod

Json = dict[str, Any]

HOUR = timedelta(hours=1)
DELETED = 'evertask_api_requests_total{code="200",resource="evertasks",verb="delete"}'
WAITING = "evertask_deletions_waiting"


def finished(stage, name: str, state: State = State.COMPLETED, at: datetime | None = None, **spec: Any):
    """Make a task that is over, as if its run had been."""
    task = stage.task(name, **spec)
    status = {
        "state": str(state),
        "incarnation": 0,
        "finishTime": format_time(at or datetime.now(UTC)),
    }
    checked(stage.admin.patch(f"{task.path}/status", {"status": status}))
    return task


def names(stage) -> set[str]:
    items = checked(stage.admin("GET", tasks_path(stage.namespace)))["items"]
    return {item["metadata"]["name"] for item in items}


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


# --- how many ----------------------------------------------------------------------------------------------


def test_a_namespace_keeps_the_newest_and_failed_ones_longest(stage):
    start = datetime.now(UTC) - timedelta(minutes=30)
    for number in range(9):
        state = State.FAILED if number in {0, 1} else State.CANCELLED if number % 2 else State.COMPLETED
        finished(stage, f"t-{number}", state, start + timedelta(minutes=number), ttlAfterFinished="240h")
    operator = stage.operator(retention={"maxFinishedPerNamespace": 5})
    eventually(lambda: names(stage), lambda found: found == {"t-0", "t-1", "t-6", "t-7", "t-8"}, 30)
    finished(stage, "t-9")
    eventually(lambda: names(stage), lambda found: found == {"t-0", "t-1", "t-7", "t-8", "t-9"}, 30)
    for number in (10, 11, 12, 13):
        finished(stage, f"t-{number}", State.FAILED)
    eventually(lambda: names(stage), lambda found: found == {"t-1", "t-10", "t-11", "t-12", "t-13"}, 30)
    assert operator.metric('evertask_tasks_deleted_total{reason="TooMany"}') == 9


def test_without_a_limit_all_stay_until_their_time_is_over(stage):
    for number in range(5):
        finished(stage, f"t-{number}")
    stage.operator(retention={"maxFinishedPerNamespace": 0})
    throughout(lambda: len(names(stage)), lambda count: count == 5, 2)


@pytest.mark.parametrize(("state", "field"), [(State.COMPLETED, "completed"), (State.FAILED, "failed")])
def test_how_long_tasks_are_kept_is_set_for_all(stage, state, field):
    task = finished(stage, "over", state)
    kept = finished(stage, "kept", state, ttlAfterFinished="1h")
    operator = stage.operator(retention={field: "0s"})
    task.until_gone(20)
    assert kept.exists()
    assert operator.metric('evertask_tasks_deleted_total{reason="Expired"}') == 1


# --- how fast ----------------------------------------------------------------------------------------------

RATE = 30
MANY = 300


def expiring(stage, at: datetime) -> None:
    """Make many tasks whose time is over at an instant."""
    for number in range(MANY):
        finished(stage, f"old-{number:03}", at=at - HOUR, ttlAfterFinished="1h")


def launch_seconds(stage, name: str) -> float:
    """Create a task; gives how long after that its pod was launched."""
    created = datetime.now(UTC)
    run = run_of(stage.task(name).until(lambda status: run_of(status).get("launchTime"), 30))
    return (parse_time(run["launchTime"]) - created).total_seconds()


class Look(NamedTuple):
    """How many were deleted, asked between two instants."""

    asked: float
    deleted: float
    answered: float


def look(operator) -> Look:
    asked = time.monotonic()
    return Look(asked, operator.metric(DELETED), time.monotonic())


def assert_rate_held(looks: list[Look]) -> None:
    """Check each stretch of time between two looks; those under way at its start are counted when they are answered."""
    for first, last in combinations(looks, 2):
        seconds, deleted = last.answered - first.asked, last.deleted - first.deleted
        assert deleted <= RATE * seconds + RATE * BURST_SHARE + DELETERS + 1, (seconds, deleted)


@pytest.mark.parametrize("when", ["at its start", "while it runs"])
def test_many_that_expire_at_once_go_at_the_bounded_rate_and_delay_nothing(stage, when):
    operator = stage.operator(start=False, retention={"deletionsPerSecond": RATE})
    expiry = datetime.now(UTC) + timedelta(seconds=0 if when == "at its start" else 12)
    expiring(stage, expiry)
    stage.pods()
    operator.start()
    eventually(lambda: operator.metric(WAITING), bool, 30, pause=0.05)
    looks: list[Look] = []
    took: list[float] = []
    left = [operator.metric(WAITING)]
    for number in range(MANY):
        looks.append(look(operator))
        if len(took) < 12:
            took.append(launch_seconds(stage, f"new-{number}"))
            left.append(operator.metric(WAITING))
        elif looks[-1].deleted >= MANY:
            break
        time.sleep(0.1)
    assert_rate_held(looks)
    assert names(stage) == {f"new-{number}" for number in range(12)}
    assert left[1] > MANY / 2, "the first was launched while most of the deletions had yet to come"
    assert max(took) < 5, "a launch that waits for all deletions takes ten seconds"


def test_jobs_that_are_no_longer_kept_go_at_the_bounded_rate_but_at_once_where_room_is_needed(stage):
    """The Jobs of ten tasks wait for their turn, at one per second, when another ten become due."""
    operator = stage.operator(
        maxRunning=20, jobs={"keepSucceeded": "1h"}, retention={"deletionsPerSecond": 1}
    )
    stage.pods()
    first = [stage.task(f"a-{number}", ttlAfterFinished="3s") for number in range(10)]
    for task in first:
        task.until_state(State.COMPLETED)
    eventually(lambda: operator.metric(WAITING), lambda count: count >= 5, 20)
    started = time.monotonic()
    second = [stage.task(f"b-{number}") for number in range(20)]
    for task in second:
        task.until_state(State.COMPLETED)
    assert time.monotonic() - started < 9, "room was made at once"


# --- registered anew while it goes -------------------------------------------------------------------------


class Report(Task):
    handler = "shop.reports:MonthlyReport"
    number: int


@pytest.mark.parametrize(
    ("ttl", "limit"), [(timedelta(0), 0), (HOUR, 1)], ids=["while-it-expires", "while-it-is-one-too-many"]
)
async def test_each_registration_under_a_key_runs_once_although_the_task_is_being_deleted(
    stage, connection, ttl, limit
):
    """Each is made in the moment in which the task of the one before has ended, and goes."""
    rounds, executed = 25, []

    def run(pod: SimulatedPod) -> None:
        if pod.claim():
            path = tasks_path(stage.namespace, pod.task)
            number = checked(stage.admin("GET", path))["spec"]["payload"].get("number")
            assert pod.commit()
            executed.append(number)
        pod.end()

    retention = {"maxFinishedPerNamespace": limit, "deletionsPerSecond": 1000}
    await asyncio.to_thread(stage.operator, retention=retention)
    stage.pods(run)
    outcomes = []
    async with Dispatcher(connection=connection, namespace=stage.namespace) as dispatcher:
        for number in range(rounds):
            if limit:
                await asyncio.to_thread(finished, stage, f"newer-{number}", at=datetime.now(UTC) + HOUR)
            made = await dispatcher.dispatch(Report(number=number), task_key="daily", ttl_after_finished=ttl)
            outcomes.append(made.outcome)
            await asyncio.to_thread(
                eventually, lambda n=number: n in executed, bool, 30, pause=0.001 * (number % 20)
            )
    assert executed == list(range(rounds))
    assert set(outcomes) <= {Registration.CREATED, Registration.REPLACED}


# --- every deletion is conditional -------------------------------------------------------------------------


def touched(stage, path: str) -> None:
    checked(stage.admin.patch(path, {"metadata": {"annotations": {"touched": "yes"}}}))


async def test_nothing_is_deleted_that_has_changed_since_it_was_looked_at(stage, connection):
    """All three deletions that the operator makes: a task, a Job, a pod."""
    reads, writes = Reads(connection, [stage.namespace]), Writes(connection, "test")
    root, pods = (
        f"/apis/batch/v1/namespaces/{stage.namespace}/jobs",
        f"/api/v1/namespaces/{stage.namespace}/pods",
    )
    task = finished(stage, "task")
    stage.orphaned_pod()
    job = orphaned_job(stage.namespace)
    job["spec"]["suspend"] = True
    name = checked(stage.admin("POST", root, job))["metadata"]["name"]
    seen_task = (await reads.tasks()).items[0]
    eventually(
        lambda: checked(stage.admin("GET", f"{root}/{name}")).get("status", {}).get("conditions"), bool, 10
    )
    seen_job, seen_pod = (await reads.jobs()).items[0], (await reads.pods()).items[0]
    for path in (task.path, f"{root}/{name}", f"{pods}/{seen_pod.name}"):
        touched(stage, path)
    assert not await writes.delete_task(seen_task)
    assert not await writes.delete_job(DeleteJob(seen_job, foreground=True))
    assert not await writes.delete_pod(seen_pod)
    assert await writes.delete_task((await reads.tasks()).items[0])
    assert await writes.delete_job(DeleteJob((await reads.jobs()).items[0], foreground=True))
    assert await writes.delete_pod((await reads.pods()).items[0])


async def test_nothing_is_deleted_in_the_place_of_what_was_looked_at(stage, connection):
    reads, writes = Reads(connection, [stage.namespace]), Writes(connection, "test")
    task = finished(stage, "task")
    seen = (await reads.tasks()).items[0]
    task.delete()
    task.until_gone()
    finished(stage, "task")
    assert not await writes.delete_task(seen)
    assert task.exists()
