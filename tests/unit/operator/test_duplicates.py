"""Of the tasks that have one key, one holds it; the others wait and say for which."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from evertask.api.keys import key_name
from evertask.api.protocol import Condition, State
from evertask_operator.decisions import decide
from evertask_operator.records import TaskKey, TaskRecord, TaskUid
from evertask_operator.resources.conditions import find_condition, is_set
from evertask_operator.store import Store
from tests.support.situations import RUN, make_task

KEY = "daily"
SERIES = {"every": "10s"}


def other(name="first", task=None, *, later=0):
    """Another task with the key, created ``later`` seconds than those of the builders."""
    record = (task or make_task()).with_spec(taskKey=KEY).record()
    uid, created = TaskUid(f"uid-of-{name}"), record.created + timedelta(seconds=later)
    return replace(record, key=TaskKey("shop", name), uid=uid, created=created)


def duplicate(task=None, holder=None):
    return (task or make_task()).with_spec(taskKey=KEY).knowing(key_holder=holder or other())


def reason_of(status):
    condition = find_condition(status, Condition.ACCEPTED) or {}
    return condition.get("status"), condition.get("reason")


# --- what becomes of a task whose key another one holds ------------------------------------------------------


@pytest.mark.parametrize(
    "spec", [{}, {"delay": "1h"}, {"recurrence": SERIES}], ids=["now", "later", "series"]
)
def test_a_duplicate_is_held_and_names_the_holder(spec):
    plan = decide(duplicate(make_task(**spec)).situation())
    assert plan.status is not None
    assert (plan.status["state"], plan.opens_run) == (State.PENDING, None)
    assert reason_of(plan.status) == ("False", "DuplicateKey")
    assert "'daily' is held by EverTask first" in plan.status["message"]
    assert [(note.type, note.reason) for note in plan.notes] == [("Warning", "DuplicateKey")]


def test_a_duplicate_is_told_of_once():
    task = duplicate()
    held = task.with_status(**(decide(task.situation()).status or {}))
    plan = decide(held.at(minutes=1).situation())
    assert (plan.status, plan.notes) == (None, ())


def test_a_duplicate_is_accepted_when_the_holder_is_gone():
    task = duplicate()
    healed = task.with_status(**(decide(task.situation()).status or {})).knowing(key_holder=None)
    plan = decide(healed.situation())
    assert plan.opens_run
    assert plan.status is not None
    assert is_set(plan.status, Condition.ACCEPTED, "True")


def test_an_unclaimed_launch_is_withdrawn_for_the_holder():
    plan = decide(duplicate(make_task().launched().with_job().with_pod()).situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}
    assert plan.status["state"] == State.PENDING
    assert [deletion.job.launch for deletion in plan.deletions] == []  # its Job goes once nobody can claim it
    withdrawn = duplicate(make_task().launched().with_job()).with_status(**plan.status)
    assert [deletion.job.launch for deletion in decide(withdrawn.situation()).deletions] == [1]


def test_an_unclaimed_run_of_a_series_is_withdrawn_for_the_holder():
    series = make_task(recurrence=SERIES).launched().with_job()
    plan = decide(duplicate(series).situation())
    assert plan.status is not None
    assert plan.status["runs"] == {RUN: None}
    assert reason_of(plan.status) == ("False", "DuplicateKey")


@pytest.mark.parametrize(
    "task",
    [make_task().claimed().with_job().with_pod(), make_task().finished().at(minutes=1)],
    ids=["started", "finished"],
)
def test_what_has_started_or_is_finished_is_left_alone(task):
    plan = decide(duplicate(task).situation())
    assert (plan.status, plan.notes, plan.deletions) == (None, (), ())


def test_a_duplicate_can_be_cancelled():
    plan = decide(duplicate(make_task().cancelled()).situation())
    assert plan.status is not None
    assert plan.status["state"] == State.CANCELLED


def test_the_bearer_of_the_keys_name_says_that_it_waits_for_a_run_only():
    task = replace(duplicate(holder=other(task=make_task().claimed())), key=TaskKey("shop", KEY))
    plan = decide(task.situation())
    assert plan.status is not None
    assert "has the same key and runs; this one is accepted when that run is over" in plan.status["message"]


# --- who holds a key -----------------------------------------------------------------------------------------

NAMED = key_name("shop", KEY)
CASES = [
    pytest.param([other("a", later=1), other("b")], "b", id="the-oldest"),
    pytest.param([other("b"), other("a")], "a", id="of-the-same-second-the-lower-uid"),
    pytest.param([other("a"), other(NAMED, later=60)], NAMED, id="the-bearer-of-its-name"),
    pytest.param(
        [other("a", make_task().launched()), other(NAMED, later=60)], NAMED, id="before-one-launched"
    ),
    pytest.param(
        [other("a", make_task().finished()), other(NAMED, later=60)], NAMED, id="before-a-finished-one"
    ),
    pytest.param(
        [other("a", make_task().claimed()), other(NAMED, later=60)], "a", id="but-not-before-one-that-runs"
    ),
    pytest.param(
        [other("a", make_task().finished()), other("b", later=1)], "a", id="a-finished-one-still-holds"
    ),
    pytest.param([other("a"), other("b", make_task().claimed(), later=1)], "b", id="one-that-runs"),
]


@pytest.mark.parametrize(("tasks", "holder"), CASES)
@pytest.mark.parametrize("order", [1, -1], ids=["as-seen", "seen-backwards"])
def test_one_holds_the_key_in_whatever_order_they_appear(tasks, holder, order):
    store = Store()
    for task in tasks[::order]:
        store.put_task(task)
    found = {task.key.name: store.key_holder_of(task) for task in tasks}
    assert found.pop(holder) is None
    assert {record.key.name for record in found.values() if record} == {holder}


def test_a_key_is_held_in_its_own_namespace_and_as_it_is_written():
    store, task = Store(), other()
    elsewhere = replace(task, key=TaskKey("bar", "first"), uid=TaskUid("x"))
    differing = replace(
        task, key=TaskKey("shop", "b"), uid=TaskUid("y"), spec={**task.spec, "taskKey": "Daily"}
    )
    keyless = replace(task, key=TaskKey("shop", "c"), uid=TaskUid("z"), spec={"handler": "a:b"})
    for record in (task, elsewhere, differing, keyless):
        store.put_task(record)
    assert [store.key_holder_of(record) for record in (task, elsewhere, differing, keyless)] == [None] * 4


def at_version(record, version, **changes):
    return replace(record, version=version, **changes)


@pytest.fixture
def watched():
    store, woken = Store(), []
    store.look_again = lambda key: woken.append(key.name)
    for task in (other("a"), other("b", later=1), other("c", later=2)):
        store.put_task(task)
    assert woken == [], "nothing has changed for those that were there"
    return store, woken


def test_the_others_are_looked_at_again_when_the_holder_is_deleted(watched):
    store, woken = watched
    store.drop_task(other("a"))
    assert sorted(woken) == ["b", "c"]
    assert store.key_holder_of(other("c", later=2)).key.name == "b"


def test_all_are_looked_at_again_when_the_bearer_of_the_name_appears(watched):
    store, woken = watched
    store.put_task(other(NAMED, later=9))
    assert sorted(woken) == sorted(["a", "b", "c", NAMED])


def test_all_are_looked_at_again_when_the_run_of_a_task_without_the_name_is_over(watched):
    store, woken = watched
    store.put_task(at_version(other("a"), 200, status=make_task().claimed().status))
    store.put_task(other(NAMED, later=9))
    assert woken == [], "a runs, and holds its key"
    store.put_task(at_version(other("a"), 201, status=make_task().finished().status))
    assert sorted(woken) == sorted(["a", "b", "c", NAMED])


def test_what_does_not_change_the_holder_wakes_nobody(watched):
    store, woken = watched
    store.put_task(at_version(other("b", later=1), 200, status={"message": "held"}))
    store.put_task(at_version(other("a"), 200, status={"message": "waits"}))
    store.drop_task(other("c", later=2))
    assert woken == []


def test_the_index_is_empty_when_all_are_gone_and_can_be_filled_again(watched):
    store, _ = watched
    for name, later in (("b", 1), ("a", 0), ("c", 2)):
        store.drop_task(other(name, later=later))
    store.put_task(other("d"))
    assert store.key_holder_of(other("d")) is None


def test_whatever_happens_the_holder_is_the_lowest_of_those_that_are_there():
    there: dict[str, TaskRecord] = {}
    luck, store, version = random.Random(5), Store(), 100
    for _ in range(400):
        name, version = luck.choice(["a", "b", "c", NAMED]), version + 1
        if name in there and luck.random() < 0.3:
            store.drop_task(there.pop(name))
        else:
            task = luck.choice([make_task(), make_task().claimed(), make_task().finished()])
            there[name] = at_version(other(name, task, later=len(name)), version)
            store.put_task(there[name])
        running = [n for n in there if there[n].runs_now]
        candidates = running or list(there)
        holders = {n for n, record in there.items() if store.key_holder_of(record) is None}
        named = {NAMED} if NAMED in candidates else {min(candidates)} if candidates else set()
        assert holders == named
