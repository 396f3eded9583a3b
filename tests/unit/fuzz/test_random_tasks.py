"""Ten thousand random tasks with random statuses, Jobs and pods: the decisions never crash, and never break a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from evertask.api.protocol import TERMINAL_STATES, State
from evertask.api.task import EverTaskSpec, EverTaskStatus
from evertask_operator.decisions import decide
from evertask_operator.decisions.merging import merged
from evertask_operator.decisions.situation import Diagnosis, Situation
from evertask_operator.resources.jobs import build_job
from evertask_operator.settings import RunnerSettings, Settings
from tests.support.random_objects import RandomObjects
from tests.support.situations import CREATED, make_job, make_pod, make_record

if TYPE_CHECKING:
    from random import Random

    from evertask_operator.decisions.plans import Plan

SEEDS = range(20)
TASKS_OF_A_SEED = 500
MESSAGES = (
    "",
    "x",
    "{}",
    "[]",
    '{"run": 1}',
    '{"run": "s1795487555", "launch": 1, "phase": "Succeeded"}',
    "\ud800",
    "9" * 5000,
)


def random_situation(objects: RandomObjects) -> Situation:
    """Throw a situation: a task with any status that fits the schema, and Jobs and pods that may be its own."""
    dice = objects.dice
    task = make_record(objects.good_spec(), objects.status() if dice.random() < 0.8 else {})
    runs = list(task.status.get("runs") or {}) or ["s1795487555"]
    numbers = [(dice.choice(runs), dice.choice([1, 2, 1000])) for _ in range(dice.randint(0, 3))]
    return Situation(
        task,
        CREATED + timedelta(seconds=dice.choice([0, 1, 60, 10**6, 10**9])),
        Settings(),
        jobs=tuple(make_job(launch, run_id=run, **random_job(dice)) for run, launch in numbers),
        pods=tuple(make_pod(launch, run_id=run, **random_pod(dice)) for run, launch in numbers),
        verified=dice.random() < 0.5,
        refusal=dice.choice(["", "no"]),
        postponement=dice.choice(["", "quota"]),
        diagnosis=dice.choice([None, Diagnosis("FailedMount", "no volume")]),
        keep_jobs=dice.random() < 0.5,
        room=dice.choice(["", "full"]),
        lead=timedelta(seconds=dice.choice([0, 3])),
    )


def random_job(dice: Random) -> dict[str, Any]:
    return {
        "deleting": dice.random() < 0.2,
        "complete": dice.random() < 0.3,
        "gone": dice.random() < 0.1,
        "failed_reason": dice.choice(["", "", "PodFailurePolicy", "BackoffLimitExceeded"]),
    }


def random_pod(dice: Random) -> dict[str, Any]:
    return {
        "phase": dice.choice(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
        "reason": dice.choice(["", "DeadlineExceeded", "Evicted"]),
        "exit_code": dice.choice([None, 0, 1, 70, 78, 137, 143, 255]),
        "exit_reason": dice.choice(["", "OOMKilled", "Error", "StartError"]),
        "disruption": dice.choice(["", "", "EvictionByEvictionAPI"]),
        "delete_by": dice.choice([None, None, CREATED]),
        "waiting_reason": dice.choice(["", "ImagePullBackOff", "CreateContainerConfigError"]),
        "unschedulable": dice.choice(["", "no node"]),
        "runner_ended": dice.random() < 0.2,
        "termination_message": dice.choice(MESSAGES),
    }


def assert_plan_is_legal(situation: Situation, plan: Plan) -> None:
    """Check what holds for each plan: what it writes fits the schema, and a final state stays."""
    task = situation.task
    if plan.job is not None:
        build_job(task, plan.job.run_id, plan.job.launch, RunnerSettings())
    for deletion in plan.deletions:
        assert deletion.job in situation.jobs
    if plan.status is None:
        return
    before, after = task.status, merged(task.status, plan.status)
    EverTaskStatus.model_validate(after)
    assert after.get("launches", 0) >= before.get("launches", 0)
    is_same_life = after.get("incarnation", 0) <= before.get("incarnation", 0)
    if State(before.get("state", "Pending")) in TERMINAL_STATES and is_same_life:
        assert after.get("state") == before["state"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_status_and_no_pod_makes_the_decisions_crash_or_break_a_rule(seed):
    objects = RandomObjects(seed)
    for number in range(TASKS_OF_A_SEED):
        situation = random_situation(objects)
        try:
            assert_plan_is_legal(situation, decide(situation))
        except Exception as error:
            raise AssertionError(f"seed {seed}, task {number}: {situation}") from error


@pytest.mark.parametrize("seed", SEEDS)
def test_a_task_that_nobody_has_looked_at_is_decided_on_twice_alike(seed):
    objects = RandomObjects(1000 + seed)
    for _ in range(TASKS_OF_A_SEED // 5):
        situation = replace(random_situation(objects), jobs=(), pods=())
        assert decide(situation) == decide(situation)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_refusal_of_a_random_spec_names_the_field_and_says_why(seed):
    objects = RandomObjects(2000 + seed)
    for _ in range(TASKS_OF_A_SEED):
        spec = objects.spec(wrong=0.1)
        try:
            EverTaskSpec.model_validate(spec)
        except ValidationError as error:
            for one in error.errors():
                assert len(one["msg"]) > len("Value error, ")
