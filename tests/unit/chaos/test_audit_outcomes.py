"""The auditor finds wrong outcomes, and what is not over or not gone after the calm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.chaos.audit import Kind, audit
from benchmarks.chaos.records import (
    Deed,
    How,
    JobLife,
    Left,
    What,
    World,
)
from tests.support.chaos_worlds import (
    CREATED,
    GOOD,
    PENDING,
    RUN,
    RUNNING,
    a_call,
    a_life,
    asked,
    failed,
    hit,
    kinds,
    over,
)

# --- outcomes --------------------------------------------------------------------------------------------------

RAISED = a_call(how=How.RAISED)
RETRIED = {"retry": {"limit": 1}}


def test_a_success_without_a_call_that_returned_is_found():
    assert kinds(replace(GOOD, calls=(RAISED,))) == [Kind.OUTCOME]


def test_a_success_with_the_result_of_no_call_is_found():
    told = {"pod": f"et-u-{RUN}-1-abc", "launch": 1, "attempt": 1}
    right, wrong = over(result=told), over(result=told | {"attempt": 2})
    assert kinds(replace(GOOD, lives=(a_life(RUNNING, right),))) == []
    assert kinds(replace(GOOD, lives=(a_life(RUNNING, wrong),))) == [Kind.OUTCOME]


@pytest.mark.parametrize(
    ("life", "call", "disturbances"),
    [
        (failed("ConnectionError"), RAISED, ()),
        (failed("ConnectionError", spec={"retry": {"limit": 0}}), RAISED, ()),
        (failed("HandlerProcessDied"), a_call(), hit(What.RUNNER_KILL)),
        (failed("PodFailed", spec={"payload": {"dies": 1}}), a_call(), ()),
        (failed("Interrupted", spec={"onInterruption": "Fail"}), a_call(), hit(What.EVICT)),
        (failed("TimeoutError", spec={"timeout": "1s"}), a_call(how=How.STOPPED), ()),
    ],
    ids=["its-own", "no-retries", "killed", "it-dies", "interrupted", "timeout"],
)
def test_a_failure_with_its_cause_is_right(life, call, disturbances):
    assert audit(World(calls=(call,), lives=(life,), disturbances=disturbances)) == []


@pytest.mark.parametrize(
    ("life", "call", "disturbances"),
    [
        (failed("ConnectionError"), a_call(), ()),
        (failed("ConnectionError", spec=RETRIED), RAISED, ()),
        (failed("HandlerProcessDied"), a_call(), hit(What.EVICT)),
        (failed("Interrupted"), a_call(), hit(What.EVICT)),
        (failed("Interrupted", spec={"onInterruption": "Fail"}), a_call(), ()),
        (failed("TimeoutError"), a_call(how=How.STOPPED), ()),
        (failed("TimeoutError", spec={"timeout": "5s"}), a_call(how=How.STOPPED), ()),
        (failed("HandlerNotFound"), a_call(), ()),
    ],
    ids=[
        "it-returned",
        "attempts-left",
        "nobody-killed-it",
        "relaunch-was-due",
        "nothing-was-done",
        "no-limit",
        "too-early",
        "no-such-cause",
    ],
)
def test_a_failure_without_its_cause_is_found(life, call, disturbances):
    assert kinds(World(calls=(call,), lives=(life,), disturbances=disturbances)) == [Kind.OUTCOME]


CANCELLED = a_life(RUNNING, over("Cancelled", "Cancelled"))


@pytest.mark.parametrize(
    "given",
    [
        {"asked": asked(Deed.CANCEL)},
        {"disturbances": hit(What.POD_DELETE)},
        {"lives": (a_life(RUNNING, over("Cancelled", "Cancelled", run={"stop": "Replaced"})),)},
    ],
    ids=["asked", "pod-deleted-by-hand", "replaced"],
)
def test_a_cancellation_that_somebody_asked_for_is_right(given):
    world = World(calls=(a_call(how=How.STOPPED),), lives=(CANCELLED,))
    assert kinds(replace(world, **given)) == []


def test_a_cancellation_that_nobody_asked_for_is_found():
    world = World(calls=(a_call(how=How.STOPPED),), lives=(CANCELLED,), disturbances=hit(What.EVICT))
    assert kinds(world) == [Kind.OUTCOME]


def test_a_state_that_is_not_its_runs_outcome_is_found():
    life = a_life(RUNNING, over("Failed"))
    assert kinds(replace(GOOD, lives=(life,))) == [Kind.OUTCOME]
    assert kinds(World(lives=(a_life({"state": "Completed"}),))) == [Kind.OUTCOME]


def test_a_final_state_that_changes_is_found_unless_the_task_was_armed_anew():
    back = {"state": "Pending", "runs": {}}
    assert Kind.CHANGED in kinds(replace(GOOD, lives=(a_life(RUNNING, over(), back),)))
    anew = back | {"incarnation": 1, "counts": over()["counts"], "launches": 1}
    assert Kind.CHANGED not in kinds(replace(GOOD, lives=(a_life(RUNNING, over(), anew),)))


# --- after the calm --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "deeds"),
    [
        (a_life(RUNNING), ()),
        (a_life(PENDING), ()),
        (a_life(over()), (Deed.DELETE,)),
        (a_life(PENDING, spec={"cancel": True, "suspend": True}), (Deed.CANCEL,)),
        (a_life(over(), spec={"incarnation": 1}), (Deed.REARM,)),
        (a_life(RUNNING | {"state": "Pending"}, spec={"recurrence": {"cron": "* * * * *"}}), ()),
        (a_life(PENDING | {"waiting": [{}]}, spec={"recurrence": {"cron": "* * * * *"}}), ()),
    ],
    ids=["running", "never-run", "deleted", "cancelled", "armed-anew", "series-open-run", "series-waiting"],
)
def test_what_is_not_over_after_the_calm_is_stuck(life, deeds):
    world = World(
        calls=(a_call(),) if life.last.status.get("runs") else (), lives=(life,), asked=asked(*deeds)
    )
    assert Kind.STUCK in kinds(world)


@pytest.mark.parametrize(
    "life",
    [
        a_life(PENDING, spec={"suspend": True}),
        a_life(PENDING, spec={"recurrence": {"cron": "* * * * *"}}),
        a_life(PENDING, gone=CREATED + 1),
    ],
    ids=["suspended", "series-between-runs", "gone"],
)
def test_what_waits_by_its_users_wish_is_not_stuck(life):
    assert kinds(World(lives=(life,), asked=asked(Deed.DELETE) if life.gone else ())) == []


def left(**given: Any) -> Left:
    return replace(Left("Job", "et-u-1", "u", RUN, 1, is_over=True), **given)


@pytest.mark.parametrize(
    ("one", "keeps", "leaks"),
    [
        (left(), False, True),
        (left(), True, False),
        (left(is_over=False), True, True),
        (left(task_uid="gone"), True, True),
    ],
    ids=["over", "over-and-kept", "active", "of-no-task"],
)
def test_what_is_left_of_runs_that_are_over_is_leaked(one, keeps, leaks):
    assert kinds(replace(GOOD, left=(one,), keeps_jobs=keeps)) == [Kind.LEAKED] * leaks


def test_the_job_of_an_open_run_is_not_leaked():
    world = World(calls=(a_call(),), lives=(a_life(RUNNING),), left=(left(is_over=False),))
    assert kinds(world) == [Kind.STUCK]


def test_a_launch_number_of_two_jobs_is_found():
    jobs = (JobLife("j1", "et-u-1", "u", RUN, 1), JobLife("j2", "et-u-1", "u", RUN, 1))
    assert kinds(replace(GOOD, jobs=jobs)) == [Kind.LAUNCH]
    assert kinds(replace(GOOD, jobs=(jobs[0], jobs[0]))) == []
