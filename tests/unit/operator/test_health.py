"""Liveness is tied to the progress of the loop and of the watches."""

from __future__ import annotations

import pytest

from evertask_operator import health
from evertask_operator.health import LOOP_SECONDS, WATCH_SECONDS, Health


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that the test moves."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(health, "time", made)
    return made


def beating(signs, clock, seconds):
    clock.now += seconds
    signs.beat()
    return signs.faults()


def test_a_loop_that_hangs_is_a_fault(clock):
    signs = Health()
    clock.now += LOOP_SECONDS
    assert signs.faults() == []
    clock.now += 1
    assert "the loop has not come round for 31 s" in signs.faults()[0]
    signs.beat()
    assert signs.faults() == []


def test_a_watch_that_is_silent_about_a_change_is_a_fault(clock):
    signs = Health()
    signs.heard("pods", 50)
    signs.listed_up_to("pods", 60)
    assert beating(signs, clock, WATCH_SECONDS) == []
    assert "the watch of pods has been silent" in beating(signs, clock, 1)[0]
    signs.heard("pods", 60)
    assert signs.faults() == []


def test_a_watch_without_anything_to_tell_may_be_silent_for_ever(clock):
    signs = Health()
    signs.heard("jobs", 50)
    for _ in range(5):
        signs.listed_up_to("jobs", 50)
        assert beating(signs, clock, 1000) == []


def test_a_watch_that_told_of_later_changes_owes_nothing(clock):
    signs = Health()
    signs.listed_up_to("jobs", 60)
    signs.heard("jobs", 75)
    assert beating(signs, clock, 1000) == []


def test_a_silence_is_measured_from_its_beginning(clock):
    signs = Health()
    signs.listed_up_to("jobs", 60)
    beating(signs, clock, 100)
    signs.listed_up_to("jobs", 70)  # another change that the watch has not told
    assert beating(signs, clock, 21) != []


def test_a_new_silence_is_measured_anew(clock):
    signs = Health()
    signs.listed_up_to("jobs", 60)
    signs.heard("jobs", 60)
    beating(signs, clock, 1000)
    signs.listed_up_to("jobs", 70)
    assert beating(signs, clock, 100) == []
    assert beating(signs, clock, 100) != []


def test_an_older_word_does_not_take_a_newer_one_back(clock):
    signs = Health()
    signs.heard("jobs", 60)
    signs.heard("jobs", 50)
    signs.listed_up_to("jobs", 60)
    assert beating(signs, clock, 1000) == []


def test_watches_are_judged_one_by_one(clock):
    signs = Health()
    signs.listed_up_to("jobs", 60)
    signs.heard("pods", 99)
    assert len(beating(signs, clock, 1000)) == 1


def test_who_stands_by_is_ready_and_alive(clock):
    signs = Health()
    assert signs.readiness == (False, "listing")
    for _ in range(5):
        clock.now += LOOP_SECONDS
        signs.wait_for_another()
    assert (signs.readiness, signs.faults()) == ((True, "standing by"), [])


def test_who_takes_over_is_ready_when_it_has_listed():
    signs = Health()
    signs.wait_for_another()
    signs.take_over()
    assert signs.readiness == (False, "listing")
    signs.listed = True
    assert signs.readiness == (True, "ok")
