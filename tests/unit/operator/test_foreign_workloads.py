"""Jobs and pods of other namespaces that bear a task's labels say nothing about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization
from evertask_operator.cluster import Reads
from evertask_operator.knowledge import Knowledge
from evertask_operator.settings import Settings
from evertask_operator.store import Store
from tests.support.situations import CREATED, UID, make_job, make_pod, make_task

TASK = make_task().claimed().record()
FORGED_POD = make_pod(namespace="elsewhere", version=9999, phase="Failed", termination_message="{}")
FORGED_JOB = make_job(namespace="elsewhere", version=9999, failed_reason="Failed")


@pytest.fixture
def store():
    made = Store()
    made.put_task(TASK)
    return made


@pytest.fixture
def knowledge(store):
    nowhere = Credentials("http://127.0.0.1:1", None, Authorization(lambda _afresh: None))
    return Knowledge(Settings(), store, Reads(Connection(nowhere), []), lambda: CREATED)


@pytest.mark.parametrize("forged_first", [True, False], ids=["forged-first", "forged-last"])
def test_a_pod_or_job_of_another_namespace_is_not_decided_from(store, knowledge, forged_first):
    pods, jobs = [make_pod(), FORGED_POD], [make_job(), FORGED_JOB]
    for pod, job in list(zip(pods, jobs, strict=True))[:: -1 if forged_first else 1]:
        store.pods.put(pod)
        store.jobs.put(job)
    situation = knowledge.situation(TASK)
    assert (situation.pods, situation.jobs) == ((make_pod(),), (make_job(),))


def test_the_end_of_one_in_another_namespace_takes_nothing_away(store, knowledge):
    store.pods.put(make_pod())
    store.jobs.put(make_job())
    store.pods.drop(FORGED_POD)
    store.job_deleted(FORGED_JOB)
    situation = knowledge.situation(TASK)
    assert (situation.pods, situation.jobs) == ((make_pod(),), (make_job(),))


def test_it_is_an_orphan_where_it_is(store):
    store.jobs.put(make_job())
    store.jobs.put(FORGED_JOB)
    assert store.without_a_task() == [FORGED_JOB]


def test_it_goes_with_the_task_from_what_is_known(store):
    store.jobs.put(FORGED_JOB)
    store.drop_task(replace(TASK))
    assert store.jobs.of(UID) == ()
