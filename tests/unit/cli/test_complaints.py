"""What is wrong with a document, in the words of the person who wrote it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from evertask.api.task import EverTask
from evertask.cli.complaints import complaints
from tests.support.bad_tasks import BAD_SPECS, Bad


def complaints_about(document) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        EverTask.model_validate(document, strict=True, by_alias=True, by_name=False)
    return complaints(refusal.value)


def of_spec(spec: dict[str, Any]) -> list[str]:
    return complaints_about({"metadata": {"name": "a"}, "spec": {"handler": "a:b", **spec}})


def of_recurrence(recurrence) -> list[str]:
    return of_spec({"recurrence": recurrence})


SINGLE_FIELDS = [bad for bad in BAD_SPECS if bad.in_python and "-and-" not in bad.id]


@pytest.mark.parametrize("bad", SINGLE_FIELDS, ids=lambda bad: bad.id)
def test_each_complaint_names_the_field(bad: Bad):
    (complaint,) = of_spec(bad.spec)
    assert bad.field in complaint.partition(" ")[0] or bad.field in complaint
    assert "Input should" not in complaint
    assert "Value error" not in complaint


@pytest.mark.parametrize(
    ("recurrence", "complaint"),
    [
        pytest.param("daily", "spec.recurrence must be an object; it is 'daily'", id="text"),
        pytest.param(
            {"cron": 5},
            "spec.recurrence.cron must be a text; it is 5; write it in quotes",
            id="number-for-text",
        ),
        pytest.param(
            {"corn": "* * * * *"},
            "spec.recurrence.corn is no field of an EverTask; did you mean cron?",
            id="misspelt",
        ),
        pytest.param(
            {"cron": "@daily", "overlap": "skip"},
            "spec.recurrence.overlap must be 'Skip', 'Queue', 'Replace' or 'Allow'; it is 'skip'",
            id="choice",
        ),
        pytest.param(
            {"every": "2d"},
            "spec.recurrence.every: every must be a duration from 1s to 87600h, written like 90s, "
            "5m, 1h30m or 250ms; this is '2d'",
            id="rule",
        ),
        pytest.param(
            {"calendar": {}}, "spec.recurrence.calendar.unit is missing; it is required", id="missing"
        ),
        pytest.param(
            {"calendar": {"unit": "Day", "every": 0}},
            "spec.recurrence.calendar.every must be 1 or more; it is 0",
            id="too-low",
        ),
        pytest.param(
            {"calendar": {"unit": "Day", "every": 1001}},
            "spec.recurrence.calendar.every must be 1000 or less; it is 1001",
            id="too-high",
        ),
        pytest.param(
            {"calendar": {"unit": "Day", "every": "2"}},
            "spec.recurrence.calendar.every must be a whole number; it is '2'",
            id="text-for-number",
        ),
        pytest.param(
            {"calendar": {"unit": "Day", "atTimes": []}},
            "spec.recurrence.calendar.atTimes must be of at least 1 items; it is a list",
            id="empty-list",
        ),
        pytest.param(
            {"calendar": {"unit": "Day", "atTimes": ["9:00"]}},
            "spec.recurrence.calendar.atTimes[0]: a time of day must be written HH:MM or HH:MM:SS, "
            "for example 09:00 or 17:30:15; this is '9:00'",
            id="in-a-list",
        ),
        pytest.param(
            {"calendar": {"unit": "Week", "onDays": ["Friday", "Mon"]}},
            "spec.recurrence.calendar.onDays[1]: a day must be a weekday, Monday to Sunday, or a day of the month, "
            "1 to 31; this is 'Mon'",
            id="day",
        ),
        pytest.param(
            {"cron": "@daily", "first": {"immediately": "yes"}},
            "spec.recurrence.first.immediately must be true or false; it is 'yes'",
            id="switch",
        ),
        pytest.param(
            {"cron": "@daily", "time_zone": "UTC"},
            "spec.recurrence.time_zone is no field of an EverTask; did you mean timeZone?",
            id="python-name",
        ),
        pytest.param(
            {"cron": "x" * 257},
            f"spec.recurrence.cron must be at most 256 characters long; it is '{'x' * 79}…",
            id="long-value-is-cut",
        ),
        pytest.param(
            {"crons": ["@daily"] * 17},
            "spec.recurrence.crons must be of at most 16 items; it is a list",
            id="long-list",
        ),
    ],
)
def test_a_sentence_says_what_the_field_must_be_and_what_it_is(recurrence, complaint):
    assert of_recurrence(recurrence) == [complaint]


def test_a_rule_about_several_fields_is_said_of_their_parent():
    (complaint,) = of_recurrence({"cron": "@daily", "every": "5m"})
    assert complaint.startswith("spec.recurrence: set exactly one of cron, crons, every and calendar")


def test_every_wrong_field_has_its_complaint_in_order():
    document = {"metadata": {"name": "a"}, "spec": {"timeuot": "5m", "cancel": 1}}
    assert complaints_about(document) == [
        "spec.handler is missing; it is required",
        "spec.cancel must be true or false; it is 1",
        "spec.timeuot is no field of an EverTask; did you mean timeout?",
    ]


def test_an_unlike_field_gets_those_that_there_are():
    (complaint,) = of_recurrence({"cron": "@daily", "first": {"xyz": 1, "immediately": True}})
    assert complaint.endswith("remove it, or use one of after, at, immediately")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param({"metadata": {}}, "spec is missing; it is required", id="no-spec"),
        pytest.param({"spec": {"handler": "a:b"}}, "metadata is missing; it is required", id="no-metadata"),
        pytest.param(
            {"metadata": [], "spec": {"handler": "a:b"}},
            "metadata must be an object; it is a list",
            id="metadata",
        ),
        pytest.param(
            {"apiVersion": "evertask.io/v1", "metadata": {}, "spec": {"handler": "a:b"}},
            "apiVersion must be 'evertask.io/v1alpha1'; it is 'evertask.io/v1'",
            id="version",
        ),
    ],
)
def test_the_outer_form_is_judged_too(document, complaint):
    assert complaints_about(document) == [complaint]
