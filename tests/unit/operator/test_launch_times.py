"""Launch times: the lead follows what pods have taken of late, within its bounds."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from evertask.api.protocol import CLAIM_LEAD_SECONDS
from evertask_operator.launch_times import BUSY_SECONDS, QUEUES, SAMPLES, LaunchTimes
from evertask_operator.settings import PrelaunchSettings

MARGIN = CLAIM_LEAD_SECONDS + BUSY_SECONDS
COLD = 3.0


def observed(*seconds, queue="q", **settings):
    times = LaunchTimes(PrelaunchSettings(**settings))
    for took in seconds:
        times.observe(queue, took)
    return times


def lead(times, due_together=1, queue="q"):
    return times.lead(queue, due_together).total_seconds()


def test_before_the_first_launch_the_lead_is_a_guess():
    assert lead(observed()) == COLD
    assert lead(observed(cold_start_lead=timedelta(seconds=7))) == 7


@pytest.mark.parametrize(("count", "expected"), [(4, COLD), (5, 0.8 + MARGIN)])
def test_a_few_quick_launches_are_not_believed_yet(count, expected):
    assert lead(observed(*[0.8] * count)) == pytest.approx(expected)


def test_a_slow_launch_is_believed_from_the_first():
    assert lead(observed(6.0)) == pytest.approx(6.0 + MARGIN)


def test_the_lead_is_that_of_the_slow_launches_and_not_of_the_usual_ones():
    assert lead(observed(*[0.6, 0.6, 0.6, 0.9] * 10)) == pytest.approx(0.9 + MARGIN)


@pytest.mark.parametrize("before", [0, 20, 95], ids="after-{}".format)
def test_one_slow_pull_of_an_image_does_not_dominate_for_ever(before):
    times = observed(*[0.6] * before, 12.0)
    assert lead(times) == pytest.approx(12.0 + MARGIN)
    needed = 0
    while lead(times) > 2:
        times.observe("q", 0.6)
        needed += 1
    assert 20 < needed < 50


def test_a_cluster_that_has_become_slower_is_noticed_at_once():
    times = observed(*[0.6] * SAMPLES)
    times.observe("q", 2.0)
    assert lead(times) == pytest.approx(2.0 + MARGIN)


def test_a_cluster_that_has_become_faster_is_noticed():
    assert lead(observed(*[4.0] * SAMPLES, *[0.7] * SAMPLES)) == pytest.approx(0.7 + MARGIN)


@pytest.mark.parametrize("seconds", [-0.001, 60.001, 1e9, math.inf, math.nan])
def test_what_cannot_be_or_says_nothing_is_ignored(seconds):
    assert lead(observed(*[0.8] * 5, seconds)) == pytest.approx(0.8 + MARGIN)
    assert lead(observed(seconds)) == COLD


@pytest.mark.parametrize(("together", "more"), [(0, 0), (1, 0), (2, 0.35), (4, 1.05), (11, 3.5)])
def test_the_lead_grows_with_the_pods_that_are_due_together(together, more):
    assert lead(observed(*[0.8] * 5), together) == pytest.approx(0.8 + MARGIN + more)
    assert lead(observed(), together) == pytest.approx(COLD + more)


@pytest.mark.parametrize("together", [1, 40])
@pytest.mark.parametrize("seconds", [[], [0.6] * 10, [50.0] * 10], ids=["cold", "quick", "slow"])
def test_nothing_is_launched_early_when_it_is_turned_off(seconds, together):
    assert lead(observed(*seconds, max_lead=timedelta(0)), together) == 0


def test_the_lead_stays_within_its_bounds():
    assert lead(observed(*[0.1] * 10)) == 1
    assert lead(observed(*[50.0] * 10)) == 15
    assert lead(observed(), 1000) == 15


def test_the_longest_lead_bounds_the_guess_and_the_shortest_too():
    short = timedelta(milliseconds=500)
    assert lead(observed(max_lead=short)) == 0.5
    assert lead(observed(*[0.1] * 10, max_lead=short)) == 0.5


def test_each_queue_has_its_own_launch_times():
    times = observed(*[0.8] * 5)
    assert lead(times, queue="other") == COLD


def test_only_so_many_queues_are_remembered():
    times = observed(9.0, queue="busy")
    times.observe("idle", 9.0)
    times.observe("busy", 9.0)
    for number in range(QUEUES - 1):
        times.observe(f"q{number}", 1.0)
    assert (lead(times, queue="idle"), lead(times, queue="busy")) == (COLD, 9.0 + MARGIN)
    assert len(times._queues) == QUEUES


def test_only_so_many_launches_are_remembered():
    assert len(observed(*[1.0] * 3 * SAMPLES)._queues["q"].seconds) == SAMPLES
