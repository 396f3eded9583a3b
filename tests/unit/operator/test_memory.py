"""What the operator notes about a task: when to try again, when to ask again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask_operator.decisions.situation import Diagnosis
from evertask_operator.memory import Memory
from tests.support.situations import CREATED


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0.25), (1, 0.5), (4, 4), (8, 60), (10_000, 60)])
def test_pauses_double_up_to_a_minute(failures, seconds):
    assert Memory(uid="u", failures=failures).pause() == timedelta(seconds=seconds)


def test_a_postponement_is_tried_again_ever_later():
    memory = Memory(uid="u")
    memory.postpone("quota", CREATED)
    first = memory.retry_at
    memory.postpone("quota", CREATED)
    assert (first, memory.retry_at) == (CREATED + timedelta(seconds=0.25), CREATED + timedelta(seconds=0.5))
    assert memory.postponement == "quota"


def test_a_launch_ends_postponement_and_diagnosis():
    memory = Memory(uid="u")
    memory.postpone("quota", CREATED)
    memory.asked("pod", Diagnosis("R", "m"), CREATED)
    memory.launched()
    assert (memory.postponement, memory.retry_at, memory.failures, memory.diagnosis) == ("", None, 0, None)
    assert memory.may_ask("pod", CREATED)


def test_a_refusal_is_that_of_a_generation():
    memory = Memory(uid="u")
    memory.refuse("bad", 4)
    assert (memory.refusal, memory.refused_generation) == ("bad", 4)


def test_a_pod_that_says_nothing_is_asked_ever_more_rarely():
    memory, now, pauses = Memory(uid="u"), CREATED, []
    for _ in range(6):
        assert memory.may_ask("pod", now)
        memory.asked("pod", None, now)
        assert memory.ask_again_at is not None
        assert not memory.may_ask("pod", now)
        pauses.append((memory.ask_again_at - now).total_seconds())
        now = memory.ask_again_at
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_another_pod_is_asked_at_once():
    memory = Memory(uid="u")
    memory.asked("pod", None, CREATED)
    assert memory.may_ask("other", CREATED)
    memory.asked("other", None, CREATED)
    assert memory.ask_again_at == CREATED + timedelta(seconds=5)
