"""How a pod that is made early waits, on clocks that jump."""

from __future__ import annotations

import pytest

from evertask.api.protocol import CLAIM_LEAD_SECONDS
from evertask_runner.clocks import Clock
from evertask_runner.waiting import (
    CONNECT_LEAD_SECONDS,
    HELD_PAUSE_SECONDS,
    LONGEST_HELD_PAUSE_SECONDS,
    RECHECK_SECONDS,
    Appointment,
    held_pause,
    sleep_until,
)

NOON = 1_800_000_000.0


class Machine:
    """A machine's clocks; every sleep goes by at once."""

    def __init__(self, wall: float) -> None:
        self.wall, self.monotonic = wall, 1000.0
        self.sleeps: list[float] = []
        self.jumps: dict[int, float] = {}

    def jump(self, seconds: float, *, during_sleep: int) -> Machine:
        """Let the wall clock jump while the machine sleeps for the n-th time: set, or suspended meanwhile."""
        self.jumps[during_sleep] = seconds
        return self

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.monotonic += seconds
        self.wall += seconds + self.jumps.get(len(self.sleeps), 0.0)

    @property
    def clock(self) -> Clock:
        return Clock(self.sleep, lambda: self.wall, lambda: self.monotonic)


def test_the_wall_clock_is_asked_at_least_once_a_second():
    machine = Machine(NOON - 10.25)
    sleep_until(NOON, machine.clock)
    assert machine.sleeps == [*[RECHECK_SECONDS] * 10, 0.25]


def test_the_last_stretch_is_one_sleep():
    machine = Machine(NOON - 0.75)
    sleep_until(NOON, machine.clock)
    assert machine.sleeps == [0.75]


@pytest.mark.parametrize("late", [0.0, 0.001, 86400.0])
def test_a_time_that_has_passed_is_not_waited_for(late):
    machine = Machine(NOON + late)
    sleep_until(NOON, machine.clock)
    assert machine.sleeps == []


def test_a_sleep_that_ends_early_is_followed_by_another():
    machine = Machine(NOON - 1)
    wakes = iter([0.25, 0.5])
    clock = Clock(lambda seconds: machine.sleep(next(wakes, seconds)), lambda: machine.wall)
    sleep_until(NOON, clock)
    assert machine.sleeps == [0.25, 0.5, 0.25]


@pytest.mark.parametrize("step", [30.0, 3600.0], ids=["suspended-or-set-forward-a-little", "by-an-hour"])
def test_a_clock_that_jumps_forward_ends_the_wait_within_a_second(step):
    machine = Machine(NOON - 20).jump(step, during_sleep=3)
    sleep_until(NOON, machine.clock)
    assert machine.monotonic - 1000.0 == 3


def test_a_clock_that_is_set_back_prolongs_the_wait_by_as_much():
    machine = Machine(NOON - 5).jump(-60.0, during_sleep=2)
    sleep_until(NOON, machine.clock)
    assert (machine.wall, machine.monotonic) == (NOON, 1000.0 + 65)


def test_a_clock_that_is_set_back_in_the_last_stretch_is_noticed_too():
    machine = Machine(NOON - 0.5).jump(-2.0, during_sleep=1)
    sleep_until(NOON, machine.clock)
    assert machine.wall == NOON


def test_the_claim_is_due_a_lead_before_the_nominal_time():
    machine = Machine(NOON - 30)
    Appointment(NOON, machine.clock).wait_for_claim(lambda: None, 0.0)
    assert machine.wall == NOON - CLAIM_LEAD_SECONDS


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_the_connection_is_made_shortly_before_the_claim(spread):
    machine = Machine(NOON - 30)
    connected: list[float] = []
    Appointment(NOON, machine.clock).wait_for_claim(lambda: connected.append(machine.wall), spread)
    (at,) = connected
    assert CONNECT_LEAD_SECONDS <= NOON - CLAIM_LEAD_SECONDS - at <= 2 * CONNECT_LEAD_SECONDS


def test_a_slow_connection_delays_no_claim_that_has_time():
    machine = Machine(NOON - 30)
    Appointment(NOON, machine.clock).wait_for_claim(lambda: machine.sleep(0.5), 0.0)
    assert machine.wall == NOON - CLAIM_LEAD_SECONDS


@pytest.mark.parametrize(
    ("left", "early"),
    [(10.0, True), (CLAIM_LEAD_SECONDS + 0.5, True), (CLAIM_LEAD_SECONDS, False), (-5.0, False)],
)
def test_only_a_pod_with_time_before_the_claim_is_early(left, early):
    assert Appointment(NOON, Machine(NOON - left).clock).is_early is early


def test_a_run_without_a_time_is_due_now():
    appointment = Appointment(None, Machine(NOON).clock)
    assert (appointment.is_early, appointment.start_time, appointment.instant) == (False, NOON, 1000.0)


@pytest.mark.parametrize(("left", "start"), [(0.25, NOON), (0.0, NOON), (-3.0, NOON + 3)])
def test_the_claim_says_the_nominal_time_or_now_where_that_has_passed(left, start):
    assert Appointment(NOON, Machine(NOON - left).clock).start_time == start


def test_after_the_claim_the_instant_is_on_the_monotonic_clock():
    machine = Machine(NOON - 0.25)
    assert Appointment(NOON, machine.clock).instant == 1000.25


@pytest.mark.parametrize("late", [0.0, 7.0])
def test_the_instant_of_a_run_that_is_due_is_now(late):
    assert Appointment(NOON, Machine(NOON + late).clock).instant == 1000.0


@pytest.mark.parametrize(
    ("late", "pause"),
    [
        (-0.25, HELD_PAUSE_SECONDS),
        (0.0, HELD_PAUSE_SECONDS),
        (0.4, 0.1),
        (1.0, LONGEST_HELD_PAUSE_SECONDS),
        (3600.0, LONGEST_HELD_PAUSE_SECONDS),
    ],
)
def test_a_held_run_is_looked_at_less_often_as_it_gets_late(late, pause):
    assert held_pause(late) == pytest.approx(pause)
