"""The store: an older version never wins, and what vanished is dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evertask.api.protocol import State
from evertask_operator.records import TaskKey, TaskUid
from evertask_operator.store import Store
from tests.support.situations import RUN, UID, make_job, make_pod, make_task

TASK = make_task().launched().record()


def at(record, version, **changes):
    return replace(record, version=version, **changes)


@pytest.fixture
def store():
    made = Store()
    made.put_task(TASK)
    return made


@pytest.mark.parametrize(("version", "wins"), [(99, False), (100, False), (101, True)])
def test_only_a_newer_task_replaces_one(store, version, wins):
    assert store.put_task(at(TASK, version)) is wins
    assert store.tasks[TASK.key].version == max(version, 100)


@pytest.mark.parametrize(("version", "wins"), [(99, False), (101, True)])
def test_a_new_task_of_the_same_name_replaces_the_old_unless_it_is_older(store, version, wins):
    store.jobs.put(make_job())
    other = at(TASK, version, uid=TaskUid("other"))
    assert store.put_task(other) is wins
    assert store.tasks[TASK.key].uid == ("other" if wins else UID)
    assert (store.key_of(UID) is None) is wins
    assert (store.jobs.of(UID) == ()) is wins


def test_a_deleted_task_takes_what_is_known_of_it_along(store):
    store.jobs.put(make_job())
    store.pods.put(make_pod())
    store.drop_task(TASK)
    assert store.tasks == {}
    assert store.key_of(UID) is None
    assert (len(store.jobs), len(store.pods)) == (0, 0)


def test_the_deletion_of_the_old_task_does_not_drop_the_new_one(store):
    store.put_task(at(TASK, 101, uid=TaskUid("other")))
    store.drop_task(TASK)
    assert store.tasks[TASK.key].uid == "other"


def test_dropping_what_is_unknown_changes_nothing():
    store = Store()
    store.drop_task(TASK)
    store.jobs.drop(make_job())
    assert store.states.total() == 0


def test_tasks_are_counted_by_state(store):
    store.put_task(at(TASK, 101, status={"state": "InProgress"}))
    assert (store.states[State.QUEUED], store.states[State.IN_PROGRESS]) == (0, 1)
    store.drop_task(TASK)
    assert store.states.total() == 0


@pytest.mark.parametrize(("version", "wins"), [(200, False), (201, False), (202, True)])
def test_only_a_newer_job_replaces_one(store, version, wins):
    store.jobs.put(make_job())
    assert store.jobs.put(make_job(version=version, complete=True)) is wins
    assert store.jobs.of(UID)[0].complete is wins


def test_a_job_that_vanishes_while_its_run_is_open_is_remembered(store):
    store.jobs.put(make_job())
    store.job_deleted(make_job(version=300))
    assert [job.gone for job in store.jobs.of(UID)] == [True]


@pytest.mark.parametrize(
    "job",
    [make_job(2), make_job(run_id="s1"), make_job(task_uid=TaskUid("other"))],
    ids=["launch", "run", "task"],
)
def test_a_job_that_vanishes_without_its_run_is_forgotten(store, job):
    store.jobs.put(job)
    store.job_deleted(job)
    assert store.jobs.of(job.task_uid) == ()


def test_a_job_that_is_gone_is_forgotten_with_its_run(store):
    store.job_deleted(make_job())
    store.put_task(at(TASK, 101, status=make_task().finished().status))
    assert store.jobs.of(UID) == ()


def test_a_job_that_is_gone_is_forgotten_with_its_launch(store):
    store.job_deleted(make_job())
    store.put_task(at(TASK, 101, status=make_task().launched(2).status))
    assert store.jobs.of(UID) == ()


def test_our_own_deletion_is_noted(store):
    store.jobs.put(make_job())
    store.deletion_asked(make_job())
    assert [job.deleting for job in store.jobs.of(UID)] == [True]


def test_our_own_deletion_brings_no_job_back_that_is_gone(store):
    job = make_job(run_id="s1")
    store.jobs.put(job)
    store.job_deleted(job)  # the watch was faster than the answer to our request
    store.deletion_asked(job)
    assert store.jobs.of(UID) == ()


def test_a_relist_shows_what_vanished(store):
    store.jobs.put(make_job(1))
    store.jobs.put(make_job(2))
    assert store.jobs.vanished({(UID, make_job(1).name)}, as_of=999) == [make_job(2)]


def test_what_is_newer_than_the_list_has_not_vanished(store):
    store.jobs.put(make_job(1, version=1000))
    assert store.jobs.vanished(set(), as_of=999) == []


@pytest.mark.parametrize(
    ("seen", "as_of", "vanished"),
    [([], 100, [TASK]), ([], 99, []), ([UID], 100, [])],
    ids=["vanished", "newer-than-the-list", "listed"],
)
def test_a_relist_shows_which_tasks_vanished(store, seen, as_of, vanished):
    assert store.vanished_tasks(seen, as_of) == vanished


def test_the_run_of_the_tests_is_open():
    assert list(TASK.open_runs) == [RUN]


def test_tasks_that_are_due_in_the_same_second_are_counted_until_they_are_not(store):
    due = {"nextRunTime": "2026-11-24T12:00:05.250Z"}
    first, second = (
        replace(TASK, key=TaskKey("shop", name), uid=TaskUid(name), status=due) for name in ("one", "two")
    )
    store.put_task(first)
    store.put_task(second)
    assert store.due_together(first) == 2
    store.put_task(at(second, 101, status={"nextRunTime": "2026-11-24T12:00:06Z"}))
    assert store.due_together(first) == 1
    store.drop_task(first)
    assert store.due_together(TASK) == 1, "a task that says no time is due alone"


PUTS = [
    pytest.param(make_job(version=300), False, id="only-the-version"),
    pytest.param(make_job(version=300, complete=True), True, id="a-field"),
    pytest.param(make_job(version=300, uid="another"), True, id="another-of-its-name"),
    pytest.param(make_job(version=100, complete=True), False, id="older"),
    pytest.param(make_job(2), True, id="another"),
]


@pytest.mark.parametrize(("record", "is_new"), PUTS)
def test_a_job_is_worth_a_look_where_anything_but_its_version_is_new(store, record, is_new):
    assert store.jobs.put(make_job())
    assert store.jobs.put(record) is is_new


def test_a_version_that_brings_nothing_new_is_remembered_all_the_same(store):
    store.pods.put(make_pod())
    assert not store.pods.put(make_pod(version=400))
    assert [pod.version for pod in store.pods.of(UID)] == [400]
