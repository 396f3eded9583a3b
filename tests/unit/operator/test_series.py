"""A series from its creation to its end: what runs, what is skipped, what is missed, what waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import Phase, State
from tests.support.series_worlds import SeriesWorld
from tests.support.situations import instant


def every(
    text: str = "10s", *, handler: float = 1.0, lead: float = 0.0, launch: float = 0.5, **rest
) -> SeriesWorld:
    return SeriesWorld({"every": text, **rest}, handler, launch, lead)


# --- the plain course ------------------------------------------------------------------------------------------


def test_each_occurrence_runs_once_and_is_told_its_nominal_time():
    world = every()
    world.pass_time(65)
    assert world.nominal() == [10, 20, 30, 40, 50, 60]


def test_a_run_is_folded_into_history_and_counts():
    world = every()
    world.pass_time(35)
    assert world.counts("runs", "succeeded", "skipped", "missed") == (3, 3, 0, 0)
    assert [entry["scheduledTime"] for entry in world.status["history"]] == [
        instant(seconds=30),
        instant(seconds=20),
        instant(seconds=10),
    ]
    assert not world.status.get("runs")


def test_a_waiting_series_says_when_it_runs_next_and_what_its_schedule_is():
    world = every()
    world.pass_time(15)
    assert (world.status["state"], world.status["nextRunTime"]) == (State.PENDING, instant(seconds=20))
    assert world.status["schedule"] == "every 10s"


def test_a_run_costs_four_writes_of_the_status_by_the_operator_and_the_runner():
    world = every()
    world.pass_time(15)
    before = world.writes
    world.pass_time(50)
    assert world.writes - before == 5 * 2  # the operator's: it opens and folds; the runner's are two more


def test_a_first_run_is_immediate_and_the_schedule_goes_on_from_it():
    world = every(first={"immediately": True})
    world.pass_time(25)
    assert world.nominal() == [0, 10, 20]


# --- prelaunch -------------------------------------------------------------------------------------------------


def test_a_prelaunched_run_starts_at_its_nominal_time():
    world = every(lead=2, launch=1.5)
    world.pass_time(45)
    assert world.starts() == [10, 20, 30, 40]


def test_without_a_lead_a_run_starts_when_its_pod_is_up():
    world = every(lead=0, launch=1.5)
    world.pass_time(25)
    assert [round(start) for start in world.starts()] == [12, 22]


def test_a_task_is_pending_until_a_prelaunched_run_is_claimed():
    world = every(lead=3)
    world.pass_time(9)
    assert world.jobs
    assert (world.status["state"], world.status["nextRunTime"]) == (State.PENDING, instant(seconds=10))


def test_runs_of_two_seconds_are_prepared_while_the_one_before_goes_on():
    world = every("2s", handler=1.2, lead=1.5, launch=1.0)
    world.pass_time(61.5)
    assert world.starts() == [float(n) for n in range(2, 62, 2)]
    assert world.most_at_once() == 1


def test_a_lead_longer_than_the_interval_prepares_several_runs():
    world = every("2s", handler=0.5, lead=5, launch=4)
    world.pass_time(30.5)
    # The first is late for want of a lead, so that the second meets it.
    assert world.nominal() == [2, *range(6, 31, 2)]


def test_a_prelaunched_run_is_taken_back_by_an_edit_of_the_schedule():
    world = every(lead=3)
    world.pass_time(8)
    world.edit(recurrence={"every": "25s"})
    world.pass_time(30)
    assert world.nominal() == [25]


def test_a_run_that_lasts_is_not_prepared_for_in_vain():
    world = every("10s", handler=25, lead=3)
    world.pass_time(98)
    made = len(world.ready)
    assert world.nominal() == [10, 40, 70]
    # One for each run, two before it was known how long a run lasts, and one for the run at 100 s.
    assert made == 6


# --- overlap ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [0, 3])
def test_skip_leaves_out_what_comes_due_while_a_run_goes_on(lead):
    world = every(handler=25, lead=lead, overlap="Skip")
    world.pass_time(98)
    assert world.nominal() == [10, 40, 70]
    assert world.most_at_once() == 1
    assert world.counts("skipped") == (6,)


@pytest.mark.parametrize("lead", [0, 3])
def test_queue_runs_everything_one_after_another(lead):
    world = every(handler=15, lead=lead, overlap="Queue", until=instant(seconds=45))
    world.pass_time(44)
    assert world.nominal() == [10, 20, 30]
    assert world.most_at_once() == 1
    assert [entry["scheduledTime"] for entry in world.status["waiting"]] == [instant(seconds=40)]


@pytest.mark.parametrize("lead", [0, 3])
def test_replace_stops_the_run_before(lead):
    world = every(handler=25, lead=lead, overlap="Replace")
    world.pass_time(45)
    assert world.nominal() == [10, 20, 30, 40]
    assert [execution.killed for execution in world.executions] == [True, True, True, False]
    assert world.most_at_once() == 1
    assert world.counts("cancelled", "runs") == (3, 0)


@pytest.mark.parametrize("lead", [0, 3])
def test_allow_runs_side_by_side(lead):
    world = every(handler=25, lead=lead, overlap="Allow")
    world.pass_time(58)
    assert world.nominal() == [10, 20, 30, 40, 50]
    assert world.most_at_once() == 3


def test_allow_runs_sixteen_at_once_at_most():
    world = every("1s", handler=600, launch=0.1, overlap="Allow")
    world.pass_time(30)
    assert len(world.status["runs"]) == 16
    assert len(world.status["waiting"]) == 13


# --- catch-up --------------------------------------------------------------------------------------------------


def test_latest_runs_the_newest_missed_occurrence():
    world = every(catchUp={"policy": "Latest"})
    world.pass_time(15)
    world.stop_operator(30)
    world.pass_time(10)
    assert world.nominal() == [10, 40, 50]
    assert world.counts("missed") == (2,)
    assert world.condition("MissedRuns") == ("False", "OnTime")


def test_none_runs_no_missed_occurrence():
    world = every(catchUp={"policy": "None"})
    world.pass_time(15)
    world.stop_operator(30)
    world.pass_time(10)
    assert world.nominal() == [10, 50]
    assert world.counts("missed") == (3,)


def test_all_runs_every_missed_occurrence_one_after_another():
    world = every(handler=2, catchUp={"policy": "All"}, overlap="Allow")
    world.pass_time(15)
    world.stop_operator(30)
    world.pass_time(13)
    assert sorted(world.nominal()) == [10, 20, 30, 40, 50]
    assert world.counts("missed") == (0,)


def test_all_is_bounded_by_its_limit_and_keeps_the_newest():
    world = every(catchUp={"policy": "All", "limit": 2})
    world.stop_operator(55)
    world.pass_time(4)
    assert world.nominal() == [40, 50]
    assert world.counts("missed") == (3,)


def test_a_window_bounds_how_old_a_missed_occurrence_may_be():
    world = every(catchUp={"policy": "All", "window": "20s"})
    world.stop_operator(55)
    world.pass_time(4)
    assert world.nominal() == [40, 50]


def test_an_operator_that_starts_again_and_again_loses_and_doubles_nothing():
    world = every(catchUp={"policy": "All"}, handler=1.5, lead=2)
    for _ in range(12):
        world.stop_operator(4)
        world.pass_time(6)
    world.pass_time(5)
    assert world.nominal() == [float(n) for n in range(10, 121, 10)]


def test_a_long_outage_of_a_frequent_series_is_counted_in_several_passes():
    world = every("1s", catchUp={"policy": "None"})
    world.now += timedelta(seconds=5000)
    world.awake_since = world.now
    world.look()
    assert world.counts("missed") == (4999,)


# --- the clock -------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_runs_nothing_twice():
    world = every()
    world.pass_time(21)
    world.now -= timedelta(seconds=15)
    world.wake = None
    world.pass_time(30)
    assert world.nominal() == [10, 20, 30]


# --- suspend, run now, limits, the end ---------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [0, 3])
def test_what_is_due_while_suspended_is_skipped(lead):
    world = every(lead=lead)
    world.pass_time(18)
    world.edit(suspend=True)
    world.pass_time(30)
    assert not world.jobs or all(job.complete for job in world.jobs.values())
    world.edit(suspend=False)
    world.pass_time(10)
    assert world.nominal() == [10, 50]
    assert world.counts("skipped") == (3,)


def test_a_suspension_that_ends_before_the_time_changes_nothing():
    world = every(lead=3)
    world.pass_time(8)
    world.edit(suspend=True)
    world.pass_time(1)
    world.edit(suspend=False)
    world.pass_time(3)
    assert world.nominal() == [10]


def test_run_now_runs_once_for_a_token():
    world = every()
    world.pass_time(13)
    world.edit(runNow="please")
    world.pass_time(3)
    assert len(world.executions) == 2
    assert world.executions[1].run_id.startswith("m")
    assert (world.status["runNow"]["token"], world.status["runNow"]["answer"]) == ("please", "Started")
    world.pass_time(8)
    assert len(world.executions) == 3


@pytest.mark.parametrize(
    ("overlap", "answer"),
    [("Skip", "Skipped"), ("Queue", "Waiting"), ("Replace", "Started"), ("Allow", "Started")],
)
def test_run_now_obeys_overlap(overlap, answer):
    world = every("60s", handler=30, overlap=overlap)
    world.pass_time(65)
    world.edit(runNow="please")
    world.look()
    assert world.status["runNow"]["answer"] == answer


def test_max_runs_ends_the_series():
    world = every(maxRuns=3, lead=2)
    world.pass_time(60)
    assert world.nominal() == [10, 20, 30]
    assert world.status["state"] == State.COMPLETED
    assert world.condition("SeriesEnded") == ("True", "MaxRunsReached")


def test_until_ends_the_series_and_is_exclusive():
    world = every(until=instant(seconds=30), lead=2)
    world.pass_time(60)
    assert world.nominal() == [10, 20]
    assert world.condition("SeriesEnded") == ("True", "UntilReached")


def test_a_first_run_alone_is_the_only_one():
    world = SeriesWorld({"first": {"immediately": True}})
    world.pass_time(20)
    assert world.nominal() == [0]
    assert world.condition("SeriesEnded") == ("True", "NothingFollows")


def test_an_edit_takes_effect_at_once_and_keeps_the_counters():
    world = every("60s")
    world.pass_time(65)
    world.edit(recurrence={"every": "10s"})
    world.pass_time(10)
    assert world.nominal() == [60, 70]
    assert world.counts("runs") == (2,)


def test_a_cancelled_series_ends_when_its_run_has_ended():
    world = every(handler=30)
    world.pass_time(15)
    world.edit(cancel=True)
    world.pass_time(2)
    assert world.status["state"] == State.CANCELLED
    assert not world.jobs
    assert world.executions[0].killed


def test_a_series_armed_anew_counts_its_runs_from_nothing():
    world = every(maxRuns=2)
    world.pass_time(30)
    world.edit(incarnation=1)
    world.pass_time(30)
    assert len(world.executions) == 4
    assert world.counts("runs", "incarnationRuns") == (4, 2)


# --- no room, faults -------------------------------------------------------------------------------------------


def test_an_occurrence_without_room_waits_and_runs_when_there_is():
    world = every()
    world.room = False
    world.pass_time(15)
    assert world.status["waiting"][0]["reason"] == "Room"
    assert world.status["state"] == State.QUEUED
    world.room, world.wake = True, None
    world.pass_time(2)
    assert world.nominal() == [10]


def test_a_series_that_cannot_be_evaluated_is_held_and_healed():
    world = SeriesWorld({"cron": "0 0 30 2 *"})
    world.pass_time(5)
    assert world.condition("Accepted")[0] == "False"
    world.edit(recurrence={"every": "10s"})
    world.pass_time(10)
    assert world.nominal() == [10]


def test_a_failed_series_run_does_not_end_the_series():
    world = every()
    world.pass_time(12)
    assert all(run["phase"] != Phase.FAILED for run in (world.status.get("runs") or {}).values())
