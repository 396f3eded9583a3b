"""Tasks that a run has dispatched: their pod template, and how long they stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evertask.api.protocol import Condition
from evertask_operator.decisions import decide
from evertask_operator.decisions.plans import Plan
from evertask_operator.records import Parent, TaskKey, TaskUid
from evertask_operator.resources.conditions import find_condition
from evertask_operator.store import Store
from tests.support.situations import RUN, make_task

TEMPLATE = {"spec": {"nodeSelector": {"a": "b"}}}
SERIES = {"every": "10s"}


def parent(task=None, *, namespace="shop", **spec):
    record = (task or make_task().claimed()).with_spec(**spec).record()
    return replace(record, key=TaskKey(namespace, "parent"), uid=TaskUid("parent"))


def refusal_of(task):
    plan = decide(task.situation())
    condition = find_condition(plan.status or {}, Condition.ACCEPTED) or {}
    return condition.get("reason"), condition.get("message", "")


# --- the pod template ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [{}, {"recurrence": SERIES}], ids=["one-shot", "series"])
def test_a_child_with_another_template_than_its_parents_is_held(spec):
    child = make_task(podTemplate=TEMPLATE, **spec).dispatched_in()
    reason, message = refusal_of(child.knowing(parent=parent()))
    assert reason == "PodTemplateNotAllowed"
    assert "EverTask parent has another" in message
    assert "evertask.io/parent-uid" in message
    assert decide(child.situation()).opens_run is None


def test_a_child_with_a_template_and_an_unknown_parent_is_held():
    reason, message = refusal_of(make_task(podTemplate=TEMPLATE).dispatched_in(uid="gone"))
    assert reason == "PodTemplateNotAllowed"
    assert "no task with the UID gone" in message


ALLOWED = [
    pytest.param(
        make_task(podTemplate=TEMPLATE).dispatched_in().knowing(parent=parent(podTemplate=TEMPLATE)),
        id="its-parents-template",
    ),
    pytest.param(make_task().dispatched_in(), id="no-template"),
    pytest.param(make_task(podTemplate=TEMPLATE), id="nobodys-child"),
    pytest.param(
        make_task(podTemplate=TEMPLATE).dispatched_in().condition(Condition.ACCEPTED, "True"),
        id="accepted-before",
    ),
]


@pytest.mark.parametrize("task", ALLOWED)
def test_it_runs_with(task):
    assert decide(task.situation()).opens_run


def test_an_empty_template_is_not_the_same_as_none():
    child = make_task(podTemplate={}).dispatched_in().knowing(parent=parent())
    assert refusal_of(child)[0] == "PodTemplateNotAllowed"


def test_a_child_that_is_held_is_healed_by_leaving_the_template_out():
    child = make_task(podTemplate=TEMPLATE).dispatched_in()
    held = child.with_status(**(decide(child.situation()).status or {}))
    assert decide(held.edited(podTemplate=None).situation()).opens_run


# --- expiry --------------------------------------------------------------------------------------------------

CHILD = make_task(ttlAfterFinished="1m").finished().dispatched_in().at(minutes=5)


@pytest.mark.parametrize(
    ("around", "goes"),
    [
        pytest.param({"parent": parent()}, False, id="its-run-is-open"),
        pytest.param({"parent": parent(make_task().launched(2))}, False, id="its-run-is-launched-again"),
        pytest.param({"parent": parent(make_task().finished())}, True, id="its-run-is-over"),
        pytest.param({"parent": parent(make_task().claimed(run_id="s1"))}, True, id="another-run-is-open"),
        pytest.param({}, True, id="its-parent-is-gone"),
    ],
)
def test_an_expired_child_goes_when(around, goes):
    assert decide(CHILD.knowing(**around).situation()).delete_task is goes


def test_a_child_that_says_no_run_waits_for_none():
    assert decide(CHILD.dispatched_in("").knowing(parent=parent()).situation()).delete_task


def test_a_child_that_has_time_left_is_looked_at_when_it_is_over():
    plan = decide(CHILD.knowing(parent=parent()).at(seconds=30).situation())
    assert (plan.delete_task, plan.wake is not None) == (False, True)


def test_an_expired_child_that_must_stay_costs_nothing():
    assert decide(CHILD.knowing(parent=parent()).situation()) == Plan()


# --- who is whose parent -------------------------------------------------------------------------------------


def child(name="child", *, namespace="shop", uid="parent", version=1):
    made = make_task().record()
    return replace(
        made,
        key=TaskKey(namespace, name),
        uid=TaskUid(name),
        version=version,
        parent=Parent(TaskUid(uid), RUN) if uid else None,
    )


@pytest.fixture
def watched():
    store, woken = Store(), []
    store.look_again = lambda key: woken.append(key.name)
    for task in (parent(), child()):
        store.put_task(task)
    return store, woken


def test_a_parent_is_found_by_its_uid(watched):
    assert watched[0].parent_of(child()).key.name == "parent"


@pytest.mark.parametrize(
    "record",
    [child(namespace="other"), child(uid="unknown"), child(uid=None)],
    ids=["namespace", "uid", "none"],
)
def test_a_task_has_no_parent(watched, record):
    assert watched[0].parent_of(record) is None


CHANGES = [
    pytest.param(parent(make_task().finished()), True, id="its-run-is-over"),
    pytest.param(parent(podTemplate=TEMPLATE), True, id="its-template-is-another"),
    pytest.param(parent(make_task().claimed().with_status(message="x")), False, id="it-says-something"),
]


@pytest.mark.parametrize(("after", "woken"), CHANGES)
def test_a_change_of_the_parent_wakes_its_children(watched, after, woken):
    store, names = watched
    store.put_task(replace(after, version=200))
    assert names == (["child"] if woken else [])


def test_the_deletion_of_the_parent_wakes_its_children(watched):
    store, names = watched
    store.drop_task(parent())
    assert names == ["child"]
    assert store.parent_of(child()) is None


@pytest.mark.parametrize("how", ["deleted", "label-removed", "another-parent"])
def test_who_is_no_child_any_more_is_not_woken(watched, how):
    store, names = watched
    if how == "deleted":
        store.drop_task(child())
    else:
        store.put_task(child(uid=None if how == "label-removed" else "x", version=2))
    store.drop_task(parent())
    assert names == []


def test_a_child_of_another_run_is_still_its_child(watched):
    store, names = watched
    store.put_task(replace(child(version=2), parent=Parent(TaskUid("parent"), "s1")))
    store.drop_task(parent())
    assert names == ["child"]
