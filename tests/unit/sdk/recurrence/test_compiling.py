"""Making a recurrence ready: what is taken, what is refused and with which words, what is remembered."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from evertask.api.recurrence import Recurrence
from evertask.recurrence import RecurrenceError, compile_recurrence


@pytest.mark.parametrize(
    ("recurrence", "field", "reason", "said"),
    [
        pytest.param(
            {}, "", "InvalidRecurrence", "exactly one of cron, crons, every and calendar", id="empty"
        ),
        pytest.param(
            {"every": "1m", "cron": "* * * * *"}, "", "InvalidRecurrence", "set exactly one", id="two forms"
        ),
        pytest.param(
            {"every": "1m", "dayMatch": "Both"}, "", "InvalidRecurrence", "or use cron", id="dayMatch"
        ),
        pytest.param({"every": "500ms"}, ".every", "InvalidRecurrence", "from 1s to 87600h", id="too often"),
        pytest.param({"every": "weekly"}, ".every", "InvalidRecurrence", "written like 90s", id="a word"),
        pytest.param(
            {"every": "1m", "maxRuns": 0},
            ".maxRuns",
            "InvalidRecurrence",
            "greater than or equal to 1",
            id="0",
        ),
        pytest.param(
            {"every": "1m", "maxRuns": "3"}, ".maxRuns", "InvalidRecurrence", "integer", id="a text"
        ),
        pytest.param(
            {"every": "1m", "first": {}}, ".first", "InvalidRecurrence", "exactly one", id="no first"
        ),
        pytest.param(
            {"every": "1m", "until": "2027-01-01T00:00:00"},
            ".until",
            "InvalidRecurrence",
            "2027-01-01T00:00:00",
            id="an end without a zone",
        ),
        pytest.param(
            {"every": "1m", "until": datetime(2027, 1, 1, tzinfo=UTC)},
            ".until",
            "InvalidRecurrence",
            "valid string",
            id="what YAML reads as a time",
        ),
        pytest.param(
            {"every": "1m", "max_runs": 3},
            ".max_runs",
            "InvalidRecurrence",
            "not permitted",
            id="python's name",
        ),
        pytest.param(
            {"calendar": {"unit": "Week", "onDays": ["Monday", "Someday"]}},
            ".calendar.onDays[1]",
            "InvalidRecurrence",
            "Monday to Sunday",
            id="no day",
        ),
        pytest.param(
            {"calendar": {"unit": "Week", "onDay": 3}},
            ".calendar.onDay",
            "InvalidCalendar",
            "goes with the unit Month",
            id="fields that do not fit",
        ),
        pytest.param({"cron": "61 * * * *"}, ".cron", "InvalidCron", "61", id="no minute"),
        pytest.param(
            {"crons": ["0 * * * *", "0 0 * *"]}, ".crons[1]", "InvalidCron", "fields", id="the second of two"
        ),
        pytest.param({"cron": "0 0 30 2 *"}, ".cron", "NeverFires", "no day", id="30 February"),
        pytest.param(
            {"cron": "0 0 * * *", "timeZone": "Europe/Roma"},
            ".timeZone",
            "UnknownTimeZone",
            "Europe/Rome",
            id="no zone",
        ),
        pytest.param(
            {"every": "1m", "timeZone": "Mars/Olympus"},
            ".timeZone",
            "UnknownTimeZone",
            "IANA",
            id="no zone, though an interval needs none",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_field_value_and_way_out(recurrence, field, reason, said):
    with pytest.raises(RecurrenceError) as refused:
        compile_recurrence(recurrence)
    assert (refused.value.field, refused.value.reason) == (f"spec.recurrence{field}", reason)
    assert str(refused.value).startswith(f"spec.recurrence{field}: ")
    assert said in str(refused.value)


def test_a_refusal_is_a_value_error_with_the_value():
    with pytest.raises(ValueError, match=r"^spec\.recurrence\.every: 'often'") as refused:
        compile_recurrence({"every": "often"})
    assert isinstance(refused.value, RecurrenceError)
    assert refused.value.value == "often"


def test_an_error_is_said_each_time():
    for _ in range(2):
        with pytest.raises(RecurrenceError, match="no day has"):
            compile_recurrence({"cron": "0 0 31 4 *"})


def test_equal_recurrences_are_compiled_once():
    one = compile_recurrence({"every": "11m", "overlap": "Allow"})
    assert compile_recurrence({"overlap": "Allow", "every": "11m"}) is one
    assert compile_recurrence({"every": "11m"}) is not one


def test_the_model_and_its_json_are_the_same():
    raw = {"cron": "0 9 * * *", "timeZone": "Europe/Rome", "first": {"immediately": True}}
    assert compile_recurrence(Recurrence.model_validate(raw)) is compile_recurrence(raw)


def test_a_mapping_of_any_kind_is_taken():
    nested = MappingProxyType({"calendar": MappingProxyType({"every": 2, "unit": "Day"})})
    assert compile_recurrence(nested) is compile_recurrence({"calendar": {"every": 2, "unit": "Day"}})


def test_what_is_compiled_cannot_be_changed_through_what_it_was_made_from():
    raw = {"every": "13m"}
    series = compile_recurrence(raw)
    raw["every"] = "1s"
    assert series.recurrence.every == "13m"
