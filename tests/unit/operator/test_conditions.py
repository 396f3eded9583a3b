"""Conditions: each type stands once, its transition time moves with its value only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import MESSAGE_LIMIT, Condition
from evertask_operator.resources.conditions import find_condition, is_set, with_condition
from tests.support.situations import CREATED, instant


def set_(conditions, value, *, type_=Condition.ACCEPTED, reason="R", message="m", minutes=0, generation=1):
    now = CREATED + timedelta(minutes=minutes)
    return with_condition(conditions, type_, value, reason, message, now=now, generation=generation)


def test_a_condition_is_added():
    assert set_([], "True") == [
        {
            "type": "Accepted",
            "status": "True",
            "reason": "R",
            "message": "m",
            "lastTransitionTime": instant(),
            "observedGeneration": 1,
        }
    ]


def test_a_condition_is_replaced_in_its_place():
    before = set_(set_([], "True"), "True", type_=Condition.LAUNCHED)
    after = set_(before, "False")
    assert [(c["type"], c["status"]) for c in after] == [("Accepted", "False"), ("Launched", "True")]
    assert before[0]["status"] == "True"


@pytest.mark.parametrize(("value", "minutes"), [("True", 0), ("False", 5)])
def test_the_transition_time_moves_with_the_value_only(value, minutes):
    after = set_(set_([], "True"), value, reason="Other", minutes=5, generation=2)
    assert after[0]["lastTransitionTime"] == instant(minutes=minutes)
    assert (after[0]["reason"], after[0]["observedGeneration"]) == ("Other", 2)


def test_a_message_is_cut_to_its_bound():
    assert len(set_([], "True", message="x" * 5000)[0]["message"]) == MESSAGE_LIMIT


def test_a_condition_is_found_in_a_status():
    status = {"conditions": set_([], "True")}
    assert find_condition(status, Condition.LAUNCHED) is None
    assert is_set(status, Condition.ACCEPTED, "True")
    assert not is_set(status, Condition.ACCEPTED, "False")
    assert not is_set({"conditions": None}, Condition.ACCEPTED, "True")
