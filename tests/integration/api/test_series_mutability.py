"""The mutability table of a series: its runs read the spec anew, until the last of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.mutability import MUTABILITY, Mutability
from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.field_values import TWO_VALUES
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from tests.support.api_client import Answer, ApiClient

FINISHED = sorted(TERMINAL_STATES)
WAITING = [None, State.PENDING, State.QUEUED]
GOES_ON = [*WAITING, State.IN_PROGRESS]

PER_RUN = [field for field, when in MUTABILITY.items() if when is Mutability.UNTIL_THE_LAST_RUN]
ALWAYS = [field for field, when in MUTABILITY.items() if when is Mutability.ALWAYS]
EVERY = {"every": "5m"}

per_run = pytest.mark.parametrize("field", PER_RUN)
optional = pytest.mark.parametrize("field", [field for field in PER_RUN if field != "handler"])


@pytest.fixture
def task(admin: ApiClient, namespace: str) -> StoredTask:
    return StoredTask(admin, namespace)


def is_frozen(answer: Answer, field: str, sentence: str) -> bool:
    """Tell whether a change was refused with a sentence that begins with the field."""
    return answer.status == 422 and f"spec.{field}: Forbidden: spec.{field} {sentence}" in answer.message


def with_value(field: str) -> dict[str, Any]:
    return {"recurrence": EVERY, field: TWO_VALUES[field][0]}


def with_other_value(field: str) -> dict[str, Any]:
    return {field: TWO_VALUES[field][1]}


# --- what every run reads anew ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", GOES_ON)
@per_run
def test_a_field_of_a_series_may_change_while_it_goes_on(
    task: StoredTask, field: str, state: State | None
) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field)).status == 200


@optional
def test_a_field_of_a_running_series_may_be_removed(task: StoredTask, field: str) -> None:
    task.create(State.IN_PROGRESS, **with_value(field))

    assert task.patch_spec({field: None}).status == 200


@optional
def test_a_field_of_a_running_series_may_be_added(task: StoredTask, field: str) -> None:
    task.create(State.IN_PROGRESS, recurrence=EVERY)

    assert task.patch_spec(with_other_value(field)).status == 200


@pytest.mark.parametrize("state", FINISHED)
@per_run
def test_a_field_of_a_series_is_frozen_once_it_has_ended(task: StoredTask, field: str, state: State) -> None:
    task.create(state, **with_value(field))

    answer = task.patch_spec(with_other_value(field))

    assert is_frozen(
        answer, field, "cannot be changed once the run has started (of a series: once it has ended)"
    )


@pytest.mark.parametrize("state", FINISHED)
@optional
def test_a_field_of_a_series_that_has_ended_cannot_be_removed(
    task: StoredTask, field: str, state: State
) -> None:
    task.create(state, **with_value(field))

    assert is_frozen(task.patch_spec({field: None}), field, "cannot be changed")


@pytest.mark.parametrize("state", FINISHED)
@per_run
def test_a_higher_incarnation_frees_every_field_of_a_series_that_has_ended(
    task: StoredTask, field: str, state: State
) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field) | {"incarnation": 1}).status == 200


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("field", ALWAYS)
def test_some_fields_of_a_series_may_change_at_any_time(task: StoredTask, field: str, state: State) -> None:
    task.create(state, **with_value(field))

    assert task.patch_spec(with_other_value(field)).status == 200


# --- a detour through a series or a one-shot frees nothing ----------------------------------------------------


def test_a_running_one_shot_is_not_freed_by_a_recurrence(task: StoredTask) -> None:
    task.create(State.IN_PROGRESS, timeout="5s")

    answer = task.patch_spec({"timeout": "6s", "recurrence": EVERY})

    assert is_frozen(answer, "recurrence", "cannot be added or removed once a run has started")
    assert is_frozen(answer, "timeout", "cannot be changed once the run has started")


def test_a_running_series_gives_nothing_away_with_its_recurrence(task: StoredTask) -> None:
    task.create(State.IN_PROGRESS, recurrence=EVERY, timeout="5s")

    answer = task.patch_spec({"timeout": "6s", "recurrence": None})

    assert is_frozen(answer, "recurrence", "cannot be added or removed once a run has started")
    assert is_frozen(answer, "timeout", "cannot be changed once the run has started")


# --- the recurrence itself ----------------------------------------------------------------------------------

SCHEDULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another-interval": ({"every": "5m"}, {"every": "6m"}),
    "another-form": ({"every": "5m"}, {"cron": "* * * * *"}),
    "another-list": ({"crons": ["@daily", "@hourly"]}, {"crons": ["@hourly", "@daily"]}),
    "another-day": (
        {"calendar": {"unit": "Week", "onDays": ["Monday"]}},
        {"calendar": {"unit": "Week", "onDays": ["Friday"]}},
    ),
    "a-day-by-number": (
        {"calendar": {"unit": "Month", "onDays": [1]}},
        {"calendar": {"unit": "Month", "onDays": [2]}},
    ),
    "a-field-more": ({"every": "5m"}, {"every": "5m", "maxRuns": 3}),
    "a-field-less": ({"every": "5m", "until": "2999-01-01T00:00:00Z"}, {"every": "5m"}),
    "deep-inside": (
        {"every": "5m", "catchUp": {"policy": "All", "limit": 5}},
        {"every": "5m", "catchUp": {"policy": "All", "limit": 6}},
    ),
    "a-key-swapped": ({"every": "5m", "jitter": "1s"}, {"every": "5m", "timeZone": "Europe/Rome"}),
}
schedules = pytest.mark.parametrize(("before", "after"), SCHEDULES.values(), ids=SCHEDULES)


def reschedule(task: StoredTask, after: dict[str, Any] | None, **spec: Any) -> Answer:
    """Replace the whole recurrence; None removes it."""
    body = task.get()
    body["spec"] |= spec | {"recurrence": after}
    if after is None:
        del body["spec"]["recurrence"]
    return task.client("PUT", task.path, body)


@pytest.mark.parametrize("state", GOES_ON)
@schedules
def test_a_series_that_goes_on_may_have_another_recurrence(
    task: StoredTask, before: dict[str, Any], after: dict[str, Any], state: State | None
) -> None:
    task.create(state, recurrence=before)

    assert reschedule(task, after).body["spec"]["recurrence"] == after


@pytest.mark.parametrize("state", FINISHED)
@schedules
def test_a_series_that_has_ended_keeps_its_recurrence(
    task: StoredTask, before: dict[str, Any], after: dict[str, Any], state: State
) -> None:
    task.create(state, recurrence=before)

    answer = reschedule(task, after)

    assert is_frozen(
        answer, "recurrence", "cannot be changed once the series has ended; raise spec.incarnation"
    )


@pytest.mark.parametrize("state", FINISHED)
@schedules
def test_the_same_recurrence_may_be_said_again(
    task: StoredTask, before: dict[str, Any], after: dict[str, Any], state: State
) -> None:
    task.create(state, recurrence=after)

    assert reschedule(task, dict(reversed(after.items()))).status == 200
    assert reschedule(task, before).status == 422


@pytest.mark.parametrize("state", FINISHED)
def test_a_higher_incarnation_brings_another_recurrence(task: StoredTask, state: State) -> None:
    task.create(state, recurrence=EVERY)

    assert reschedule(task, {"cron": "@daily"}, incarnation=1).status == 200


@pytest.mark.parametrize("state", WAITING)
def test_before_the_start_a_task_becomes_a_series(task: StoredTask, state: State | None) -> None:
    task.create(state, delay="5m")

    assert task.patch_spec({"delay": None, "recurrence": EVERY}).status == 200


@pytest.mark.parametrize("state", WAITING)
def test_before_the_start_a_series_becomes_a_one_shot(task: StoredTask, state: State | None) -> None:
    task.create(state, recurrence=EVERY, runNow="token")

    assert task.patch_spec({"recurrence": None, "runNow": None, "delay": "5m"}).status == 200


@pytest.mark.parametrize("state", [State.IN_PROGRESS, *FINISHED])
def test_a_started_task_does_not_become_a_series(task: StoredTask, state: State) -> None:
    answer = task.create(state).patch_spec({"recurrence": EVERY})

    assert is_frozen(answer, "recurrence", "cannot be added or removed once a run has started; wait until")


@pytest.mark.parametrize("state", [State.IN_PROGRESS, *FINISHED])
def test_a_started_series_does_not_become_a_one_shot(task: StoredTask, state: State) -> None:
    answer = task.create(state, recurrence=EVERY).patch_spec({"recurrence": None})

    assert is_frozen(answer, "recurrence", "cannot be added or removed once a run has started; wait until")


@pytest.mark.parametrize(("before", "after"), [(None, EVERY), (EVERY, None)], ids=["added", "removed"])
@pytest.mark.parametrize("state", FINISHED)
def test_a_higher_incarnation_turns_a_finished_task_into_the_other_kind(
    task: StoredTask, before: dict[str, Any] | None, after: dict[str, Any] | None, state: State
) -> None:
    task.create(state, recurrence=before)

    assert reschedule(task, after, incarnation=1).status == 200


def test_a_running_series_is_not_armed_anew(task: StoredTask) -> None:
    task.create(State.IN_PROGRESS, recurrence=EVERY)

    answer = reschedule(task, {"every": "6m"}, incarnation=1)

    assert is_frozen(answer, "incarnation", "cannot be raised while the task runs")


# --- what excludes each other -------------------------------------------------------------------------------


def test_a_request_for_an_extra_run_goes_with_the_recurrence(task: StoredTask) -> None:
    answer = task.create(recurrence=EVERY, runNow="token").patch_spec({"recurrence": None})

    assert answer.status == 422
    assert "spec.runNow asks a series for an extra run; remove it, or set spec.recurrence" in answer.message


@pytest.mark.parametrize(
    "timing", [{"delay": "5m"}, {"runAt": "2026-12-25T10:00:00Z"}], ids=lambda t: next(iter(t))
)
def test_a_series_has_no_other_timing(task: StoredTask, timing: dict[str, str]) -> None:
    answer = task.create(State.PENDING, recurrence=EVERY).patch_spec(timing)

    assert answer.status == 422
    assert "set at most one of spec.delay, spec.runAt and spec.recurrence" in answer.message
