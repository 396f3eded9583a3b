"""The auditor finds what it is there to find, and nothing in a world where all went well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.chaos.audit import Finding, Kind, audit
from benchmarks.chaos.records import (
    Asked,
    Call,
    Deed,
    Disturbance,
    How,
    JobLife,
    Left,
    Life,
    Version,
    What,
    World,
)

CREATED = 1_800_000_000.0
RUN = "s1800000000"
ENDED = "2027-01-15T08:00:10Z"
"""Ten seconds after the creation."""


def a_call(**given: Any) -> Call:
    usual = Call("u", "task", RUN, 1, 1, f"et-u-{RUN}-1-abc", CREATED + 1, CREATED + 2, How.RETURNED)
    return replace(usual, **given)


def entry(**given: Any) -> dict[str, Any]:
    return {"launch": 1, "phase": "Running", "podName": f"et-u-{RUN}-1-abc", **given}


def a_life(*statuses: dict[str, Any], **given: Any) -> Life:
    spec = given.pop("spec", {})
    versions = tuple(Version(CREATED + n, spec, status) for n, status in enumerate(statuses))
    return replace(Life("u", "task", CREATED, versions), **given)


def over(state: str = "Completed", phase: str = "Succeeded", **given: Any) -> dict[str, Any]:
    """Give a one-shot's last status."""
    which = {"Succeeded": "succeeded", "Failed": "failed"}.get(phase)
    run = entry(phase=phase, endTime=ENDED) | given.pop("run", {})
    counts = {"runs": 1, which: 1} if which else {}
    return {"state": state, "launches": run["launch"], "runs": {RUN: run}, "counts": counts, **given}


PENDING = {"state": "Pending"}
RUNNING = {"state": "InProgress", "launches": 1, "runs": {RUN: entry()}}
CREATE = Asked(CREATED, "task", Deed.CREATE)
GOOD = World(calls=(a_call(),), lives=(a_life(RUNNING, over()),), asked=(CREATE,))


def asked(*deeds: Deed) -> tuple[Asked, ...]:
    return (CREATE, *(Asked(CREATED + 1, "task", deed) for deed in deeds))


def hit(what: What, launch: int = 1) -> tuple[Disturbance, ...]:
    return (Disturbance(CREATED + 1.5, what, f"et-u-{RUN}-{launch}-abc"),)


def kinds(world: World) -> list[Kind]:
    return [finding.kind for finding in audit(world)]


def failed(kind: str, *, spec: dict[str, Any] | None = None, **run: Any) -> Life:
    return a_life(RUNNING, over("Failed", "Failed", error={"type": kind}, run=run), spec=spec or {})


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


def series(count: int, **counts: int) -> World:
    """A series of 10 s whose watermark stands at its third occurrence, and so many runs that succeeded."""
    spec = {"recurrence": {"every": "10s"}}
    statuses, calls = [], []
    for number in range(1, count + 1):
        run = f"s{int(CREATED) + 10 * number}"
        statuses.append({"state": "InProgress", "launches": number, "runs": {run: entry(launch=number)}})
        done = entry(launch=number, phase="Succeeded", endTime="2027-01-15T08:10:00Z")
        statuses.append({"state": "InProgress", "launches": number, "runs": {run: done}})
        calls.append(a_call(run=run, launch=number))
    summed = {"runs": count, "succeeded": count, **counts}
    last = {"state": "Completed", "launches": count, "runs": {}, "counts": summed}
    statuses.append(last | {"lastScheduledTime": "2027-01-15T08:00:30Z"})
    return World(calls=tuple(calls), lives=(a_life(*statuses, spec=spec),), asked=(CREATE,))


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
