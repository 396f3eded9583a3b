"""The recurrences that are computed: different ones, of every form, and the same in every run."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.next.specs import ANCHOR, far_away, generate, never_again
from evertask.api.recurrence import Recurrence
from evertask.recurrence import compile_recurrence, next_occurrence


def test_every_run_computes_the_same():
    assert generate(50) == generate(50)


def test_a_thousand_are_a_thousand_different_ones():
    assert len({repr(recurrence) for recurrence in generate(1000)}) == 1000


def test_every_form_is_among_them():
    forms = Counter(next(iter(recurrence)) for recurrence in generate(1000))
    assert forms.keys() == {"cron", "crons", "every", "calendar"}
    assert min(forms.values()) > 100


@pytest.mark.parametrize(
    "recurrences", [generate(1000), [far.recurrence for far in [*far_away(), *never_again()]]]
)
def test_each_is_one_that_the_api_takes(recurrences):
    for recurrence in recurrences:
        Recurrence.model_validate(recurrence)


def test_what_is_generated_occurs_again():
    for recurrence in generate(200):
        assert next_occurrence(compile_recurrence(recurrence), ANCHOR, ANCHOR)


def test_what_is_far_away_is_more_than_a_hundred_years_ahead_or_decades_apart():
    for recurrence, after in far_away():
        found = next_occurrence(compile_recurrence(recurrence), after, ANCHOR)
        assert found
        assert found.year - ANCHOR.year > 100 or found.year - after.year >= 4


def test_what_is_never_again_has_no_occurrence():
    for recurrence, after in never_again():
        assert next_occurrence(compile_recurrence(recurrence), after, ANCHOR) is None
