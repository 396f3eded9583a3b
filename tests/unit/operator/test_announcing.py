"""Which ends of runs have an Event: failures and cancellations, once each, in one line."""

from __future__ import annotations

import json

import pytest

from evertask.api.protocol import Phase
from evertask_operator.decisions import decide
from evertask_operator.decisions.announcing import announce_end
from tests.support.series_worlds import SeriesWorld
from tests.support.situations import RUN, instant, make_task

ERROR = {"type": "ValueError", "message": "no such report\nin the shop", "time": instant()}
SERIES = {"every": "10s"}


def told(plan):
    return [(note.type, note.reason, note.message) for note in plan.notes]


def dead(task, phase="Failed", **said):
    """A pod that could not commit its outcome and left it in its termination message."""
    message = {"run": RUN, "launch": 1, "phase": phase, "endTime": instant(), **said}
    ended = {"phase": "Failed", "exit_code": 70, "termination_message": json.dumps(message)}
    return task.claimed().with_job().with_pod(**ended)


# --- what is said --------------------------------------------------------------------------------------------

ENDS = [
    (Phase.FAILED, "ValueError: no\nsuch report", [("Warning", "Failed", "ValueError: no")]),
    (Phase.FAILED, None, [("Warning", "Failed", "the run failed")]),
    (Phase.CANCELLED, "cancelled while it ran", [("Normal", "Cancelled", "cancelled while it ran")]),
    (Phase.CANCELLED, "", [("Normal", "Cancelled", "cancelled")]),
    (Phase.SUCCEEDED, "the handler returned", []),
]


@pytest.mark.parametrize(("phase", "message", "expected"), ENDS)
def test_an_end_is_said_in_one_line(phase, message, expected):
    assert [(n.type, n.reason, n.message) for n in announce_end({}, phase, message)] == expected


@pytest.mark.parametrize(("level", "count"), [("Full", 1), ("Minimal", 1), ("ErrorsOnly", 1), ("None", 0)])
@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELLED])
def test_at_the_level_none_nothing_is_said(level, count, phase):
    assert len(announce_end({"auditLevel": level}, phase, "x")) == count


# --- when ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [{}, {"recurrence": SERIES}], ids=["one-shot", "series"])
def test_a_failure_that_the_operator_commits_for_the_runner_is_told(spec):
    plan = decide(dead(make_task(**spec), error=ERROR).situation())
    assert told(plan) == [("Warning", "Failed", "ValueError: no such report")]


def test_a_success_that_the_operator_commits_is_not_told():
    assert decide(dead(make_task(), "Succeeded").situation()).notes == ()


def test_a_death_that_the_operator_explains_has_its_own_warning_only():
    task = make_task(retry={"limit": 0}).claimed().with_job()
    task = task.with_pod(phase="Failed", exit_code=137, exit_reason="OOMKilled")
    assert [note.reason for note in decide(task.situation()).notes] == ["OutOfMemory"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (make_task(delay="1h").cancelled(), "cancelled before it started"),
        (make_task().claimed().cancelled().knowing(verified=True), "cancelled while it ran"),
        (make_task(recurrence=SERIES).cancelled(), "cancelled: the series has ended"),
    ],
    ids=["waiting", "running", "series"],
)
def test_a_cancellation_is_told(task, message):
    assert told(decide(task.situation())) == [("Normal", "Cancelled", message)]


def test_a_cancellation_of_a_series_that_runs_is_told_once():
    world = SeriesWorld(SERIES, handler_seconds=30)
    world.pass_time(15)
    world.edit(cancel=True)
    world.pass_time(60)
    assert [(note.reason, note.message) for note in world.notes] == [
        ("Cancelled", "cancelled: the series has ended")
    ]


def test_a_pod_of_a_series_that_was_deleted_by_hand_is_told():
    task = make_task(recurrence=SERIES).claimed().with_job(gone=True).knowing(verified=True)
    ((type_, reason, message),) = told(decide(task.situation()))
    assert (type_, reason) == ("Normal", "Cancelled")
    assert "deleted by hand" in message


def test_a_run_that_makes_way_for_the_next_is_not_told():
    world = SeriesWorld({"every": "10s", "overlap": "Replace"}, handler_seconds=30)
    world.pass_time(45)
    assert world.counts("cancelled") == (3,)
    assert world.notes == []


def test_each_failed_run_of_a_series_is_told_in_the_same_words():
    world = SeriesWorld(SERIES, error=ERROR)
    world.pass_time(35)
    assert world.counts("failed") == (3,)
    assert [note.message for note in world.notes] == ["ValueError: no such report"] * 3


def test_runs_that_fail_at_once_are_all_told():
    world = SeriesWorld({"every": "2s", "overlap": "Allow"}, handler_seconds=3, error=ERROR)
    world.pass_time(3)
    world.stop_operator(8)
    world.pass_time(12)
    failed = [note for note in world.notes if note.reason == "Failed"]
    assert len(failed) == world.counts("failed")[0] > 1


def test_a_series_at_the_level_none_tells_of_no_run():
    world = SeriesWorld(SERIES, spec={"auditLevel": "None"}, error=ERROR)
    world.pass_time(35)
    assert (world.counts("failed"), world.notes) == ((3,), [])
