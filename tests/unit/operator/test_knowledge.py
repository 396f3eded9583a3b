"""What decisions are made from: who holds a key, who is whose child, how long pods of a queue take, who ended what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from evertask.api.protocol import DEFAULT_QUEUE, State
from evertask.connection import Connection, Credentials
from evertask.connection.credentials import Authorization
from evertask_operator.cluster import Reads
from evertask_operator.knowledge import Knowledge
from evertask_operator.records import Parent, TaskKey, TaskUid
from evertask_operator.settings import Settings
from evertask_operator.store import Store
from tests.support.situations import CREATED, RUN, instant, make_task

COLD = timedelta(seconds=3)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def knowledge(store):
    nowhere = Credentials("http://127.0.0.1:1", None, Authorization(lambda _afresh: None))
    return Knowledge(Settings(), store, Reads(Connection(nowhere), []), lambda: CREATED)


def named(name, task, version=100, **changes):
    return replace(task.record(), key=TaskKey("shop", name), uid=TaskUid(name), version=version, **changes)


# --- queues --------------------------------------------------------------------------------------------------


def launched_in(knowledge, queue, seconds, times=5):
    """Tell it of launches in a queue."""
    for number in range(times):
        task = make_task(queue=queue).launched(launchTime=instant(), readyTime=instant(seconds=seconds))
        knowledge.note_launch(named(f"{queue}-{number}-{seconds}", task))


def lead(knowledge, queue):
    return knowledge.situation(make_task(queue=queue).record()).lead


def test_the_lead_is_learned_by_queue(knowledge):
    launched_in(knowledge, "slow", 8)
    launched_in(knowledge, "quick", 0.6)
    assert lead(knowledge, "quick") < COLD < lead(knowledge, "slow")
    assert lead(knowledge, "unknown") == COLD


def test_a_task_without_a_queue_is_in_the_default_one(knowledge):
    launched_in(knowledge, None, 8)
    assert lead(knowledge, None) == lead(knowledge, DEFAULT_QUEUE) == knowledge.lead > COLD


# --- who a task has to do with -------------------------------------------------------------------------------


def test_a_situation_knows_who_holds_the_key(store, knowledge):
    first, second = (named(name, make_task(taskKey="daily")) for name in ("a", "b"))
    for task in (first, second):
        store.put_task(task)
    holder = knowledge.situation(second).key_holder
    assert holder is not None
    assert holder.key.name == "a"
    assert knowledge.situation(first).key_holder is None


def test_a_situation_knows_its_parent(store, knowledge):
    child = named("child", make_task(), parent=Parent(TaskUid("a"), RUN))
    store.put_task(named("a", make_task()))
    parent = knowledge.situation(child).parent
    assert parent is not None
    assert parent.uid == "a"


# --- ends that others have written ---------------------------------------------------------------------------

RUNNING = make_task().claimed()
FAILED = make_task().finished(State.FAILED, seconds=5).with_status(message="ValueError: no\nsuch report")


def notes(knowledge, *records):
    for record in records:
        knowledge.take_in(record)
    return [(note.reason, note.message) for note in knowledge.memory(records[-1]).notes]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (FAILED, [("Failed", "ValueError: no")]),
        (make_task().finished(State.CANCELLED).with_status(message="stopped"), [("Cancelled", "stopped")]),
        (make_task().finished(State.COMPLETED), []),
        (make_task().claimed().with_status(message="x"), []),
        (FAILED.with_spec(auditLevel="None"), []),
        (FAILED.with_spec(recurrence={"every": "10s"}), []),
    ],
    ids=["failed", "cancelled", "completed", "still-running", "level-none", "a-series-tells-itself"],
)
def test_an_end_that_a_runner_wrote_is_told(knowledge, after, expected):
    assert notes(knowledge, named("a", RUNNING), named("a", after, 101)) == expected


def test_an_end_is_told_once_however_often_it_is_seen(knowledge):
    seen = [named("a", RUNNING), *(named("a", FAILED, version) for version in (101, 101, 100, 102))]
    assert len(notes(knowledge, *seen)) == 1


def test_an_end_that_was_there_before_is_not_told(knowledge):
    assert notes(knowledge, named("a", FAILED)) == []


def test_the_end_of_an_earlier_task_of_the_name_is_not_told_of_the_new_one(knowledge):
    new = replace(named("a", FAILED, 101), uid=TaskUid("another"))
    assert notes(knowledge, named("a", RUNNING), new) == []


def test_each_incarnation_has_its_end(knowledge):
    again = make_task(incarnation=1).finished(State.FAILED, seconds=60).with_status(message="again")
    assert len(notes(knowledge, named("a", RUNNING), named("a", FAILED, 101), named("a", again, 102))) == 2


def test_an_end_that_the_operator_wrote_is_not_told_twice(knowledge):
    """The watch may tell of it before the API server's answer is here."""
    before = named("a", RUNNING)
    knowledge.take_in(before)
    knowledge.memory(before).ended_by_us = FAILED.status["finishTime"]
    assert notes(knowledge, named("a", FAILED, 101)) == []


def test_only_what_is_new_is_taken_in(knowledge):
    assert [knowledge.take_in(named("a", RUNNING, version)) for version in (100, 100, 99, 101)] == [
        True,
        False,
        False,
        True,
    ]
