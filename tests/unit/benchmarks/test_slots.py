"""The plan of instants: clear of whole minutes, one at a time or together, and many enough."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice, pairwise

from benchmarks.lateness import slots
from evertask.api.task import EverTaskSpec
from evertask.recurrence import compile_recurrence, occurrences

BEGIN = 1_800_000_000.0
"""A whole minute."""


def all_instants(planned):
    return sorted(instant for due in planned for instant in due.instants)


def test_slots_stay_clear_of_whole_minutes():
    seconds = [slot % slots.MINUTE for slot in islice(slots.free_slots(BEGIN + 12.3), 500)]
    assert min(seconds) >= slots.FIRST_SECOND
    assert max(seconds) <= slots.LAST_SECOND


def test_slots_begin_at_the_instant_asked_for():
    assert next(slots.free_slots(BEGIN + 12.3)) == BEGIN + 13


def test_one_is_due_at_a_time():
    instants = all_instants(slots.one_at_a_time(BEGIN, 6))
    assert min(later - earlier for earlier, later in pairwise(instants)) == slots.SPACING_SECONDS


def test_six_minutes_have_two_hundred_starts_of_every_kind():
    planned = slots.one_at_a_time(BEGIN, 6)
    kinds = Counter(due.kind for due in planned for _ in due.instants)
    assert kinds == {"run-at": 102, "delay": 48, "recurring": 54}


def test_recurring_tasks_and_delays_are_due_at_whole_seconds():
    for due in slots.one_at_a_time(BEGIN, 2):
        assert due.kind == "run-at" or all(instant == int(instant) for instant in due.instants)


def test_four_minutes_have_forty_rounds_of_five():
    rounds = Counter(all_instants(slots.together(BEGIN, 4, 5)))
    assert set(rounds.values()) == {5}
    assert len(rounds) == 40


def test_every_spec_is_one_that_the_api_takes():
    for due in [*slots.one_at_a_time(BEGIN, 2), *slots.together(BEGIN, 1, 5)]:
        EverTaskSpec.model_validate({"handler": "a:b", **due.spec})


def test_names_are_not_used_twice():
    planned = [*slots.one_at_a_time(BEGIN, 6), *slots.together(BEGIN, 4, 5)]
    assert len({due.name for due in planned}) == len(planned)


def test_the_next_minute_leaves_the_notice():
    assert slots.next_minute(BEGIN + 34, 25) == BEGIN + 60
    assert slots.next_minute(BEGIN + 36, 25) == BEGIN + 120


def test_every_series_occurs_at_the_instants_that_were_planned():
    created = datetime.fromtimestamp(BEGIN - 20, UTC)
    for due in [*slots.one_at_a_time(BEGIN, 6), *slots.together(BEGIN, 4, 5)]:
        if due.kind == "recurring":
            series = compile_recurrence(due.spec["recurrence"])
            found = islice(occurrences(series, created, created), len(due.instants))
            assert [instant.timestamp() for instant in found] == list(due.instants)
            assert series.max_runs == len(due.instants)
