"""When a task will run, by its document, and by the life of one that a cluster has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evertask.api.times import format_time, parse_time
from evertask.cli.forecasts import Forecast, forecast

NOW = datetime(2026, 10, 22, 12, tzinfo=UTC)
CREATED = "2026-10-22T06:30:00Z"
HOURLY: dict[str, Any] = {"every": "1h"}


def ask(
    spec: dict[str, Any],
    *,
    metadata: dict[str, Any] | None = None,
    status: Any = None,
    after: datetime = NOW,
    count: int = 3,
) -> Forecast:
    content: dict[str, Any] = {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": "a", **(metadata or {})},
        "spec": {"handler": "a:b", **spec},
    }
    if status is not None:
        content["status"] = status
    return forecast(content, name="a", label="a", after=after, count=count)


def ask_stored(spec: dict[str, Any], **status: Any) -> Forecast:
    metadata = {"uid": "u-1", "creationTimestamp": CREATED}
    return ask(spec, metadata=metadata, status={"state": "Pending", **status})


def texts(answer: Forecast) -> list[str]:
    assert answer.problems == ()
    return [format_time(instant) for instant in answer.occurrences]


def only_note(answer: Forecast) -> str:
    assert texts(answer) == []
    (note,) = answer.notes
    return note


def test_a_file_counts_from_the_instant_that_is_asked_from():
    assert texts(ask({"recurrence": HOURLY})) == [
        "2026-10-22T13:00:00Z",
        "2026-10-22T14:00:00Z",
        "2026-10-22T15:00:00Z",
    ]


def test_a_creation_in_the_document_is_the_anchor():
    assert texts(ask({"recurrence": HOURLY}, metadata={"creationTimestamp": CREATED}, count=1)) == [
        "2026-10-22T12:30:00Z"
    ]


def test_a_null_creation_as_kubectl_writes_it_is_none():
    answer = ask({"recurrence": HOURLY}, metadata={"creationTimestamp": None}, count=1)
    assert texts(answer) == ["2026-10-22T13:00:00Z"]


def test_the_instant_that_is_asked_from_is_left_out():
    assert texts(ask({"recurrence": {"cron": "0 * * * *"}}, count=1)) == ["2026-10-22T13:00:00Z"]


def test_a_document_of_a_later_creation_begins_there():
    answer = ask({"recurrence": HOURLY}, metadata={"creationTimestamp": "2026-10-23T00:00:00Z"}, count=1)
    assert texts(answer) == ["2026-10-23T01:00:00Z"]


def test_the_zone_of_the_schedule_is_told():
    answer = ask({"recurrence": {"cron": "30 9 * * *", "timeZone": "Europe/Rome"}}, count=1)
    assert (texts(answer), answer.time_zone) == (["2026-10-23T07:30:00Z"], "Europe/Rome")


def test_jitter_is_a_note_and_not_in_the_instants():
    answer = ask({"recurrence": {**HOURLY, "jitter": "5m"}}, count=1)
    assert texts(answer) == ["2026-10-22T13:00:00Z"]
    assert answer.notes == ("each start is delayed by less than 5m (spec.recurrence.jitter)",)


@pytest.mark.parametrize("jitter", ["0s", "0"])
def test_no_jitter_is_no_note(jitter):
    assert ask({"recurrence": {**HOURLY, "jitter": jitter}}).notes == ()


def test_until_ends_the_list():
    assert texts(ask({"recurrence": {**HOURLY, "until": "2026-10-22T14:00:00Z"}})) == ["2026-10-22T13:00:00Z"]


def test_a_series_whose_end_is_past_says_so():
    answer = ask({"recurrence": {**HOURLY, "until": "2026-10-22T09:00:00Z"}})
    assert only_note(answer) == (
        "no run after 2026-10-22T12:00:00Z: the series ends before spec.recurrence.until, 2026-10-22T09:00:00Z"
    )


def test_max_runs_of_a_file_is_all_of_it():
    assert len(texts(ask({"recurrence": {**HOURLY, "maxRuns": 2}}))) == 2


def test_the_first_run_at_once_is_one_of_max_runs():
    recurrence = {**HOURLY, "maxRuns": 2, "first": {"immediately": True}}
    assert texts(ask({"recurrence": recurrence})) == ["2026-10-22T13:00:00Z"]


def test_a_first_run_to_come_is_one_of_max_runs_and_listed():
    recurrence = {**HOURLY, "maxRuns": 2, "first": {"after": "10m"}}
    assert texts(ask({"recurrence": recurrence})) == ["2026-10-22T12:10:00Z", "2026-10-22T13:10:00Z"]


def test_runs_that_were_counted_are_taken_from_max_runs():
    answer = ask_stored({"recurrence": {**HOURLY, "maxRuns": 4}}, counts={"incarnationRuns": 3})
    assert texts(answer) == ["2026-10-22T12:30:00Z"]


def test_an_open_run_is_taken_from_max_runs():
    runs = {"r-1": {"scheduledTime": "2026-10-22T11:30:00Z", "launch": 4, "phase": "Running"}}
    answer = ask_stored({"recurrence": {**HOURLY, "maxRuns": 4}}, counts={"incarnationRuns": 2}, runs=runs)
    assert texts(answer) == ["2026-10-22T12:30:00Z"]


def test_a_run_that_was_prepared_early_is_still_to_come():
    runs = {"r-1": {"scheduledTime": "2026-10-22T12:30:00Z", "launch": 4, "phase": "Launching"}}
    answer = ask_stored({"recurrence": {**HOURLY, "maxRuns": 4}}, counts={"incarnationRuns": 3}, runs=runs)
    assert texts(answer) == ["2026-10-22T12:30:00Z"]


def test_a_cancelled_run_is_not_taken_from_max_runs():
    runs = {"r-1": {"scheduledTime": "2026-10-22T11:30:00Z", "launch": 4, "phase": "Cancelled"}}
    answer = ask_stored({"recurrence": {**HOURLY, "maxRuns": 1}}, runs=runs)
    assert texts(answer) == ["2026-10-22T12:30:00Z"]


def test_when_max_runs_have_been_made_a_note_says_so():
    answer = ask_stored({"recurrence": {**HOURLY, "maxRuns": 3}}, counts={"incarnationRuns": 3})
    assert only_note(answer) == (
        "no run after 2026-10-22T12:00:00Z: spec.recurrence.maxRuns is 3, and all of them have been made"
    )


def test_run_at_is_the_one_instant():
    assert texts(ask({"runAt": "2026-12-25T10:00:00.250-05:00"})) == ["2026-12-25T15:00:00.25Z"]


def test_a_run_at_that_is_past_is_a_note():
    assert only_note(ask({"runAt": "2020-12-25T10:00:00Z"})) == (
        "it runs once, at 2020-12-25T10:00:00Z, which is not after 2026-10-22T12:00:00Z"
    )


def test_the_delay_of_a_file_counts_from_the_instant_that_is_asked_from():
    assert texts(ask({"delay": "90s"})) == ["2026-10-22T12:01:30Z"]


def test_the_delay_of_a_file_counts_from_its_creation():
    metadata = {"creationTimestamp": CREATED}
    assert texts(ask({"delay": "6h"}, metadata=metadata)) == ["2026-10-22T12:30:00Z"]


def test_a_delay_in_the_cluster_counts_from_the_second_after_creation_as_the_operator_does():
    assert texts(ask_stored({"delay": "6h"})) == ["2026-10-22T12:30:01Z"]


@pytest.mark.parametrize("spec", [{}, {"delay": "0s"}], ids=["no-timing", "no-delay"])
def test_at_once_is_no_instant_to_come(spec):
    assert only_note(ask(spec)) == "it runs once, as soon as it is applied"


def test_a_delay_beyond_all_calendars():
    answer = ask({"delay": "87600h"}, after=datetime(9999, 1, 1, tzinfo=UTC))
    assert only_note(answer) == "spec.delay ends after the year 9999"


@pytest.mark.parametrize("state", ["Completed", "Failed", "Cancelled"])
def test_a_finished_task_has_no_next_run(state):
    answer = ask_stored({"recurrence": HOURLY}, state=state, message="why")
    assert only_note(answer) == (
        f"no run is to come: it is {state} (why); raise spec.incarnation to start it again"
    )


def test_a_cancelled_task_has_no_next_run():
    assert "spec.cancel is true" in only_note(ask_stored({"recurrence": HOURLY, "cancel": True}))


def test_a_suspended_task_has_no_next_run():
    assert "spec.suspend is true" in only_note(ask_stored({"recurrence": HOURLY, "suspend": True}))


def test_a_suspended_task_that_no_operator_has_seen_has_no_next_run():
    answer = ask(
        {"recurrence": HOURLY, "suspend": True}, metadata={"uid": "u-1", "creationTimestamp": CREATED}
    )
    assert "spec.suspend is true" in only_note(answer)


def test_a_file_that_says_suspend_still_explains_its_schedule():
    answer = ask({"recurrence": HOURLY, "suspend": True}, count=1)
    assert texts(answer) == ["2026-10-22T13:00:00Z"]
    assert answer.notes == ("spec.suspend is true: once this is applied, nothing runs until that is false",)


def test_a_higher_incarnation_starts_anew_about_now():
    answer = ask_stored({"recurrence": HOURLY, "incarnation": 1}, state="Completed", incarnation=0)
    assert texts(answer)[0] == "2026-10-22T13:00:00Z"


def test_a_task_that_was_armed_anew_counts_from_there():
    status = {"incarnation": 1, "armedTime": "2026-10-22T10:45:00Z"}
    answer = ask_stored({"recurrence": HOURLY, "incarnation": 1}, **status)
    assert texts(answer)[0] == "2026-10-22T12:45:00Z"


@pytest.mark.parametrize(
    "status",
    ["x", {"state": "Nonsense"}, {"armedTime": "x"}, {"runs": ["r"]}, {"runs": {"r": {}}}, {"counts": 5}],
    ids=str,
)
def test_a_status_that_nobody_wrote_is_refused(status):
    (problem,) = ask({"recurrence": HOURLY}, status=status).problems
    assert problem.startswith("status is not one that EverTask has written")


def test_a_wrong_field_is_the_answer():
    answer = ask({"recurrence": {"every": 5}})
    assert answer.problems == ("spec.recurrence.every must be a text; it is 5; write it in quotes",)
    assert answer.occurrences == ()


@pytest.mark.parametrize(
    ("recurrence", "field", "value"),
    [
        pytest.param({"cron": "61 * * * *"}, "spec.recurrence.cron", "61", id="cron"),
        pytest.param({"crons": ["@daily", "x"]}, "spec.recurrence.crons", "x", id="crons"),
        pytest.param({"cron": "0 0 30 2 *"}, "spec.recurrence.cron", "0 0 30 2 *", id="never-fires"),
        pytest.param({"cron": "@daily", "timeZone": "Mars"}, "spec.recurrence.timeZone", "Mars", id="zone"),
        pytest.param(
            {"calendar": {"unit": "Day", "onDay": 3}}, "spec.recurrence.calendar.onDay", "", id="calendar"
        ),
    ],
)
def test_a_schedule_that_only_code_can_judge_is_refused_by_its_field(recurrence, field, value):
    (problem,) = ask({"recurrence": recurrence}).problems
    assert field in problem
    assert value in problem


def test_a_schedule_is_judged_although_it_would_not_run():
    assert ask({"suspend": True, "recurrence": {"cron": "61 * * * *"}}).problems


@pytest.mark.parametrize("text", ["yesterday", "2026-10-22T06:30:00", 5, "0001-01-01T00:00:00+10:00"])
def test_a_creation_that_is_no_instant_is_refused(text):
    (problem,) = ask({"recurrence": HOURLY}, metadata={"creationTimestamp": text}).problems
    assert problem.startswith(
        "metadata.creationTimestamp must be written like 2026-12-25T10:00:00Z; correct "
    )


def test_a_name_that_is_no_text_is_refused():
    (problem,) = ask({}, metadata={"name": 5}).problems
    assert problem == "metadata.name must be a text; write it in quotes: '5'"


@pytest.mark.parametrize(
    "after", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:01.5Z", "9999-12-31T23:59:59.999999Z"]
)
@pytest.mark.parametrize(
    "recurrence",
    [
        {"cron": "0 9 * * *", "timeZone": "Asia/Tokyo"},
        {"cron": "0 9 * * *", "timeZone": "America/New_York"},
        HOURLY,
        {**HOURLY, "first": {"immediately": True}},
        {"calendar": {"unit": "Month"}},
    ],
    ids=str,
)
def test_the_ends_of_time_are_no_crash(recurrence, after):
    answer = ask({"recurrence": recurrence}, after=parse_time(after))
    assert answer.problems == ()
    assert all(instant > parse_time(after) for instant in answer.occurrences)
