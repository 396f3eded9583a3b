"""What becomes of a task that is registered under a key: each cell of the table, and the id that tells."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from evertask import DispatchRefusedError, Registration, TaskId
from evertask.registration import Leave, Rewrite, Wait, Wanted, decide, says_the_same

HANDLER = {"handler": "shop.reports:MonthlyReport", "taskKey": "daily"}
ONE_SHOT = HANDLER | {"payload": {"region": "eu"}}
LATER = ONE_SHOT | {"runAt": "2026-03-01T12:00:00Z"}
SERIES = ONE_SHOT | {"recurrence": {"cron": "@daily"}}
OTHER_SERIES = ONE_SHOT | {"recurrence": {"cron": "@weekly"}}
OTHER = HANDLER | {"payload": {"region": "us"}, "timeout": "5m"}

UPDATED, REPLACED = Registration.UPDATED, Registration.REPLACED
UNCHANGED = Leave()
NO_ONE_SHOT = Leave("it is a series, which does not become a one-shot before it has ended")
RUNNING = Leave("it is running")


def found(spec: dict[str, Any], state: str | None = None, **more: Any) -> dict[str, Any]:
    """Give an object as the API server has it."""
    status = {"status": {"state": state}} if state else {}
    return {"metadata": {"name": "daily"}, "spec": spec | {"cancel": False, "suspend": False}} | status | more


def wanted(spec: dict[str, Any], **more: Any) -> Wanted:
    return Wanted({"metadata": {"name": "daily"}, "spec": spec}, **more)


def outcome(step: object) -> object:
    return step.outcome if isinstance(step, Rewrite) else step


@pytest.mark.parametrize("state", [None, "Pending", "Queued"])
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(ONE_SHOT, UNCHANGED, id="the-same"),
        pytest.param(OTHER, UPDATED, id="another-payload"),
        pytest.param(LATER, UPDATED, id="at-a-time"),
        pytest.param(SERIES, UPDATED, id="a-series"),
    ],
)
def test_a_one_shot_that_has_not_started_is_updated(state, made, expected):
    assert outcome(decide(wanted(made), found(ONE_SHOT, state))) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(ONE_SHOT, UNCHANGED, id="the-same"),
        pytest.param(OTHER, RUNNING, id="another-payload"),
        pytest.param(LATER, RUNNING, id="at-a-time"),
        pytest.param(SERIES, RUNNING, id="a-series"),
    ],
)
def test_a_one_shot_that_runs_is_left_as_it_is(made, expected):
    assert decide(wanted(made), found(ONE_SHOT, "InProgress")) == expected


@pytest.mark.parametrize("state", ["Pending", "Queued", "InProgress"])
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(ONE_SHOT, NO_ONE_SHOT, id="now"),
        pytest.param(LATER, NO_ONE_SHOT, id="at-a-time"),
        pytest.param(SERIES, UNCHANGED, id="the-same"),
        pytest.param(OTHER_SERIES, UPDATED, id="another-series"),
    ],
)
def test_a_series_goes_on_as_a_series(state, made, expected):
    assert outcome(decide(wanted(made), found(SERIES, state))) == expected


@pytest.mark.parametrize("state", ["Completed", "Failed", "Cancelled"])
@pytest.mark.parametrize("old", [ONE_SHOT, SERIES], ids=["one-shot", "series"])
@pytest.mark.parametrize("made", [ONE_SHOT, LATER, SERIES], ids=["now", "at-a-time", "series"])
def test_what_is_finished_starts_anew(state, old, made):
    assert outcome(decide(wanted(made), found(old, state))) is REPLACED


@pytest.mark.parametrize("state", [None, "Queued", "InProgress"])
@pytest.mark.parametrize("old", [ONE_SHOT, SERIES], ids=["one-shot", "series"])
def test_the_end_of_what_is_being_cancelled_is_waited_for(state, old):
    step = decide(wanted(ONE_SHOT), found(old | {"cancel": True}, state) | {"spec": old | {"cancel": True}})
    assert step == Wait("is being cancelled")


def test_the_end_of_what_is_being_deleted_is_waited_for():
    there = found(ONE_SHOT, metadata={"name": "daily", "deletionTimestamp": "2026-03-01T12:00:00Z"})
    assert decide(wanted(ONE_SHOT), there) == Wait("is being deleted")


def test_an_update_leaves_to_others_what_is_theirs():
    theirs = {"suspend": True, "runNow": "again", "incarnation": 3}
    step = decide(wanted(OTHER_SERIES), found(SERIES) | {"spec": SERIES | theirs})
    assert step == Rewrite(UPDATED, OTHER_SERIES | theirs)


def test_an_update_removes_what_is_not_said_any_more():
    step = decide(wanted(ONE_SHOT), found(OTHER | {"payloadFrom": [{"secretRef": {"name": "mail"}}]}))
    assert step == Rewrite(UPDATED, ONE_SHOT | {"suspend": False})


def test_a_replacement_begins_with_its_own_spec_and_the_next_incarnation():
    old = SERIES | {"cancel": True, "suspend": True, "runNow": "again", "incarnation": 3}
    there = {"metadata": {"name": "daily"}, "spec": old, "status": {"state": "Cancelled", "incarnation": 3}}
    assert decide(wanted(ONE_SHOT), there) == Rewrite(REPLACED, ONE_SHOT | {"incarnation": 4})


ARMED_ANEW = {
    "metadata": {"name": "daily"},
    "spec": ONE_SHOT | {"incarnation": 1},
    "status": {"state": "Completed"},
}


def test_one_that_is_armed_anew_and_not_taken_up_yet_is_unfinished():
    assert decide(wanted(ONE_SHOT), ARMED_ANEW) == UNCHANGED


def test_to_change_one_that_is_armed_anew_the_incarnation_is_raised_once_more():
    assert decide(wanted(OTHER), ARMED_ANEW) == Rewrite(UPDATED, OTHER | {"incarnation": 2})


def test_a_delay_of_an_update_is_an_instant_because_the_creation_is_past():
    made = wanted(ONE_SHOT | {"delay": "1h"}, run_at="2026-03-01T13:00:00Z")
    step = decide(made, found(ONE_SHOT | {"delay": "1h"}))
    assert step == Rewrite(UPDATED, ONE_SHOT | {"runAt": "2026-03-01T13:00:00Z", "suspend": False})


def test_a_delay_of_a_replacement_counts_from_now_by_itself():
    made = wanted(ONE_SHOT | {"delay": "1h"}, run_at="2026-03-01T13:00:00Z")
    step = decide(made, found(ONE_SHOT, "Completed"))
    assert step == Rewrite(REPLACED, ONE_SHOT | {"delay": "1h", "incarnation": 1})


@pytest.mark.parametrize("state", ["Pending", "Completed"])
def test_an_inherited_pod_template_does_not_touch_the_one_that_is_there(state):
    made = wanted(OTHER | {"podTemplate": {"spec": {"a": 1}}}, ignoring=frozenset({"podTemplate"}))
    step = decide(made, found(ONE_SHOT | {"podTemplate": {"spec": {"b": 2}}}, state))
    assert isinstance(step, Rewrite)
    assert step.spec["podTemplate"] == {"spec": {"b": 2}}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        pytest.param({"taskKey": "Daily"}, "belongs to the key 'Daily'", id="another-key"),
        pytest.param({}, r"has no spec\.taskKey", id="no-key"),
    ],
)
def test_the_object_of_another_task_is_named_and_left_alone(key, said):
    there = {"metadata": {"name": "daily"}, "spec": {"handler": "shop.reports:MonthlyReport"} | key}
    with pytest.raises(DispatchRefusedError, match=rf"needs the name daily.*{said}; choose another key"):
        decide(wanted(ONE_SHOT), there)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"timeout": "60m"}, {"timeout": "1h"}, True, id="durations"),
        pytest.param({"timeout": "60m"}, {"timeout": "61m"}, False, id="other-durations"),
        pytest.param(
            {"runAt": "2026-03-01T12:00:00Z"}, {"runAt": "2026-03-01T13:00:00.0+01:00"}, True, id="instants"
        ),
        pytest.param({"delay": "a while"}, {"delay": "a while"}, True, id="of-a-newer-schema"),
        pytest.param({"payload": {}}, {}, True, id="empty-payload"),
        pytest.param({"payload": {"a": 1}}, {"payload": {"a": 1.0}}, True, id="numbers"),
        pytest.param({"payload": {"a": 1}}, {"payload": {"a": True}}, False, id="one-and-true"),
        pytest.param({"payload": {"a": [0]}}, {"payload": {"a": [False]}}, False, id="nought-and-false"),
        pytest.param({"payload": {"a": None}}, {"payload": {}}, False, id="null-and-nothing"),
        pytest.param(
            {"suspend": True}, {"runNow": "x", "incarnation": 3, "cancel": False}, True, id="others"
        ),
        pytest.param({"queue": "a"}, {}, False, id="a-field-more"),
    ],
)
def test_when_two_specs_say_the_same(one, other, same):
    assert says_the_same(one, other) is same
    assert says_the_same(other, one) is same


ID = UUID("5c6d7a2e-0000-4000-8000-000000000001")
TASK_ID = TaskId(ID, name="daily", outcome=Registration.CREATED)


def test_a_task_id_is_a_uuid_in_every_way():
    assert isinstance(TASK_ID, UUID)
    assert TASK_ID == ID
    assert hash(TASK_ID) == hash(ID)
    assert len({ID, TASK_ID}) == 1
    assert (f"{TASK_ID}", TASK_ID.hex, TASK_ID.bytes, TASK_ID.int) == (str(ID), ID.hex, ID.bytes, ID.int)
    assert sorted([TASK_ID, UUID(int=0)]) == [UUID(int=0), ID]
    assert TypeAdapter(UUID).dump_json(TASK_ID) == json.dumps(str(ID)).encode()


@pytest.mark.parametrize(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        *(
            pytest.param(
                lambda one, protocol=number: pickle.loads(pickle.dumps(one, protocol)), id=f"pickle-{number}"
            )
            for number in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_a_task_id_keeps_what_it_tells(duplicate):
    again = duplicate(TASK_ID)
    assert (type(again), again, again.name, again.outcome) == (TaskId, ID, "daily", Registration.CREATED)


def test_a_task_id_does_not_change():
    with pytest.raises(TypeError, match="immutable"):
        TASK_ID.name = "weekly"


def test_an_instant_long_past_is_compared_as_what_it_is():
    past = (datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)).isoformat()
    assert says_the_same({"runAt": past}, {"runAt": "1971-01-01T00:00:00.000001Z"})
