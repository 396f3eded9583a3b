"""The ids of what a run dispatches: the same at each launch, another for each of several equal ones."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from evertask.children import RunScope, current_run, inside_run

HANDLER = "shop.emails:Send"


def make_scope(**change: Any) -> RunScope:
    facts: dict[str, Any] = {
        "task_uid": "6b1d0b5e-0000-4000-8000-000000000002",
        "task_name": "order-17",
        "namespace": "shop",
        "run_id": "s1795487555",
    }
    return RunScope(**facts | change)


def ids(scope: RunScope, count: int) -> list[Any]:
    return [scope.child(HANDLER, {"user": 1}, {}).id for _ in range(count)]


def test_another_launch_of_the_run_gives_the_same_ids():
    assert ids(make_scope(), 3) == ids(make_scope(), 3)


def test_another_attempt_gives_the_same_ids():
    scope = make_scope()
    scope.begin_attempt()
    first = ids(scope, 3)
    scope.begin_attempt()
    assert ids(scope, 3) == first


def test_no_attempt_meets_what_was_dispatched_before_the_first():
    scope = make_scope()
    by_on_started = ids(scope, 2)
    scope.begin_attempt()
    first = ids(scope, 3)
    scope.begin_attempt()
    assert ids(scope, 3) == first
    assert not set(first) & set(by_on_started)


def test_what_on_retry_dispatches_is_counted_for_each_retry_by_itself():
    def told(retry: int) -> list[Any]:
        scope = make_scope()
        scope.begin_attempt()
        first = ids(scope, 1)
        scope.begin_retry(retry)
        return first + ids(scope, 2)

    assert told(1) == told(1)
    assert len(set(told(1) + told(2))) == 5


def test_equal_children_have_ids_of_their_own():
    assert len(set(ids(make_scope(), 3))) == 3


@pytest.mark.parametrize(
    ("change", "child"),
    [
        pytest.param({"run_id": "s1795487556"}, (HANDLER, {"user": 1}, {}), id="run"),
        pytest.param(
            {"task_uid": "6b1d0b5e-0000-4000-8000-000000000003"}, (HANDLER, {"user": 1}, {}), id="task"
        ),
        pytest.param({}, ("shop.emails:Other", {"user": 1}, {}), id="handler"),
        pytest.param({}, (HANDLER, {"user": 2}, {}), id="payload"),
        pytest.param({}, (HANDLER, {"user": True}, {}), id="true-is-not-one"),
        pytest.param({}, (HANDLER, {"user": 1}, {"delay": "0:00:05"}), id="timing"),
    ],
)
def test_another_child_has_another_id(change, child):
    assert make_scope(**change).child(*child).id not in ids(make_scope(), 3)


def test_the_order_of_a_payloads_keys_means_nothing():
    one = make_scope().child(HANDLER, {"a": 1, "b": 2}, {})
    assert make_scope().child(HANDLER, {"b": 2, "a": 1}, {}) == one


def test_a_dispatch_that_failed_is_repeated_under_its_id():
    scope = make_scope()
    children = [scope.child(HANDLER, {}, {}) for _ in range(3)]
    scope.give_back(children[2])
    scope.give_back(children[0])
    assert scope.child(HANDLER, {}, {}) == children[0]
    assert scope.child(HANDLER, {}, {}) == children[2]
    assert scope.child(HANDLER, {}, {}).number == 3


def test_a_failure_of_an_earlier_attempt_gives_nothing_back():
    scope = make_scope()
    scope.begin_attempt()
    late = scope.child(HANDLER, {}, {})
    scope.begin_attempt()
    first = scope.child(HANDLER, {}, {})
    scope.give_back(late)
    assert first.id == late.id
    assert scope.child(HANDLER, {}, {}).id != late.id


def test_threads_of_a_run_never_share_an_id():
    scope, seen = make_scope(), []
    threads = [threading.Thread(target=lambda: seen.extend(ids(scope, 200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 800


def test_there_is_a_run_only_inside_of_it_and_in_every_thread():
    scope, seen = make_scope(), []
    with inside_run(scope):
        thread = threading.Thread(target=lambda: seen.append(current_run()))
        thread.start()
        thread.join()
    assert seen == [scope]
    assert current_run() is None


def test_the_runner_is_told_of_each_child():
    names: list[str] = []
    make_scope(report=names.append).dispatched("task-1")
    make_scope().dispatched("task-2")
    assert names == ["task-1"]
