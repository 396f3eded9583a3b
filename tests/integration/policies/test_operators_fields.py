"""What in its own task's status a pod may not write: what the operator keeps account by, and other runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask_runner.patches import Holder, claim_patch, outcome_patch, progress_patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.policies.conftest import Callers, Task
    from tests.support.api_client import ApiClient

TIME = "2026-01-01T10:00:00Z"
LATER = "2026-01-01T11:00:00Z"
RUN, OTHER = "s1795487555", "s1795487600"
SERIES = {"recurrence": {"every": "1h"}}

Json = dict[str, Any]

RUNS: Json = {
    RUN: {"scheduledTime": TIME, "launch": 1, "phase": "Running"},
    OTHER: {"scheduledTime": TIME, "launch": 2, "phase": "Launching"},
}
STATUS: Json = {
    "observedGeneration": 1,
    "incarnation": 0,
    "state": "InProgress",
    "launches": 7,
    "lastScheduledTime": TIME,
    "nextRunTime": TIME,
    "counts": {"runs": 3, "succeeded": 3},
    "runs": RUNS,
}


@pytest.fixture
def running(make_task: Callable[..., Task], callers: Callers) -> Callable[..., tuple[Task, ApiClient]]:
    """Make a task whose status the operator has written, and its first run's pod."""

    def make(status: Json = STATUS, **spec: Any) -> tuple[Task, ApiClient]:
        task = make_task(**spec)
        assert callers.operator().patch(task.status_path, {"status": status}).status == 200
        return task, callers.runner_of(task)

    return make


def refusal(runner: ApiClient, task: Task, change: Json) -> str:
    """The sentence with which the policy refuses a merge patch."""
    answer = runner.patch(task.status_path, {"status": change})
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden"), answer
    return answer.message


KEPT: Json = {
    "observedGeneration": 2,
    "incarnation": 1,
    "launches": 0,
    "job": "et-x",
    "armedTime": LATER,
    "schedule": "never",
    "scheduleDigest": "0",
    "lastScheduledTime": "2020-01-01T10:00:00Z",
    "waiting": [{"scheduledTime": TIME}],
    "runNow": {"token": "t", "time": TIME, "answer": "Started"},
    "history": [{"run": "s1", "outcome": "Succeeded"}],
    "runner": "somebody-elses",
    "conditions": [{"type": "Accepted", "status": "False", "reason": "X", "lastTransitionTime": TIME}],
}
OF_A_SERIES: Json = {
    "counts": {"runs": 0},
    "nextRunTime": LATER,
    "finishTime": TIME,
    "lastSuccessTime": TIME,
    "lastFailureTime": TIME,
    "transitions": [{"time": TIME, "state": "Completed"}],
}


@pytest.mark.parametrize("field", KEPT)
def test_what_the_operator_keeps_account_by_is_no_pods_to_write(running, field):
    task, runner = running()
    assert f"status.{field} of EverTask" in refusal(runner, task, {field: KEPT[field]})


@pytest.mark.parametrize("field", ["launches", "lastScheduledTime", "observedGeneration"])
def test_nor_to_remove(running, field):
    task, runner = running()
    assert f"status.{field} of EverTask" in refusal(runner, task, {field: None})


@pytest.mark.parametrize("field", OF_A_SERIES)
def test_a_series_goes_on_and_its_accounts_are_the_operators(running, field):
    task, runner = running(**SERIES)
    assert f"status.{field} of EverTask" in refusal(runner, task, {field: OF_A_SERIES[field]})


@pytest.mark.parametrize("state", ["Pending", "Queued", None])
def test_a_pod_does_not_put_its_task_back(running, state):
    task, runner = running()
    assert "status.state is for the EverTask operator to say" in refusal(runner, task, {"state": state})


@pytest.mark.parametrize("state", ["Completed", "Failed", "Cancelled", "Pending"])
def test_a_pod_does_not_end_its_series(running, state):
    task, runner = running(**SERIES)
    assert "may say that its task is InProgress;" in refusal(runner, task, {"state": state})


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({OTHER: {"phase": "Failed"}}, f"which is {RUN}"),
        ({OTHER: None}, "neither opens nor removes"),
        ({RUN: None}, "neither opens nor removes"),
        ({"s1": RUNS[RUN]}, "neither opens nor removes"),
        ({RUN: {"launch": 2}}, "written only by the EverTask operator"),
        ({RUN: {"scheduledTime": LATER}}, "written only by the EverTask operator"),
        ({RUN: {"interruptions": 9}}, "written only by the EverTask operator"),
        ({RUN: {"stop": "Replaced"}}, "written only by the EverTask operator"),
        ({RUN: {"podName": "another"}}, "not hand it to another pod"),
        ({RUN: {"phase": "Launching"}}, "Launching or Held"),
        ({RUN: {"phase": "Held"}}, "Launching or Held"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:60],
)
def test_a_pod_writes_its_own_run_and_not_what_decides_on_launches(running, change, part):
    task, runner = running()
    assert part in refusal(runner, task, {"runs": change})


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Cancelled"])
def test_an_outcome_is_final(running, phase):
    task, runner = running()
    assert runner.patch(task.status_path, {"status": {"runs": {RUN: {"phase": phase}}}}).status == 200
    assert "a run that has an outcome keeps it" in refusal(
        runner, task, {"runs": {RUN: {"phase": "Running"}}}
    )


def test_the_pod_of_an_earlier_launch_has_no_run_any_more(running):
    task, runner = running(STATUS | {"runs": {RUN: RUNS[RUN] | {"launch": 12}}})
    message = refusal(runner, task, {"runs": {RUN: {"phase": "Failed"}}})
    assert "and no open run is its own" in message


def test_a_launch_whose_number_does_not_fit_into_the_pods_name_still_reports(running, callers):
    task, _ = running(STATUS | {"runs": {RUN: RUNS[RUN] | {"launch": 123456}}})
    runner = callers.service_account(task.namespace, pod=f"et-{task.uid}-{RUN}-12345abcde")
    change = {"status": {"runs": {RUN: {"phase": "Succeeded"}}}}
    assert runner.patch(task.status_path, change).status == 200


def test_a_status_that_is_taken_away_is_missed(running):
    task, runner = running()
    assert refusal(runner, task, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", [{}, SERIES], ids=["one-shot", "series"])
def test_a_runners_own_writes_pass(running, admin, spec):
    """Claim, progress, outcome: the very patches of the runner."""
    from evertask.api.outcomes import Outcome, apply_outcome
    from evertask.api.protocol import Phase

    task, runner = running(
        STATUS | {"state": "Queued", "runs": {RUN: RUNS[RUN] | {"phase": "Launching"}}}, **spec
    )
    holder = Holder(task.uid, RUN, 1, f"et-{task.uid}-{RUN}-1-abcde")
    assert runner.patch(task.status_path, claim_patch(holder, TIME)).status == 200
    assert runner.patch(task.status_path, progress_patch(holder, {"percent": 1, "time": TIME})).status == 200
    outcome = Outcome(Phase.SUCCEEDED, LATER, result={"a": 1}, attempt=1, start_time=TIME)
    change = apply_outcome(admin("GET", task.path).body["status"], RUN, outcome, one_shot=not spec)
    patch = outcome_patch(holder, change, progress=None, only_if_cancelled=False)
    answer = runner.patch(task.status_path, patch)
    assert answer.status == 200, answer
    assert answer.body["status"]["runs"][RUN]["phase"] == "Succeeded"


def test_a_run_may_be_given_back_until_its_next_attempt(running):
    task, runner = running()
    back = {"phase": "Backoff", "podName": None, "startTime": None, "attempt": None, "failedAttempts": 1}
    answer = runner.patch(task.status_path, {"status": {"runs": {RUN: back}}})
    assert answer.status == 200, answer


def test_the_operator_writes_them_all(running, callers):
    task, _ = running(**SERIES)
    answer = callers.operator().patch(
        task.status_path, {"status": {**KEPT, **OF_A_SERIES, "runs": {RUN: None}}}
    )
    assert answer.status == 200, answer
