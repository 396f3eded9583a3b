"""What is left of tasks that are gone is found and removed; what only looks like it is left alone."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from evertask.api.protocol import State
from evertask.connection import Connection, load_credentials
from evertask_operator.cluster import Reads, Writes
from evertask_operator.deletions import DeletionQueue
from evertask_operator.metrics import Metrics
from evertask_operator.orphans import Orphans
from evertask_operator.store import Store
from evertask_operator.timekeeping import wall_clock
from tests.support.live_tasks import checked
from tests.support.orphans import orphaned_job
from tests.support.simulated_pods import hold
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]

SECONDS = 30.0
OFTEN = "1s"


def jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def names(found):
    return {item["metadata"]["name"] for item in found}


def pods(stage):
    return checked(stage.admin("GET", f"/api/v1/namespaces/{stage.namespace}/pods"))["items"]


def create(stage, job: Json, namespace: str | None = None) -> str:
    made = checked(stage.admin("POST", jobs_path(namespace or stage.namespace), job))
    return str(made["metadata"]["name"])


def create_at_rest(stage, **wanted: Any) -> str:
    """Create the Job of a task that is gone; nobody changes it any more when this returns."""
    job = orphaned_job(stage.namespace, **wanted)
    job["spec"]["suspend"] = True
    name = create(stage, job)
    eventually(lambda: stage.jobs()[0].get("status", {}).get("conditions"), bool, SECONDS)
    return name


def orphan(task):
    """Delete a task and leave its Job behind."""
    checked(task.client("DELETE", task.path, {"propagationPolicy": "Orphan"}))
    task.until_gone()


def running(stage):
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    return task


# --- what goes ---------------------------------------------------------------------------------------------


def test_a_job_that_was_orphaned_while_the_operator_was_away_goes_at_its_start(stage):
    operator = stage.operator()
    stage.pods(hold)
    task = running(stage)
    operator.kill()
    orphan(task)
    assert len(stage.jobs()) == 1
    operator.start()
    eventually(lambda: stage.jobs() + pods(stage), lambda left: not left, SECONDS)
    assert operator.metric("evertask_orphans_deleted_total") == 1
    assert "is deleted: EverTask task" in operator.log


def test_a_job_that_is_orphaned_while_the_operator_runs_goes(stage):
    stage.operator(resyncInterval=OFTEN)
    stage.pods(hold)
    orphan(running(stage))
    eventually(lambda: stage.jobs() + pods(stage), lambda left: not left, SECONDS)


def test_the_job_of_an_earlier_task_of_the_same_name_goes_and_that_of_the_new_one_stays(stage):
    operator = stage.operator()
    stage.pods(hold)
    orphan(running(stage))
    (left,) = stage.jobs()
    running(stage)
    assert len(stage.jobs()) == 2
    operator.kill()
    operator.start()
    (stays,) = eventually(stage.jobs, lambda jobs: len(jobs) == 1, SECONDS)
    assert stays["metadata"]["uid"] != left["metadata"]["uid"]
    throughout(stage.jobs, lambda jobs: len(jobs) == 1, 2)


def test_what_the_garbage_collector_removes_by_itself_is_no_orphan(stage):
    """One of the two has come back from a backup, and names an owner that is not there."""
    stale = orphaned_job(stage.namespace)
    owner = {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "name": "gone",
        "uid": stale["metadata"]["labels"][protocol.LABEL_TASK_UID],
    }
    stale["metadata"]["ownerReferences"] = [owner]
    create(stage, stale)
    operator = stage.operator(resyncInterval=OFTEN)
    stage.pods(hold)
    running(stage).delete()
    eventually(lambda: stage.jobs() + pods(stage), lambda left: not left, SECONDS)
    assert operator.metric("evertask_orphans_deleted_total") == 0


def test_a_pod_that_has_neither_task_nor_job_goes(stage):
    stage.orphaned_pod()
    stage.operator()
    eventually(lambda: pods(stage), lambda left: not left, SECONDS)


# --- what stays --------------------------------------------------------------------------------------------


def _without_label(job: Json) -> None:
    del job["metadata"]["labels"][protocol.LABEL_MANAGED_BY]


def _of_another_manager(job: Json) -> None:
    job["metadata"]["labels"][protocol.LABEL_MANAGED_BY] = "helm"


def _without_run(job: Json) -> None:
    del job["metadata"]["labels"][protocol.LABEL_RUN]


def _of_another_name(job: Json) -> None:
    job["metadata"]["name"] = "nightly-backup"


def _without_the_name_of_its_task(job: Json) -> None:
    del job["metadata"]["annotations"][protocol.ANNOTATION_TASK_NAME]


LEFT_ALONE = [
    _without_label,
    _of_another_manager,
    _without_run,
    _of_another_name,
    _without_the_name_of_its_task,
]


@pytest.mark.parametrize("change", LEFT_ALONE, ids=lambda change: change.__name__.strip("_"))
def test_what_only_looks_like_a_job_of_ours_is_left_alone(stage, change):
    job = orphaned_job(stage.namespace)
    change(job)
    stays, goes = create(stage, job), create(stage, orphaned_job(stage.namespace))
    operator = stage.operator(resyncInterval=OFTEN)
    eventually(lambda: names(stage.jobs()), lambda found: goes not in found, SECONDS)
    throughout(lambda: names(stage.jobs()), lambda found: found == {stays}, 2.5)
    assert operator.metric("evertask_orphans_deleted_total") == 1


def test_a_job_in_a_namespace_that_is_not_served_is_left_alone(stage):
    elsewhere = f"test-{secrets.token_hex(5)}"
    checked(stage.admin("POST", "/api/v1/namespaces", {"metadata": {"name": elsewhere}}))
    create(stage, orphaned_job(elsewhere), elsewhere)
    goes = create(stage, orphaned_job(stage.namespace))
    stage.operator(resyncInterval=OFTEN)
    eventually(lambda: names(stage.jobs()), lambda found: goes not in found, SECONDS)
    path = jobs_path(elsewhere)
    throughout(lambda: checked(stage.admin("GET", path))["items"], lambda found: len(found) == 1, 2.5)


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


@pytest.mark.parametrize("task_is_there", [True, False], ids=["there", "gone"])
async def test_a_read_at_that_moment_decides_and_not_what_was_watched(stage, connection, task_is_there):
    uid = stage.task(suspend=True).read()["metadata"]["uid"] if task_is_there else None
    create_at_rest(stage, uid=uid, task="task")
    reads, store = Reads(connection, [stage.namespace]), Store()
    for job in (await reads.jobs()).items:
        store.jobs.put(job)
    orphans = Orphans(store, reads, Writes(connection, "test"), Metrics(), DeletionQueue(1000, wall_clock))
    await orphans.remove()
    assert ["deletionTimestamp" in job["metadata"] for job in stage.jobs()] == [False], "not at first sight"
    await orphans.remove()
    deleting = ["deletionTimestamp" in job["metadata"] for job in stage.jobs()]
    assert deleting in ([[False]] if task_is_there else [[True], []])


async def test_a_job_that_has_changed_since_it_was_looked_at_is_left_for_the_next_time(stage, connection):
    name = create_at_rest(stage)
    reads, store, metrics = Reads(connection, [stage.namespace]), Store(), Metrics()
    for job in (await reads.jobs()).items:
        store.jobs.put(job)
    label = {"metadata": {"labels": {"somebody": "cares"}}}
    checked(stage.admin.patch(f"{jobs_path(stage.namespace)}/{name}", label))
    orphans = Orphans(store, reads, Writes(connection, "test"), metrics, DeletionQueue(1000, wall_clock))
    await orphans.remove()
    await orphans.remove()
    assert ["deletionTimestamp" in job["metadata"] for job in stage.jobs()] == [False]
    assert metrics.registry.get_sample_value("evertask_orphans_deleted_total") == 0
