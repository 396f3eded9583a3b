"""Every write of the operator with a stale view is refused, and leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from evertask.connection import Connection, load_credentials
from evertask_operator.cluster import Reads, Verdict, Writes
from evertask_operator.decisions import decide
from evertask_operator.decisions.plans import DeleteJob, Note
from evertask_operator.decisions.situation import Situation
from evertask_operator.resources.jobs import build_job
from evertask_operator.settings import RunnerSettings, Settings
from tests.support.live_tasks import checked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from evertask_operator.records import JobRecord, TaskRecord

RUN, STALE = "s1795487555", {"message": "written from a stale view"}


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


class Operator:
    """The operator's reads and writes, without an operator."""

    def __init__(self, connection: Connection, stage) -> None:
        self.reads = Reads(connection, [stage.namespace])
        self.writes = Writes(connection, "test")
        self.live = stage.task(suspend=True)
        self.stage = stage

    async def task(self) -> TaskRecord:
        tasks: list[TaskRecord] = (await self.reads.tasks()).items
        return next(task for task in tasks if task.key.name == self.live.name)

    async def create(self, launch: int = 1, **labels: str):
        manifest = build_job(await self.task(), RUN, launch, RunnerSettings(image="none"))
        manifest["metadata"]["labels"] |= labels
        return await self.writes.create_job(await self.task(), manifest)

    async def job(self) -> JobRecord:
        answer = await self.create()
        assert answer.verdict is Verdict.CREATED
        job: JobRecord = answer.job
        return job

    def job_path(self, job: JobRecord) -> str:
        return f"/apis/batch/v1/namespaces/{job.namespace}/jobs/{job.name}"

    def job_there(self, job: JobRecord) -> dict[str, object] | None:
        answer = self.stage.admin("GET", self.job_path(job))
        return None if answer.status == 404 else dict(checked(answer)["metadata"])


@pytest.fixture
def operator(connection, stage) -> Operator:
    return Operator(connection, stage)


# --- writes 2 and 7 ----------------------------------------------------------------------------------------


async def test_a_status_is_written_from_a_fresh_view(operator):
    task = await operator.task()
    written = await operator.writes.patch_status(task, {"message": "fresh"})
    assert written is not None
    assert written.version > task.version
    assert operator.live.status == {"message": "fresh"}


async def test_a_status_from_a_stale_view_is_refused(operator):
    task = await operator.task()
    operator.live.change(delay="1h")
    assert await operator.writes.patch_status(task, STALE) is None
    assert operator.live.status == {}


async def test_a_status_of_a_task_that_was_replaced_is_refused(operator):
    task = await operator.task()
    operator.live.delete()
    operator.stage.task(suspend=True)
    assert await operator.writes.patch_status(task, STALE) is None
    assert operator.live.status == {}


async def test_a_status_of_a_task_that_is_gone_is_refused(operator):
    task = await operator.task()
    operator.live.delete()
    assert await operator.writes.patch_status(task, STALE) is None
    assert not operator.live.exists()


async def test_of_two_operators_one_opens_the_run(operator):
    operator.live.change(suspend=False)
    task = await operator.task()
    plan = decide(Situation(task, task.created, Settings()))
    assert plan.status is not None
    first = await operator.writes.patch_status(task, plan.status)
    second = await operator.writes.patch_status(task, plan.status)
    assert first is not None
    assert second is None
    assert operator.live.status["launches"] == 1


# --- write 3 -----------------------------------------------------------------------------------------------


async def test_the_job_of_a_launch_is_made_once(operator):
    first, second = await operator.create(), await operator.create()
    assert (first.verdict, second.verdict) == (Verdict.CREATED, Verdict.CREATED)
    assert first.job is not None
    assert second.job is not None
    assert first.job.uid == second.job.uid


async def test_a_job_of_that_name_that_is_not_this_launchs_is_not_taken_for_it(operator):
    await operator.create(**{"evertask.io/run": "s1"})
    assert (await operator.create()).verdict is Verdict.NAME_TAKEN


async def test_a_foreign_job_of_that_name_is_left_alone(operator):
    manifest = build_job(await operator.task(), RUN, 1, RunnerSettings(image="none"))
    del manifest["metadata"]["ownerReferences"]
    path = f"/apis/batch/v1/namespaces/{operator.stage.namespace}/jobs"
    foreign = checked(operator.stage.admin("POST", path, manifest))
    assert (await operator.create()).verdict is Verdict.NAME_TAKEN
    assert checked(operator.stage.admin("GET", f"{path}/{foreign['metadata']['name']}")) is not None


async def test_a_job_that_is_being_deleted_is_not_taken_for_this_launchs(operator):
    job = await operator.job()
    operator.stage.admin.patch(operator.job_path(job), {"metadata": {"finalizers": ["example.com/hold"]}})
    checked(operator.stage.admin("DELETE", operator.job_path(job)))
    try:
        assert (await operator.create()).verdict is Verdict.NAME_TAKEN
    finally:
        operator.stage.admin.patch(operator.job_path(job), {"metadata": {"finalizers": None}})


async def test_a_job_that_the_api_server_refuses_for_its_content_is_wrong(operator):
    task = await operator.task()
    manifest = build_job(task, RUN, 1, RunnerSettings(image="none"))
    manifest["spec"]["template"]["spec"]["nodeSelectr"] = {}
    answer = await operator.writes.create_job(task, manifest)
    assert answer.verdict is Verdict.WRONG
    assert "spec.template.spec.nodeSelectr" in answer.message
    assert operator.stage.jobs() == []


# --- write 8 -----------------------------------------------------------------------------------------------


async def test_a_job_is_deleted_from_a_fresh_view(operator):
    job = await operator.reads.job(operator.stage.namespace, (await operator.job()).name)
    for _ in range(5):  # the Job controller writes its status meanwhile
        if await operator.writes.delete_job(DeleteJob(job, foreground=True)):
            break
        job = await operator.reads.job(job.namespace, job.name)
    eventually(lambda: operator.job_there(job), lambda meta: meta is None, 30)


STALE_JOBS = [
    pytest.param({"version": 1}, id="older-version"),
    pytest.param({"uid": "11111111-1111-4111-8111-111111111111"}, id="another-uid"),
]


@pytest.mark.parametrize("stale", STALE_JOBS)
async def test_the_deletion_of_a_job_from_a_stale_view_is_refused(operator, stale):
    job = await operator.job()
    assert not await operator.writes.delete_job(DeleteJob(replace(job, **stale), foreground=False))
    meta = operator.job_there(job)
    assert meta is not None
    assert "deletionTimestamp" not in meta


async def test_the_deletion_of_a_job_that_is_gone_is_done(operator):
    job = await operator.job()
    checked(operator.stage.admin("DELETE", operator.job_path(job), {"propagationPolicy": "Background"}))
    eventually(lambda: operator.job_there(job), lambda meta: meta is None, 30)
    assert await operator.writes.delete_job(DeleteJob(job, foreground=True))


async def test_the_deletion_of_a_task_from_a_stale_view_is_refused(operator):
    task = await operator.task()
    operator.live.change(ttlAfterFinished="1h")
    assert not await operator.writes.delete_task(task)
    assert operator.live.exists()


async def test_a_task_is_deleted_from_a_fresh_view_and_twice_does_not_matter(operator):
    task = await operator.task()
    assert await operator.writes.delete_task(task)
    assert await operator.writes.delete_task(task)
    assert not operator.live.exists()


async def test_the_deletion_of_a_task_that_was_replaced_is_refused(operator):
    task = await operator.task()
    operator.live.delete()
    operator.stage.task(suspend=True)
    assert not await operator.writes.delete_task(task)
    assert operator.live.exists()


# --- events ------------------------------------------------------------------------------------------------


async def test_an_event_is_found_where_a_person_looks(operator):
    await operator.writes.note(await operator.task(), Note("Warning", "Because", "x" * 3000))
    events = operator.stage.events(operator.live)
    assert [(e["type"], e["reason"], len(e["message"])) for e in events] == [("Warning", "Because", 1000)]
    assert events[0]["involvedObject"]["kind"] == "EverTask"
