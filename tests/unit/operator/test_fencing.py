"""Pods on nodes that do not answer: when their runs go on without them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evertask.api.protocol import State
from evertask_operator.decisions import decide
from tests.support.situations import CREATED, RUN, instant, make_task, relaunches, written

DELETE_BY = CREATED + timedelta(seconds=100)
LOST: dict[str, Any] = {"disruption": "DeletionByTaintManager", "delete_by": DELETE_BY}
DELETED: dict[str, Any] = {"delete_by": DELETE_BY}


def run_of(pod, **spec):
    return make_task(**spec).claimed().with_job().with_pod(**pod)


def given_up_after(task):
    """Seconds until the run goes on without its pod; None: it does not."""
    for seconds in range(1000):
        if decide(task.at(seconds=seconds).situation()).status is not None:
            return seconds
    return None


ROWS = [
    pytest.param(LOST, {}, 130, id="disrupted-without-a-fence"),
    pytest.param(LOST, {"fenceAfter": "60s"}, 190, id="disrupted-with-a-fence"),
    pytest.param(DELETED, {}, None, id="deleted-by-hand-without-a-fence"),
    pytest.param(DELETED, {"fenceAfter": "60s"}, 190, id="deleted-by-hand-with-a-fence"),
    pytest.param({}, {"fenceAfter": "60s"}, None, id="nobody-wants-it-gone"),
    pytest.param(
        {**LOST, "unready_since": CREATED + timedelta(seconds=40)},
        {"fenceAfter": "60s"},
        190,
        id="its-node-was-found-silent-before",
    ),
    pytest.param(
        {**LOST, "unready_since": CREATED + timedelta(seconds=140)},
        {"fenceAfter": "60s"},
        230,
        id="its-node-was-found-silent-after",
    ),
    pytest.param(
        {**LOST, "unready_since": CREATED + timedelta(seconds=140)}, {}, 130, id="which-means-nothing-without"
    ),
]


@pytest.mark.parametrize(("pod", "spec", "seconds"), ROWS)
def test_a_pod_on_a_silent_node_is_given_up(pod, spec, seconds):
    assert given_up_after(run_of(pod, **spec)) == seconds


@pytest.mark.parametrize(("pod", "spec", "seconds"), [row for row in ROWS if row.values[2]])
def test_it_is_looked_at_again_at_that_time(pod, spec, seconds):
    assert decide(run_of(pod, **spec).situation()).wake == CREATED + timedelta(seconds=seconds)


def test_a_fenced_run_is_relaunched_and_the_message_says_why_that_is_safe():
    plan = decide(run_of(LOST, fenceAfter="60s").at(seconds=190).situation())
    assert relaunches(plan)
    assert (
        "its node does not answer, and its handler has stopped by spec.fenceAfter" in written(plan)["message"]
    )


def test_without_a_fence_nothing_is_said_of_one():
    plan = decide(run_of(LOST).at(seconds=130).situation())
    assert "fence" not in written(plan)["message"]


def test_a_fenced_run_that_must_not_start_twice_fails():
    plan = decide(run_of(LOST, fenceAfter="60s", onInterruption="Fail").at(seconds=190).situation())
    assert (written(plan)["state"], written(plan)["error"]["type"]) == (State.FAILED, "Interrupted")


def test_a_run_whose_pod_was_deleted_on_a_silent_node_is_cancelled():
    plan = decide(run_of(DELETED, fenceAfter="60s").at(seconds=190).situation())
    assert written(plan)["state"] == State.CANCELLED


def test_a_launch_that_nobody_has_claimed_needs_no_fence():
    task = make_task(fenceAfter="60s").launched().with_job().with_pod(**LOST)
    plan = decide(task.at(seconds=130).situation())
    assert relaunches(plan)
    assert "fence" not in written(plan)["message"]


def test_a_pod_that_has_ended_is_settled_at_once():
    ended = run_of({**LOST, "phase": "Failed", "runner_ended": True, "exit_code": 143}, fenceAfter="60s")
    assert given_up_after(ended) == 0


# --- cancellation ----------------------------------------------------------------------------------------------


def cancelled(pod, **spec):
    task = make_task(cancel=True, **spec).claimed().with_job(deleting=True).with_pod(**pod)
    return task.knowing(verified=True)


def test_a_cancelled_run_on_a_silent_node_stays_until_its_pod_is_gone():
    assert given_up_after(cancelled(DELETED)) is None


def test_a_cancelled_run_with_a_fence_is_cancelled_when_its_handler_must_have_stopped():
    task = cancelled(DELETED, fenceAfter="60s")
    assert given_up_after(task) == 190
    assert decide(task.situation()).wake == CREATED + timedelta(seconds=190)
    status = written(decide(task.at(seconds=190).situation()))
    assert (status["state"], status["finishTime"]) == (State.CANCELLED, instant(seconds=190))
    assert "does not answer" in status["message"]


def test_a_fence_is_no_hurry_for_a_pod_that_answers():
    ending = cancelled({**DELETED, "phase": "Running"}, fenceAfter="60s")
    assert decide(ending.at(seconds=99).situation()).status is None


def test_a_replaced_run_with_a_fence_makes_way():
    task = make_task(recurrence={"every": "1h", "overlap": "Replace"}, fenceAfter="60s")
    task = task.claimed(stop="Replaced").with_job(deleting=True).with_pod(**DELETED).knowing(verified=True)
    plan = decide(task.at(seconds=190).situation())
    assert written(plan)["runs"][RUN] is None
    assert written(plan)["history"][0]["outcome"] == "Cancelled"
