"""A quota on Jobs: the task waits and says so; nothing fails for having waited."""

from __future__ import annotations

from evertask.api.protocol import Condition, State
from tests.support.live_tasks import checked, condition_of
from tests.support.waiting import eventually


def set_quota(stage, jobs):
    path = f"/api/v1/namespaces/{stage.namespace}/resourcequotas"
    hard = {"count/jobs.batch": str(jobs)}
    quota = {"metadata": {"name": "jobs"}, "spec": {"hard": hard}}
    if stage.admin("GET", f"{path}/jobs").status == 404:
        checked(stage.admin("POST", path, quota))
    else:
        checked(stage.admin.patch(f"{path}/jobs", {"spec": {"hard": hard}}))
    eventually(
        lambda: checked(stage.admin("GET", f"{path}/jobs")).get("status", {}).get("hard"),
        lambda found: found == hard,
        30,
    )


def test_a_task_over_the_quota_waits_says_so_and_starts_when_it_is_raised(stage):
    set_quota(stage, 0)
    stage.operator()
    stage.pods()
    tasks = [stage.task(f"t-{number}") for number in range(3)]
    for task in tasks:
        said = task.until(lambda s: condition_of(s, Condition.LAUNCHED).get("status") == "False")
        launched = condition_of(said, Condition.LAUNCHED)
        assert launched["reason"] == "JobPostponed"
        assert "exceeded quota: jobs" in launched["message"]
        assert said["state"] == State.QUEUED
    set_quota(stage, 10)
    for task in tasks:
        assert task.until_state(State.COMPLETED)["launches"] == 1
