"""A series whose runs fail at first: a run in Backoff is not over, and has no pod."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.api.protocol import Phase, State
from tests.support.series_worlds import SeriesWorld


def every(text: str = "10s", *, failing: int = 1, retry: float = 20, lead: float = 0, **rest) -> SeriesWorld:
    world = SeriesWorld({"every": text, **rest}, handler_seconds=1, launch_seconds=0.5, lead=lead)
    world.failing_attempts, world.retry_seconds = failing, retry
    return world


def run_of(world: SeriesWorld) -> dict[str, Any]:
    run: dict[str, Any]
    (run,) = world.status["runs"].values()
    return run


def test_each_attempt_has_a_pod_of_its_own_and_the_run_its_nominal_time():
    world = every("1h", failing=2)
    world.pass_time(3700)
    assert world.nominal() == [3600, 3600, 3600]
    assert [round(b - a) for a, b in zip(world.starts(), world.starts()[1:], strict=False)] == [22, 22]


def test_a_run_is_counted_once_however_often_it_was_tried():
    world = every("1h", failing=3)
    world.pass_time(3700)
    assert world.counts("runs", "succeeded", "failed", "skipped") == (1, 1, 0, 0)


def test_a_next_attempt_starts_on_time_where_its_pod_is_made_early():
    world = every("1h", lead=2)
    world.pass_time(3700)
    assert world.starts() == [3600, 3621]


def test_a_series_says_what_failed_and_is_in_progress_meanwhile():
    world = every("1h")
    world.pass_time(3610)
    assert world.status["state"] == State.IN_PROGRESS
    assert world.status["message"].startswith("attempt 1 failed: ValueError: no; the next at ")
    assert run_of(world)["phase"] == Phase.BACKOFF


def test_a_run_in_backoff_has_no_job():
    world = every("1h")
    world.pass_time(3610)
    assert not world.jobs


def test_the_next_attempt_waits_for_room():
    world = every("1h")
    world.pass_time(3610)
    world.room = False
    world.pass_time(60)
    assert len(world.executions) == 1
    world.room, world.wake = True, None
    world.pass_time(5)
    assert len(world.executions) == 2


# --- overlap ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlap", "nominal", "skipped"),
    [
        pytest.param("Skip", [10, 10, 40, 40], 3, id="skip"),
        pytest.param("Queue", [10, 10, 20, 20], 0, id="queue"),
        pytest.param("Replace", [10, 20, 30, 40, 50], 0, id="replace"),
        pytest.param("Allow", [10, 20, 30, 10, 40, 20, 50, 30], 0, id="allow"),
    ],
)
def test_a_run_in_backoff_is_a_run_that_is_not_over(overlap, nominal, skipped):
    world = every(overlap=overlap)
    world.pass_time(70)
    assert world.nominal()[: len(nominal)] == nominal
    assert world.counts("skipped")[0] >= skipped
    if overlap != "Allow":
        assert world.most_at_once() == 1


def test_a_replaced_run_in_backoff_is_cancelled_in_the_history():
    world = every(overlap="Replace")
    world.pass_time(25)
    entry = world.status["history"][0]
    assert (entry["outcome"], entry["message"]) == ("Cancelled", "replaced by a later run")
    assert [note.reason for note in world.notes] == []


@pytest.mark.parametrize("lead", [0, 3])
def test_no_pod_is_prepared_that_would_only_wait_for_a_run_in_backoff(lead):
    world = every(lead=lead)
    world.pass_time(25)
    assert len(world.status["runs"]) == 1
    assert not world.jobs


@pytest.mark.parametrize("lead", [0, 3])
@pytest.mark.parametrize("overlap", ["Skip", "Queue", "Replace", "Allow"])
def test_a_series_of_failing_runs_comes_to_its_end(overlap, lead):
    world = every(overlap=overlap, maxRuns=3, lead=lead)
    world.pass_time(300)
    if overlap == "Replace":
        world.failing_attempts = 0  # till then each run makes way before its second attempt
        world.pass_time(300)
    assert world.status["state"] == State.COMPLETED
    assert world.counts("runs") == (3,)


# --- what is asked for meanwhile -------------------------------------------------------------------------------


def test_a_cancelled_series_ends_at_once():
    world = every("1h")
    world.pass_time(3610)
    world.edit(cancel=True)
    world.pass_time(0.1)
    assert world.status["state"] == State.CANCELLED
    assert world.status["history"][0]["message"] == "cancelled before its next attempt"


def test_a_suspended_series_keeps_its_run_and_goes_on_with_it():
    world = every("1h")
    world.pass_time(3610)
    world.edit(suspend=True)
    world.pass_time(600)
    assert (len(world.executions), run_of(world)["failedAttempts"]) == (1, 1)
    world.edit(suspend=None)
    world.pass_time(5)
    assert world.nominal() == [3600, 3600]
    assert world.counts("succeeded") == (1,)


def test_a_launch_of_a_next_attempt_is_taken_back_by_a_suspension_and_the_run_stays():
    world = every("1h", lead=5)
    world.pass_time(3617)
    assert run_of(world)["phase"] == Phase.LAUNCHING
    world.edit(suspend=True)
    world.pass_time(1)
    assert (run_of(world)["phase"], run_of(world)["failedAttempts"]) == (Phase.BACKOFF, 1)
    assert not world.jobs


def test_an_edit_of_the_schedule_leaves_a_run_in_backoff_alone():
    world = every("1h")
    world.pass_time(3610)
    world.edit(recurrence={"every": "2h"})
    world.pass_time(30)
    assert world.nominal() == [3600, 3600]


def test_an_edit_of_the_pod_is_seen_by_the_next_attempt():
    world = every("1h", lead=5)
    world.pass_time(3617)
    world.edit(podTemplate={"spec": {"priorityClassName": "high"}})
    world.pass_time(10)
    assert (world.starts()[1], world.status["launches"]) == (3621, 3)


def test_an_operator_that_was_away_launches_what_became_due():
    world = every("1h")
    world.pass_time(3605)
    world.stop_operator(120)
    world.pass_time(5)
    assert [round(start) for start in world.starts()] == [3600, 3726]
    assert world.counts("missed", "succeeded") == (0, 1)


def test_a_clock_that_is_set_back_makes_a_run_no_prepared_one():
    world = every("1h")
    world.pass_time(3610)
    world.now -= world.now - world.now.replace(minute=0, second=0)
    world.edit(recurrence={"every": "2h"})  # takes back what is prepared by the old schedule
    world.look()
    assert run_of(world)["failedAttempts"] == 1
