"""How an object reads as a view, and how a view reads as an error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evertask import TaskCancelledError, TaskFailedError
from evertask.api.audit import AuditLevel
from evertask.api.protocol import (
    ANNOTATION_PARENT_NAME,
    ANNOTATION_PARENT_RUN,
    LABEL_PARENT_UID,
    LABEL_TASK_ID,
    State,
)
from evertask.views import (
    CallbackError,
    Condition,
    Counts,
    FailedAttempt,
    ParentRef,
    PastRun,
    Progress,
    TaskError,
    Transition,
    view_of,
)

ID = UUID("5c6d7a2e-0000-4000-8000-000000000001")


def make_object(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "metadata": {
            "name": f"task-{ID}",
            "uid": "0b7c",
            "namespace": "shop",
            "creationTimestamp": "2026-03-01T12:00:00Z",
            "labels": {LABEL_TASK_ID: str(ID)},
        },
        "spec": {"handler": "shop.reports:MonthlyReport", **spec},
    }
    return made if status is None else {**made, "status": status}


RUNS = {
    "s1772366400": {
        "scheduledTime": "2026-03-01T12:00:00Z",
        "launch": 1,
        "phase": "Succeeded",
        "startTime": "2026-03-01T12:00:01.5Z",
        "endTime": "2026-03-01T12:00:02Z",
        "attempt": 1,
    },
    "s1772366460": {
        "scheduledTime": "2026-03-01T13:01:00+01:00",
        "launch": 2,
        "phase": "Running",
        "startTime": "2026-03-01T12:01:01Z",
        "attempt": 2,
        "progress": {"percent": 40, "message": "half"},
    },
}


def test_a_task_that_nobody_has_seen_is_pending():
    view = view_of(make_object())
    assert (view.id, view.name, view.namespace) == (ID, f"task-{ID}", "shop")
    assert (view.state, view.is_finished, view.error) == (State.PENDING, False, None)
    assert view.created == datetime(2026, 3, 1, 12, tzinfo=UTC)


FAILURE = {
    "attempt": 2,
    "time": "2026-03-01T12:01:05Z",
    "type": "shop.errors.Busy",
    "message": "try later",
    "delay": "1m30s",
}


def test_a_run_shows_its_failed_attempts_while_it_goes_on():
    run = {**RUNS["s1772366460"], "attempt": 3, "failedAttempts": 2, "failures": [FAILURE]}
    view = view_of(make_object({"state": "InProgress", "runs": {"s1": run}}))
    at = datetime(2026, 3, 1, 12, 1, 5, tzinfo=UTC)
    assert view.failures == (FailedAttempt(2, at, "shop.errors.Busy", "try later", timedelta(seconds=90)),)
    assert (view.attempt, view.failed_attempts, view.next_attempt_time) == (3, 2, None)


def test_a_run_that_waits_without_a_pod_shows_when_it_goes_on():
    run = {
        "scheduledTime": "2026-03-01T12:01:00Z",
        "launch": 1,
        "phase": "Backoff",
        "firstStartTime": "2026-03-01T12:01:01Z",
        "failedAttempts": 2,
        "failures": [{"attempt": 2, "time": "2026-03-01T12:01:05Z", "type": "OSError"}],
        "nextAttemptTime": "2026-03-01T13:00:00Z",
    }
    view = view_of(make_object({"state": "InProgress", "runs": {"s1": run}}))
    assert (view.attempt, view.next_attempt_time) == (2, datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert view.start_time == datetime(2026, 3, 1, 12, 1, 1, tzinfo=UTC)
    assert view.failures[0].delay is None


def test_each_open_run_has_its_attempts_the_newest_first():
    view = view_of(make_object({"state": "InProgress", "runs": RUNS}))
    assert [(run.run, run.phase, run.attempt) for run in view.runs] == [
        ("s1772366460", "Running", 2),
        ("s1772366400", "Succeeded", 1),
    ]


def test_a_past_run_says_how_often_its_handler_was_called():
    view = view_of(make_object({"history": [{"run": "s2", "attempts": 4}, {"run": "s1"}]}))
    assert [run.attempts for run in view.history] == [4, 1]


def test_the_newest_run_speaks_for_the_task():
    view = view_of(make_object({"state": "InProgress", "runs": RUNS}))
    assert view.start_time == datetime(2026, 3, 1, 12, 1, 1, tzinfo=UTC)
    assert (view.end_time, view.attempt) == (None, 2)
    assert view.progress == Progress(40, "half")


def test_conditions_and_planned_time_are_there():
    condition = {"type": "Accepted", "status": "False", "reason": "BadZone", "lastTransitionTime": "x"}
    view = view_of(make_object({"nextRunTime": "2026-03-02T00:00:00Z", "conditions": [condition]}))
    assert view.conditions == (Condition("Accepted", "False", "BadZone"),)
    assert view.next_run_time == datetime(2026, 3, 2, tzinfo=UTC)


def test_a_series_shows_its_course():
    ended = {
        "run": "s1772366400",
        "scheduledTime": "2026-03-01T12:00:00Z",
        "startTime": "2026-03-01T12:00:00.003Z",
        "lateness": "3ms",
        "endTime": "2026-03-01T12:00:02Z",
        "outcome": "Failed",
        "message": "no CSV",
    }
    status = {
        "schedule": "every 5m",
        "lastRunTime": "2026-03-01T12:00:00.003Z",
        "counts": {"runs": 3, "failed": 1, "succeeded": 2, "skipped": 4, "incarnationRuns": 3},
        "history": [ended, {"run": "s1772366100"}],
    }
    view = view_of(make_object(status))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    started, over = noon + timedelta(milliseconds=3), noon + timedelta(seconds=2)
    assert (view.schedule, view.last_run_time) == ("every 5m", started)
    assert view.counts == Counts(runs=3, succeeded=2, failed=1, skipped=4)
    assert view.history == (
        PastRun("s1772366400", noon, started, over, "Failed", "no CSV", lateness=timedelta(milliseconds=3)),
        PastRun("s1772366100", None, None, None, None, None),
    )


def test_a_task_that_is_no_series_has_no_course():
    view = view_of(make_object({"state": "Completed"}))
    assert (view.schedule, view.last_run_time, view.counts, view.history) == (None, None, Counts(), ())


@pytest.mark.parametrize(
    ("status", "incarnation", "finished"),
    [
        pytest.param({"state": "Queued"}, 0, False, id="queued"),
        pytest.param({"state": "Completed"}, 0, True, id="completed"),
        pytest.param({"state": "Failed"}, 0, True, id="failed"),
        pytest.param({"state": "Cancelled"}, 0, True, id="cancelled"),
        pytest.param({"state": "Completed"}, 1, False, id="armed-anew"),
        pytest.param({"state": "Completed", "incarnation": 1}, 1, True, id="finished-again"),
    ],
)
def test_when_a_task_is_finished(status, incarnation, finished):
    assert view_of(make_object(status, incarnation=incarnation)).is_finished is finished


def test_a_task_made_by_hand_has_no_id():
    made = make_object()
    del made["metadata"]["labels"]
    assert view_of(made).id is None


def test_a_failure_carries_the_handlers_error():
    error = {"type": "ValueError", "message": "no CSV", "traceback": "Traceback…", "attempt": 1}
    view = view_of(make_object({"state": "Failed", "error": error}))
    assert view.error == TaskError("ValueError", "no CSV", "Traceback…", 1)
    raised = TaskFailedError(view)
    assert str(raised) == f"task task-{ID} failed: ValueError: no CSV"
    assert (raised.error_type, raised.error_traceback) == ("ValueError", "Traceback…")


def test_a_failure_without_an_error_tells_the_message():
    assert str(TaskFailedError(view_of(make_object({"message": "gone"})))).endswith("failed: gone")


def test_a_cancellation_says_so():
    view = view_of(make_object({"state": "Cancelled", "message": "cancelled while it ran"}))
    assert str(TaskCancelledError(view)) == f"task task-{ID} was cancelled: cancelled while it ran"


def test_a_view_says_where_a_task_belongs():
    view = view_of(make_object(queue="mails", taskKey="nightly", auditLevel="ErrorsOnly", suspend=True))
    assert (view.uid, view.queue, view.task_key, view.is_suspended) == ("0b7c", "mails", "nightly", True)
    assert (view.audit_level, view.incarnation) == (AuditLevel.ERRORS_ONLY, 0)


def test_a_task_that_says_nothing_has_the_defaults():
    view = view_of(make_object())
    assert (view.queue, view.task_key, view.audit_level) == ("default", None, AuditLevel.FULL)
    assert (view.parent, view.transitions, view.children, view.is_suspended) == (None, (), (), False)


def test_a_child_knows_its_parent():
    made = make_object()
    made["metadata"]["labels"][LABEL_PARENT_UID] = "17"
    assert view_of(made).parent == ParentRef("17")
    made["metadata"]["annotations"] = {ANNOTATION_PARENT_NAME: "order", ANNOTATION_PARENT_RUN: "s1"}
    assert view_of(made).parent == ParentRef("17", "order", "s1")


def test_the_newest_run_names_its_children_and_what_its_callbacks_raised():
    run = {
        "scheduledTime": "2026-03-01T13:00:00Z",
        "launch": 3,
        "children": ["a", "b"],
        "childrenCount": 40,
        "callbackErrors": [{"callback": "on_started", "message": "ValueError: no"}],
    }
    view = view_of(make_object({"runs": {**RUNS, "s2": run}}))
    assert (view.children, view.children_count) == (("a", "b"), 40)
    assert view.callback_errors == (CallbackError("on_started", "ValueError: no"),)


def test_transitions_are_read_newest_first_as_they_stand():
    status = {
        "transitions": [
            {"time": "2026-03-01T12:00:02Z", "state": "Failed", "run": "s1", "message": "no CSV"},
            {"time": "2026-03-01T12:00:00Z", "state": "Queued"},
        ]
    }
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert view_of(make_object(status)).transitions == (
        Transition(noon + timedelta(seconds=2), State.FAILED, "s1", "no CSV"),
        Transition(noon, State.QUEUED),
    )


def test_a_past_run_says_why_it_failed_and_what_it_dispatched():
    entry = {
        "run": "s1",
        "error": {"type": "ValueError", "traceback": "Traceback…"},
        "childrenCount": 3,
        "callbackErrors": [{"callback": "on_error", "message": "KeyError: 'x'"}],
        "lateness": "soon",
    }
    run = view_of(make_object({"history": [entry]})).history[0]
    assert (run.error_type, run.error_traceback) == ("ValueError", "Traceback…")
    assert (run.children_count, run.callback_errors) == (3, (CallbackError("on_error", "KeyError: 'x'"),))
    assert run.lateness is None  # a text that is no duration: the schema takes any
