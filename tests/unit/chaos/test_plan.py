"""The plan follows from its seed, and has something of everything."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from benchmarks.chaos import plan
from benchmarks.chaos.records import Deed, What
from evertask.api.task import EverTaskSpec


def test_a_seed_makes_the_same_plan_each_time():
    assert plan.tasks(7, 200) == plan.tasks(7, 200)
    first, second = (list(islice(plan.disturbances(7, plan.LIGHT_WEIGHTS, 2.0), 50)) for _ in range(2))
    assert first == second


def test_another_seed_makes_another_plan():
    assert plan.tasks(7, 200) != plan.tasks(8, 200)


def test_a_thousand_runs_have_tasks_of_each_kind_and_each_request():
    tasks = plan.tasks(1, 1000)
    assert 1000 <= sum(task.runs for task in tasks) < 1010
    assert {task.kind for task in tasks} == set(plan.KINDS)
    assert {step.deed for task in tasks for step in task.steps} == set(Deed) - {Deed.CREATE}


@pytest.mark.parametrize("kind", sorted(plan.KINDS))
def test_what_is_planned_is_a_valid_task(kind):
    tasks = [task for task in plan.tasks(1, 1000) if task.kind == kind]
    assert all(EverTaskSpec.model_validate(task.spec) for task in tasks)
    names = Counter(task.name for task in tasks)
    assert max(names.values()) == 1


def test_each_disturbance_is_done_on_the_light_stage():
    done = {what for _, what in islice(plan.disturbances(1, plan.LIGHT_WEIGHTS, 2.0), 1000)}
    assert done == set(What)


def test_a_series_whose_runs_replace_each_other_is_ended():
    endless = [
        task
        for task in plan.tasks(1, 3000)
        if task.kind == "series"
        and task.spec["recurrence"]["overlap"] == "Replace"
        and task.spec["payload"]["seconds"] >= int(task.spec["recurrence"]["every"].removesuffix("s"))
    ]
    assert endless
    assert all(Deed.CANCEL in {step.deed for step in task.steps} for task in endless)
