"""Each change of the state is noted in the write that makes it, as far as the audit level keeps it."""

from __future__ import annotations

import json

import pytest

from evertask.api.audit import AuditLevel
from evertask.api.protocol import MAX_TRANSITIONS, TRANSITIONS_BYTES, State
from evertask_operator.decisions import decide
from evertask_operator.decisions.relaunching import give_up_the_launch
from tests.support.series_worlds import SeriesWorld
from tests.support.situations import RUN, instant, make_task

DEAD = {"phase": "Failed", "exit_code": 1}
ERROR = {
    "type": "ValueError",
    "message": "no such report",
    "time": instant(),
    "traceback": "deep in the shop",
}


def transitions(task):
    return (decide(task.situation()).status or {}).get("transitions")


def states(task):
    return [entry["state"] for entry in transitions(task) or ()]


def entry(state, *, run=None, **later):
    return {"time": instant(**later), "state": str(state)} | ({"run": run} if run else {})


def queued():
    """A run that was launched, and the entry that says so."""
    return make_task(retry={"limit": 0}).claimed().with_status(transitions=[entry(State.QUEUED, run=RUN)])


# --- what is noted -------------------------------------------------------------------------------------------


def test_a_task_that_is_launched_is_queued_from_then_on():
    assert transitions(make_task().at(seconds=1)) == [entry(State.QUEUED, run=RUN, seconds=1)]


def test_a_task_begins_as_pending_and_that_is_no_change():
    plan = decide(make_task(delay="5m").situation())
    assert plan.status is not None
    assert "transitions" not in plan.status


def test_a_write_that_does_not_change_the_state_notes_nothing():
    plan = decide(make_task(delay="5m").with_status(state="Pending").edited(delay="6m").situation())
    assert plan.status is not None
    assert "transitions" not in plan.status


def test_no_write_is_made_for_the_claim_alone():
    task = queued().with_job().with_pod()
    assert decide(task.situation()).status is None


def test_an_outcome_that_the_operator_commits_notes_the_claim_too():
    task = queued().with_status(runs={RUN: {"startTime": instant(seconds=2)}})
    found = transitions(task.with_job().with_pod(**DEAD).at(seconds=9))
    assert [(e["time"], e["state"], e.get("run")) for e in found] == [
        (instant(seconds=9), "Failed", RUN),
        (instant(seconds=2), "InProgress", RUN),
        (instant(), "Queued", RUN),
    ]
    assert found[0]["message"].startswith("PodFailed: ")


def test_the_start_that_only_the_termination_message_knows_is_noted():
    said = {
        "run": RUN,
        "launch": 1,
        "phase": "Succeeded",
        "startTime": instant(seconds=3),
        "endTime": instant(seconds=4),
    }
    found = transitions(
        queued().with_job().with_pod(**DEAD, termination_message=json.dumps(said)).at(seconds=9)
    )
    assert [(e["time"], e["state"]) for e in found[:2]] == [
        (instant(seconds=4), "Completed"),
        (instant(seconds=3), "InProgress"),
    ]


def test_a_start_that_is_still_to_come_is_not_noted_as_past():
    task = queued().with_status(runs={RUN: {"startTime": instant(seconds=2)}})
    found = transitions(task.with_job().with_pod(**DEAD).at(seconds=1))
    assert found[1]["time"] == instant(seconds=1)


@pytest.mark.parametrize("start", ["yesterday", None])
def test_a_start_that_cannot_be_read_is_now(start):
    task = queued().with_status(runs={RUN: {"startTime": start}})
    found = transitions(task.with_job().with_pod(**DEAD).at(seconds=9))
    assert found[1] == entry(State.IN_PROGRESS, run=RUN, seconds=9)


def test_a_claim_that_is_noted_is_not_noted_again():
    known = [entry(State.IN_PROGRESS, run=RUN), entry(State.QUEUED, run=RUN)]
    task = queued().with_status(transitions=known).with_job().with_pod(**DEAD)
    assert states(task) == ["Failed", "InProgress", "Queued"]


def test_an_interruption_is_noted_with_its_reason():
    task = queued().with_job().with_pod(**{**DEAD, "exit_code": 143})
    assert states(task) == ["Queued", "InProgress", "Queued"]
    assert "was told to stop" in transitions(task)[0]["message"]


def test_a_launch_that_is_given_up_notes_that_the_task_is_due():
    task = make_task(delay="5s").launched(scheduledTime=instant(seconds=5)).with_status(state="Pending")
    plan = give_up_the_launch(task.at(seconds=6).situation())
    assert plan.status is not None
    assert plan.status["transitions"][0]["state"] == State.QUEUED


CHANGES = [
    pytest.param(
        make_task().launched().cancelled(), "Cancelled", RUN, "cancelled before it started", id="cancelled"
    ),
    pytest.param(make_task().launched().suspended(), "Pending", None, "suspended: set", id="suspended"),
    pytest.param(make_task(podTemplate={"x": 1}).launched(), "Pending", None, "podTemplate.x", id="refused"),
    pytest.param(
        make_task().finished().edited(incarnation=1), "Pending", None, "armed anew", id="armed-anew"
    ),
    pytest.param(make_task().knowing(room="maxRunning (1)"), "Queued", None, "waits for room", id="no-room"),
    pytest.param(make_task().launched().edited(delay="1h"), "Pending", None, None, id="moved"),
]


@pytest.mark.parametrize(("task", "state", "run", "message"), CHANGES)
def test_a_change_says_its_run_and_its_reason(task, state, run, message):
    newest = transitions(task)[0]
    assert (newest["state"], newest.get("run")) == (state, run)
    assert (message in newest["message"]) if message else ("message" not in newest)


def test_what_is_known_stays_below_what_is_new():
    known = [entry(State.FAILED, run="s1")]
    assert transitions(make_task().with_status(transitions=known))[1:] == known


# --- levels and bounds ---------------------------------------------------------------------------------------

LEVELS = [
    (None, ["Failed", "InProgress", "Queued"]),
    ("Full", ["Failed", "InProgress", "Queued"]),
    ("Minimal", ["Failed", "Queued"]),
    ("ErrorsOnly", ["Failed", "Queued"]),
    ("None", None),
]


@pytest.mark.parametrize(("level", "kept"), LEVELS)
def test_a_failure_is_kept_by_level(level, kept):
    """The entry that is there already was made at another level: it stays."""
    task = queued().with_spec(auditLevel=level).with_job().with_pod(**DEAD)
    assert (states(task) or None) == kept


@pytest.mark.parametrize("level", ["Minimal", "ErrorsOnly", "None"])
def test_what_is_no_failure_is_kept_at_full_only(level):
    assert transitions(make_task(auditLevel=level)) is None
    assert transitions(make_task(auditLevel=level).launched().cancelled()) is None


def test_many_changes_stay_within_their_bounds():
    known = [
        {**entry(State.FAILED, run=f"s{number}"), "message": "x" * 500} for number in range(MAX_TRANSITIONS)
    ]
    kept = transitions(make_task().with_status(transitions=known))
    assert kept[0]["state"] == "Queued"
    assert len(json.dumps(kept, separators=(",", ":"))) <= TRANSITIONS_BYTES
    short = [entry(State.FAILED, run=f"s{number}") for number in range(MAX_TRANSITIONS)]
    assert len(transitions(make_task().with_status(transitions=short))) == MAX_TRANSITIONS


# --- series --------------------------------------------------------------------------------------------------


def world(level=None, *, error=None, seconds=25, **rest):
    made = SeriesWorld({"every": "10s", **rest}, spec={"auditLevel": level} if level else {}, error=error)
    made.pass_time(seconds)
    return made


def test_a_run_of_a_series_is_queued_starts_and_is_waited_for_again():
    found = [(e["state"], e.get("run") is not None) for e in world(seconds=15).status["transitions"]]
    assert found == [("Pending", False), ("InProgress", True), ("Queued", True)]


def test_the_past_of_a_series_costs_no_write():
    assert world("Full", seconds=65).writes == world("None", seconds=65).writes


HISTORIES = [
    (None, None, ["Succeeded"] * 2),
    ("Minimal", None, ["Succeeded"] * 2),
    ("ErrorsOnly", None, []),
    ("None", None, []),
    ("ErrorsOnly", ERROR, ["Failed"] * 2),
    ("None", ERROR, []),
]


@pytest.mark.parametrize(("level", "error", "outcomes"), HISTORIES)
def test_the_history_keeps_runs_by_level(level, error, outcomes):
    made = world(level, error=error)
    assert [e["outcome"] for e in made.status.get("history", ())] == outcomes
    assert made.counts("runs") == (2,), "what is counted does not depend on it"


def test_a_failed_run_keeps_its_error_in_the_history():
    newest = world(error=ERROR).status["history"][0]
    assert newest["message"] == "ValueError: no such report"
    assert newest["error"] == {"type": "ValueError", "traceback": "deep in the shop"}


@pytest.mark.parametrize("level", list(AuditLevel))
@pytest.mark.parametrize("error", [None, ERROR], ids=["succeeds", "fails"])
def test_a_series_runs_at_each_level_alike(level, error):
    """A slow handler, pods made before their time: what follows must not depend on what is kept."""
    made = SeriesWorld({"every": "5s"}, 7.0, 1.0, 2.0, spec={"auditLevel": str(level)}, error=error)
    made.pass_time(121)
    assert made.nominal() == [float(n) for n in range(5, 121, 10)]
