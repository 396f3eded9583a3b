"""``maxRunning``: never more than the limit, the earliest due first, and nobody is forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from evertask_operator.records import TaskKey
from evertask_operator.slots import Slots
from tests.support.situations import CREATED

A, B, C, D = (TaskKey("shop", name) for name in "abcd")
OTHER = TaskKey("other", "a")


def due(minutes):
    return CREATED + timedelta(minutes=minutes)


def full(limit=1, per_namespace=0):
    """Slots that are all taken."""
    slots = Slots(limit, per_namespace)
    for number in range(limit):
        assert slots.ask(TaskKey("filler", str(number)), due(0))
    return slots


def test_a_task_gets_a_slot_while_there_is_room():
    slots = Slots(2)
    assert [slots.ask(key, due(0)) for key in (A, B, C)] == [True, True, False]
    assert (slots.taken, slots.waiting) == (2, 1)


def test_asking_again_changes_nothing_for_a_holder():
    slots = Slots(1)
    assert slots.ask(A, due(0))
    assert slots.ask(A, due(9))
    assert slots.taken == 1
    assert slots.holds(A)


def test_the_earliest_due_has_the_next_turn_whoever_asked_first():
    slots = full()
    for key, minutes in ((A, 3), (B, 1), (C, 2)):
        assert not slots.ask(key, due(minutes))
    assert slots.release(TaskKey("filler", "0"))
    assert slots.next_turn() == B
    assert not slots.ask(A, due(3))
    assert slots.ask(B, due(1))


def test_those_who_stand_in_line_come_first():
    slots = Slots(1)
    slots.stand_in_line(B, due(1))
    assert not slots.ask(A, due(2))
    assert slots.ask(B, due(1))


def test_nobody_waits_for_those_before_while_everybody_fits():
    slots = Slots(2)
    slots.stand_in_line(B, due(1))
    assert slots.ask(A, due(2))
    assert slots.ask(B, due(1))


def test_an_edited_time_moves_the_place_in_line():
    slots = full()
    slots.ask(A, due(1))
    slots.ask(B, due(2))
    slots.ask(A, due(3))
    slots.release(TaskKey("filler", "0"))
    assert slots.next_turn() == B


def test_who_leaves_the_line_has_no_turn():
    slots = full()
    slots.ask(A, due(1))
    slots.ask(B, due(2))
    assert slots.leave_queue(A)
    assert not slots.leave_queue(A)
    slots.release(TaskKey("filler", "0"))
    assert slots.next_turn() == B


@pytest.mark.parametrize("how", ["waits", "holds", "neither"])
def test_forgetting_a_task_tells_whether_it_may_be_anothers_turn(how):
    slots = full() if how == "waits" else Slots(1)
    if how != "neither":
        slots.ask(A, due(0))
    assert slots.forget(A) is (how != "neither")
    assert slots.waiting == 0


def test_giving_no_slot_back_keeps_the_place_in_line():
    slots = full()
    slots.ask(A, due(0))
    assert not slots.release(A)
    slots.release(TaskKey("filler", "0"))
    assert slots.next_turn() == A


def test_an_open_run_takes_its_slot_beyond_the_limit():
    slots = full()
    slots.take(A)
    slots.take(A)
    assert slots.taken == 2
    slots.release(A)
    assert slots.next_turn() is None


def test_one_namespace_cannot_take_more_than_its_limit():
    slots = Slots(3, 1)
    assert slots.ask(A, due(0))
    assert not slots.ask(B, due(1))
    assert slots.ask(OTHER, due(2))
    assert slots.next_turn() is None
    slots.release(A)
    assert slots.next_turn() == B


def test_a_kept_job_holds_its_slot_until_another_task_needs_it():
    slots = Slots(2)
    slots.keep(A)
    assert slots.ask(B, due(0))
    assert slots.give_up_kept() == []
    assert not slots.ask(OTHER, due(1))
    assert slots.give_up_kept() == [A]
    assert slots.give_up_kept() == []
    slots.release(A)
    assert slots.ask(OTHER, due(1))


def test_kept_jobs_take_at_most_half_of_the_slots_and_the_oldest_goes_first():
    slots = Slots(2)
    slots.keep(B)
    assert slots.give_up_kept() == []
    slots.keep(A)
    assert slots.give_up_kept() == [B]


def test_a_kept_job_goes_where_its_namespace_is_full():
    slots = Slots(10, 1)
    slots.keep(A)
    slots.keep(OTHER)
    assert not slots.ask(B, due(0))
    assert slots.give_up_kept() == [A]


def test_a_task_that_runs_again_takes_its_kept_slot():
    slots = Slots(2)
    slots.keep(A)
    slots.take(A)
    assert slots.taken == 1
    assert slots.give_up_kept() == []


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        pytest.param(full(), "maxRunning (1) is reached", id="overall"),
        pytest.param(Slots(3, 1), "maxRunningPerNamespace (1) is reached in shop", id="per-namespace"),
    ],
)
def test_it_says_what_is_full(slots, words):
    assert slots.full_because(A) == words


KEYS = [TaskKey(namespace, str(number)) for namespace in ("a", "b", "c") for number in range(4)]


class SlotsMachine(RuleBasedStateMachine):
    """Tasks come, ask, run and go in any order."""

    def __init__(self):
        super().__init__()
        self.slots = Slots(3, 2)
        self.waiting = {}
        self.holding = set()

    def fits(self, key):
        in_namespace = Counter(holder.namespace for holder in self.holding)[key.namespace]
        return len(self.holding) < 3 and in_namespace < 2

    @rule(key=st.sampled_from(KEYS), minutes=st.integers(0, 9))
    def ask(self, key, minutes):
        given = self.slots.ask(key, due(minutes))
        if key in self.holding:
            assert given
            return
        self.waiting[key] = due(minutes)
        if given:
            assert self.fits(key)
            del self.waiting[key]
            self.holding.add(key)

    @rule(key=st.sampled_from(KEYS))
    def release(self, key):
        assert self.slots.release(key) is (key in self.holding)
        self.holding.discard(key)

    @rule(key=st.sampled_from(KEYS))
    def forget(self, key):
        assert self.slots.forget(key) is (key in self.holding or key in self.waiting)
        self.holding.discard(key)
        self.waiting.pop(key, None)

    @rule(key=st.sampled_from(KEYS))
    def leave(self, key):
        assert self.slots.leave_queue(key) is (key in self.waiting)
        self.waiting.pop(key, None)

    @invariant()
    def never_more_than_the_limits(self):
        assert self.slots.taken == len(self.holding) <= 3
        assert all(count <= 2 for count in Counter(key.namespace for key in self.holding).values())

    @invariant()
    def nobody_is_forgotten(self):
        assert self.slots.waiting == len(self.waiting)

    @invariant()
    def the_next_turn_is_the_earliest_that_fits(self):
        eligible = [(when, key) for key, when in self.waiting.items() if self.fits(key)]
        assert self.slots.next_turn() == (min(eligible)[1] if eligible else None)


TestSlotsMachine = SlotsMachine.TestCase
TestSlotsMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
