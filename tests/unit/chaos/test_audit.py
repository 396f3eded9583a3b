"""The auditor finds what is lost, executed twice or miscounted, and nothing in a world where all went well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.chaos.audit import Finding, Kind, audit
from benchmarks.chaos.records import (
    Asked,
    Call,
    Deed,
    How,
    What,
    World,
)
from tests.support.chaos_worlds import (
    CREATE,
    CREATED,
    GOOD,
    PENDING,
    RUN,
    RUNNING,
    a_call,
    a_life,
    asked,
    hit,
    kinds,
    over,
    series,
)


def test_nothing_is_found_where_all_went_well():
    assert audit(GOOD) == []


# --- lost ------------------------------------------------------------------------------------------------------


def test_a_task_that_was_created_and_never_seen_is_lost():
    assert kinds(replace(GOOD, asked=(CREATE, Asked(CREATED, "other", Deed.CREATE)))) == [Kind.LOST]


def test_a_task_that_is_gone_before_its_end_is_lost():
    world = World(calls=(a_call(),), lives=(a_life(RUNNING, gone=CREATED + 5),), asked=(CREATE,))
    assert audit(world) == [Finding(Kind.LOST, "task", "is gone in state InProgress")]


@pytest.mark.parametrize(
    ("life", "deeds"),
    [
        (a_life(RUNNING, gone=CREATED + 5), (Deed.DELETE,)),
        (a_life(RUNNING, over(), gone=CREATED + 9), ()),
    ],
    ids=["deleted", "expired"],
)
def test_a_task_that_was_deleted_or_has_expired_is_not_lost(life, deeds):
    assert kinds(World(calls=(a_call(),), lives=(life,), asked=asked(*deeds))) == []


def test_a_run_that_is_gone_without_an_outcome_is_lost():
    pending = {"state": "Pending", "launches": 1, "runs": {}}
    life = a_life(RUNNING, pending, spec={"recurrence": {"cron": "* * * * *"}})
    assert kinds(World(calls=(a_call(),), lives=(life,))) == [Kind.LOST]


@pytest.mark.parametrize(
    ("payload", "children", "found"),
    [
        ({"children": 2}, 2, []),
        ({"next_steps": 3}, 1, []),
        ({"children": 2}, 1, [Kind.LOST]),
        ({"children": 2}, 3, [Kind.TWICE]),
        ({"next_steps": 1}, 0, [Kind.LOST]),
    ],
    ids=["a-fan", "a-chain", "one-is-missing", "one-too-many", "a-broken-chain"],
)
def test_a_task_has_the_children_that_its_payload_says(payload, children, found):
    parent = a_life(RUNNING, over(), spec={"payload": payload})
    others = [a_life(PENDING, uid=f"c{n}", name=f"c{n}", parent="u", gone=CREATED) for n in range(children)]
    deleted = tuple(Asked(CREATED, one.name, Deed.DELETE) for one in others)
    assert kinds(World(calls=(a_call(),), lives=(parent, *others), asked=deleted)) == found


def test_a_chain_that_broke_with_its_callback_is_not_lost():
    error = {"callback": "on_completed", "message": "killed"}
    parent = a_life(RUNNING, over(run={"callbackErrors": [error]}), spec={"payload": {"next_steps": 1}})
    assert kinds(World(calls=(a_call(),), lives=(parent,))) == []


# --- series ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "world", [series(3), series(2, skipped=1), series(1, missed=2), series(1, missed=1, skipped=1)]
)
def test_each_occurrence_has_run_or_is_counted_as_left_out(world):
    assert audit(world) == []


@pytest.mark.parametrize("world", [series(2), series(3, skipped=1)], ids=["nowhere", "twice"])
def test_an_occurrence_that_is_accounted_for_nowhere_or_twice_is_found(world):
    assert kinds(world) == [Kind.LOST]


def test_what_waited_when_a_series_ended_is_not_lost():
    world = series(2)
    (life,) = world.lives
    waiting = life.versions[-2].status | {"waiting": [{"run": f"s{int(CREATED) + 30}"}]}
    versions = (*life.versions[:-2], replace(life.versions[-2], status=waiting), life.last)
    assert kinds(replace(world, lives=(replace(life, versions=versions),))) == []


def test_a_schedule_that_was_edited_has_no_grid_to_count_by():
    assert kinds(replace(series(2), asked=asked(Deed.EDIT))) == []


@pytest.mark.parametrize(
    "counts",
    [{"runs": 4}, {"succeeded": 2, "failed": 1}],
    ids=["the-sum-is-another", "other-outcomes-than-were-seen"],
)
def test_counts_that_do_not_add_up_are_found(counts):
    assert set(kinds(series(3, **counts))) == {Kind.COUNTS}


def test_fewer_launches_than_launch_numbers_are_found():
    last = over(run={"launch": 2}) | {"launches": 1}
    world = World(calls=(a_call(launch=2),), lives=(a_life(last),))
    assert kinds(world) == [Kind.COUNTS]


# --- executed twice --------------------------------------------------------------------------------------------


def twice(second: Call, *, spec: dict[str, Any] | None = None, **run: Any) -> World:
    first = a_call(end=None, how=How.UNKNOWN)
    last = over(run={"launch": second.launch, **run})
    return World(calls=(first, second), lives=(a_life(RUNNING, last, spec=spec or {}),), asked=(CREATE,))


AGAIN = a_call(launch=2, start=CREATED + 3, end=CREATED + 4, pod=f"et-u-{RUN}-2-abc")


def test_a_relaunch_that_is_recorded_is_no_fault():
    assert audit(twice(AGAIN, interruptions=1)) == []


@pytest.mark.parametrize(
    "world",
    [
        twice(AGAIN),
        twice(a_call(start=CREATED + 3, end=CREATED + 4)),
        twice(replace(AGAIN, attempt=2)),
        twice(replace(AGAIN, run="s5"), interruptions=1),
        twice(replace(AGAIN, launch=3, start=CREATED + 20, end=CREATED + 21), interruptions=1),
    ],
    ids=["relaunch", "same-launch", "retry", "of-no-run", "after-the-end"],
)
def test_a_second_call_that_nothing_accounts_for_is_found(world):
    assert Kind.TWICE in kinds(world)


def test_a_retry_that_is_recorded_is_no_fault():
    calls = (a_call(how=How.RAISED), a_call(attempt=2, start=CREATED + 3, end=CREATED + 4))
    assert kinds(World(calls=calls, lives=(a_life(RUNNING, over(run={"failedAttempts": 1})),))) == []


def test_a_retry_of_a_call_that_had_returned_is_found():
    calls = (a_call(), a_call(attempt=2, start=CREATED + 3, end=CREATED + 4))
    world = World(calls=calls, lives=(a_life(RUNNING, over(run={"failedAttempts": 1})),))
    assert kinds(world) == [Kind.TWICE]
    assert kinds(replace(world, disturbances=hit(What.HANDLER_KILL))) == []


def test_two_calls_of_a_run_at_the_same_time_are_found():
    calls = (a_call(end=CREATED + 3.5), AGAIN)
    world = World(calls=calls, lives=(a_life(RUNNING, over(run={"launch": 2, "interruptions": 1})),))
    assert kinds(world) == [Kind.TWICE]


def test_a_relaunch_under_fail_is_found_though_it_is_recorded():
    assert kinds(twice(AGAIN, interruptions=1, spec={"onInterruption": "Fail"})) == [Kind.UNDER_FAIL]
