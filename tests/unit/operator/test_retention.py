"""Which finished tasks a namespace has too many of: the oldest, failed ones last, never a child that is needed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from evertask.api.protocol import State
from evertask_operator.decisions import decide
from evertask_operator.records import Parent, TaskKey, TaskUid
from evertask_operator.retention import FinishedTasks, finish_time
from evertask_operator.settings import RetentionSettings, Settings
from evertask_operator.store import Store
from tests.support.situations import CREATED, RUN, UID, make_task

COMPLETED, FAILED, CANCELLED = State.COMPLETED, State.FAILED, State.CANCELLED


def finished(name, state=COMPLETED, *, namespace="shop", version=100, **later):
    task = make_task().finished(state, **later).record()
    return replace(task, key=TaskKey(namespace, name), uid=TaskUid(name), version=version)


def store_of(limit, *tasks):
    store = Store()
    store.limit_finished(limit)
    for task in tasks:
        store.put_task(task)
    return store


def beyond(store):
    return {key.name for key in store.tasks if store.is_beyond_limit(key)}


# --- which go first ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        pytest.param(0, "", id="no-limit"),
        pytest.param(6, "", id="fewer"),
        pytest.param(5, "", id="as-many"),
        pytest.param(4, "a", id="one-too-many"),
        pytest.param(2, "abd", id="cancelled-ones-go-by-their-age"),
        pytest.param(1, "abcd", id="failed-ones-last"),
    ],
)
def test_the_oldest_go_first_and_failed_ones_last(limit, names):
    tasks = [
        finished("e", FAILED, hours=1),
        finished("d", CANCELLED, seconds=4),
        finished("c", FAILED, seconds=0),
        finished("b", COMPLETED, seconds=3),
        finished("a", COMPLETED, seconds=2),
    ]
    assert beyond(store_of(limit, *tasks)) == set(names)


def test_a_namespace_is_not_charged_for_another():
    tasks = [finished(f"t-{n}", namespace=f"ns-{n % 2}", seconds=n) for n in range(4)]
    assert beyond(store_of(2, *tasks)) == set()


def test_tasks_of_the_same_instant_go_by_their_names():
    assert beyond(store_of(1, finished("b"), finished("a"), finished("c"))) == {"a", "b"}


@pytest.mark.parametrize("text", [None, "yesterday", 7, "2026-13-45T00:00:00Z"])
def test_a_finish_time_that_cannot_be_read_is_the_creation(text):
    task = make_task().finished().with_status(finishTime=text).record()
    assert finish_time(task) == CREATED


# --- what comes and goes -----------------------------------------------------------------------------------


def test_a_task_that_becomes_one_too_many_is_looked_at():
    store = store_of(2, finished("a", seconds=1), finished("b", seconds=2))
    looked: list[TaskKey] = []
    store.look_again = looked.append
    store.put_task(finished("c", seconds=3))
    assert looked == [TaskKey("shop", "a")]


@pytest.mark.parametrize("how", ["deleted", "registered anew", "being deleted"])
def test_one_that_goes_makes_room(how):
    store = store_of(2, *(finished(name, seconds=n) for n, name in enumerate("abc")))
    newest = store.tasks[TaskKey("shop", "c")]
    if how == "deleted":
        store.drop_task(newest)
    elif how == "being deleted":
        store.put_task(replace(newest, version=101, deleting=True))
    else:
        store.put_task(replace(newest, version=101, status={"state": "Pending"}))
    assert beyond(store) == set()


def test_random_lives_leave_the_newest():
    luck, store, version = random.Random(11), store_of(20), 100
    for _ in range(3000):
        version += 1
        name = f"t-{luck.randrange(60)}"
        state = luck.choice([COMPLETED, CANCELLED, FAILED])
        task = finished(name, state, version=version, seconds=luck.randrange(40))
        if luck.random() < 0.3 and task.key in store.tasks:
            store.drop_task(store.tasks[task.key])
        else:
            store.put_task(task)
        order = sorted(
            store.tasks.values(), key=lambda t: (t.state is FAILED, t.status["finishTime"], t.key.name)
        )
        assert beyond(store) == {t.key.name for t in order[: max(0, len(order) - 20)]}


def test_nothing_is_left_of_tasks_that_are_gone():
    tasks = FinishedTasks(3)
    for n in range(10):
        tasks.put(finished(f"t-{n}"))
    for n in range(10):
        tasks.drop(TaskKey("shop", f"t-{n}"))
    assert vars(tasks) == vars(FinishedTasks(3))


# --- children ----------------------------------------------------------------------------------------------


def child(name, **later):
    return replace(finished(name, **later), parent=Parent(UID, RUN))


def test_a_child_is_not_counted_while_its_parents_run_is_open():
    parent = make_task().claimed()
    store = store_of(1, parent.record(), child("a"), child("b"), finished("c"))
    assert beyond(store) == set()
    ended = replace(parent.with_status(runs={RUN: None}).record(), version=101)
    store.put_task(ended)
    assert beyond(store) == {"a", "b"}


def test_a_child_counts_when_its_parent_is_gone():
    parent = make_task().claimed().record()
    store = store_of(1, parent, child("a"), child("b"))
    store.drop_task(parent)
    assert beyond(store) == {"a"}


def test_a_child_that_is_known_before_its_parent_is_needed_all_the_same():
    store = store_of(1, child("a"), child("b"), make_task().claimed().record())
    assert beyond(store) == set()


# --- what is decided ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "goes"),
    [
        pytest.param(make_task().finished(), True, id="completed"),
        pytest.param(make_task().finished(FAILED), True, id="failed"),
        pytest.param(
            make_task(ttlAfterFinished="87600h").finished(), True, id="its-own-ttl-does-not-protect-it"
        ),
        pytest.param(make_task().finished().edited(incarnation=1), False, id="registered-anew"),
        pytest.param(
            make_task().finished().dispatched_in().knowing(parent=make_task().claimed().record()),
            False,
            id="needed-by-its-parent",
        ),
    ],
)
def test_one_too_many_is_deleted(task, goes):
    assert decide(task.knowing(beyond_limit=True).situation()).delete_task is goes


@pytest.mark.parametrize(("state", "seconds"), [(COMPLETED, 60), (CANCELLED, 60), (FAILED, 120)], ids=str)
def test_how_long_a_task_is_kept_is_a_setting(state, seconds):
    kept = RetentionSettings(completed=timedelta(minutes=1), failed=timedelta(minutes=2))
    task = make_task().finished(state).knowing(settings=Settings(retention=kept))
    assert decide(task.at(seconds=seconds).situation()).delete_task
    assert not decide(task.at(seconds=seconds - 0.001).situation()).delete_task
