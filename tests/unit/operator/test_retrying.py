"""A pod that died as a whole: whether its run is tried again, by whose policy, and what its status says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from evertask.api.protocol import MAX_FAILURES, ErrorType, Phase, State
from evertask.api.retry import RetryPolicy
from evertask.api.status import EverTaskStatus
from evertask_operator.decisions import decide
from evertask_operator.settings import DefaultsSettings, Settings
from tests.support.situations import CREATED, RUN, instant, make_task, pod_name, written

OOM = {"exit_code": 137, "exit_reason": "OOMKilled"}
CRASH = {"exit_code": 139}


def died(*, pod=CRASH, launch=1, said=None, defaults=None, run=None, **spec):
    """A run whose pod has died: what the decision is made from."""
    task = make_task(**spec).claimed(launch, **(run or {})).with_job(launch)
    if said is not None:
        pod = {**pod, "termination_message": said if isinstance(said, str) else json.dumps(said)}
    if defaults is not None:
        task = task.knowing(settings=Settings(defaults=DefaultsSettings(retry=RetryPolicy(**defaults))))
    ended = {"phase": "Failed", "runner_ended": True, "name": pod_name(launch), **pod}
    return task.with_pod(launch, **ended).at(seconds=10)


def note(retry, **changes):
    """What a runner leaves of the policy of its handler's class."""
    return {"run": RUN, "launch": 1, "attempt": 1, "exits": {"retry": retry}, **changes}


def after(task):
    plan = decide(task.situation())
    status = task.with_status(**written(plan)).status
    EverTaskStatus.model_validate(status)
    return status


def is_retried(task):
    return after(task)["runs"][RUN]["phase"] == Phase.BACKOFF


# --- what the status says --------------------------------------------------------------------------------------


def test_a_run_whose_pod_died_waits_for_its_next_attempt():
    run = after(died(pod=OOM, retry={"delay": "30s"}))["runs"][RUN]
    message = run["failures"][0].pop("message")
    assert "limits.memory" in message
    assert run == {
        "scheduledTime": instant(),
        "launch": 1,
        "phase": Phase.BACKOFF,
        "launchTime": instant(),
        "firstStartTime": instant(),
        "failedAttempts": 1,
        "failures": [{"attempt": 1, "time": instant(seconds=10), "type": "OutOfMemory", "delay": "30s"}],
        "nextAttemptTime": instant(seconds=40),
    }


def test_the_task_stays_in_progress_and_says_what_failed():
    task = died(retry={"limit": 4, "delay": "1m"})
    status, plan = after(task), decide(task.situation())
    assert status["state"] == State.IN_PROGRESS
    told = f"attempt 1 of 5 failed: PodFailed: pod {pod_name()} ended with exit code 139 (SIGSEGV) and reported nothing"
    assert status["message"] == f"{told}; the next at {instant(seconds=70)}"
    assert [(n.type, n.reason, n.message) for n in plan.notes] == [
        ("Warning", "AttemptFailed", status["message"])
    ]
    assert "counts" not in status
    assert "error" not in status


def test_then_it_is_launched_again():
    task = died(retry={"delay": "0s"})
    again = task.with_status(**written(decide(task.situation())))
    assert written(decide(again.situation()))["launches"] == 2


def test_the_end_of_its_log_is_told_since_it_goes_with_its_job():
    run = after(died(said="a\nb\nSegmentation fault\n"))["runs"][RUN]
    assert run["failures"][0]["message"].endswith("its log ends: a\nb\nSegmentation fault")
    long = after(died(said="x" * 4000))["runs"][RUN]["failures"][0]["message"]
    assert len(long) == 512


def test_attempts_are_counted_on_and_the_newest_failures_are_kept():
    earlier = [
        {"attempt": n, "time": instant(), "type": "ValueError", "message": "no"} for n in range(9, 1, -1)
    ]
    run = after(died(run={"failedAttempts": 9, "failures": earlier}, retry={"limit": 99}))["runs"][RUN]
    assert run["failedAttempts"] == 10
    assert [failure["attempt"] for failure in run["failures"]] == [10, *range(9, 2, -1)]
    assert len(run["failures"]) == MAX_FAILURES


def test_the_first_start_of_the_run_stays():
    first = instant(seconds=-90)
    assert after(died(run={"firstStartTime": first}))["runs"][RUN]["firstStartTime"] == first


def test_a_series_does_the_same():
    task = died(recurrence={"every": "1h"}, retry={"delay": "30s"})
    status = after(task)
    assert status["runs"][RUN]["phase"] == Phase.BACKOFF
    assert status["message"].endswith(f"the next at {instant(seconds=40)}")
    assert not status.get("history")


def test_a_series_that_is_suspended_does_so_and_is_not_launched():
    task = died(recurrence={"every": "1h"}, retry={"delay": "0s"}, suspend=True)
    held = task.with_status(**written(decide(task.situation()))).at(hours=1)
    assert held.status["runs"][RUN]["phase"] == Phase.BACKOFF
    assert held.status["state"] == State.IN_PROGRESS
    assert decide(held.situation()).status is None


# --- which ends are retried ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pod", "retried"),
    [
        pytest.param(OOM, True, id="out-of-memory"),
        pytest.param({"exit_code": 1}, True, id="exit-1"),
        pytest.param({"exit_code": 255}, True, id="exit-255"),
        pytest.param({"exit_code": 137}, True, id="killed"),
        pytest.param({"exit_code": 0, "phase": "Succeeded"}, False, id="ended-well-without-a-word"),
        pytest.param({"exit_code": 70}, False, id="could-not-report"),
        pytest.param({"exit_code": 78}, False, id="misconfigured"),
        pytest.param({"exit_code": None, "reason": "UnexpectedAdmissionError"}, False, id="no-exit-code"),
        pytest.param({"exit_code": 137, "reason": "DeadlineExceeded"}, False, id="the-pods-deadline"),
    ],
)
def test_an_exit_of_the_handlers_process_is_retried(pod, retried):
    assert is_retried(died(pod=pod)) is retried


def test_a_pod_that_died_before_it_took_the_run_is_not_retried():
    task = make_task(retry={"limit": 9}).launched().with_job()
    status = after(task.with_pod(phase="Failed", runner_ended=True, exit_code=127))
    assert status["state"] == State.FAILED


def test_a_run_that_makes_way_is_not_retried():
    task = died(recurrence={"every": "1h"}, run={"stop": "Replaced"})
    assert RUN not in (after(task).get("runs") or {})


def test_a_cancelled_run_is_not_retried():
    assert after(died(cancel=True).knowing(jobs=(), verified=True))["state"] == State.CANCELLED


@pytest.mark.parametrize(
    ("retry", "pod", "retried"),
    [
        pytest.param({"limit": 0}, CRASH, False, id="no-retry"),
        pytest.param({"onlyFor": ["ValueError"]}, CRASH, False, id="only-for-exceptions"),
        pytest.param({"notFor": ["ValueError"]}, CRASH, True, id="not-for-an-exception"),
        pytest.param({"onExit": {"action": "Fail"}}, CRASH, False, id="exits-fail"),
        pytest.param({"onExit": {"action": "Fail", "codes": [137]}}, OOM, False, id="memory-fails"),
        pytest.param({"onExit": {"action": "Fail", "codes": [137]}}, CRASH, True, id="but-for-memory"),
        pytest.param({"onExit": {"action": "Retry", "codes": [137]}}, OOM, True, id="only-memory"),
        pytest.param({"onExit": {"action": "Retry", "codes": [137]}}, CRASH, False, id="no-other"),
        pytest.param({"onlyFor": ["ValueError"], "onExit": {"action": "Retry"}}, CRASH, True, id="both"),
    ],
)
def test_the_policy_says_which_exits(retry, pod, retried):
    assert is_retried(died(pod=pod, retry=retry)) is retried


def test_where_no_retry_is_left_the_run_has_failed_with_its_last_attempt():
    earlier = [{"attempt": 1, "time": instant(), "type": "ValueError"}]
    status = after(died(pod=OOM, retry={"limit": 1}, run={"failedAttempts": 1, "failures": earlier}))
    assert (status["state"], status["error"]["type"]) == (State.FAILED, ErrorType.OUT_OF_MEMORY)
    assert (status["error"]["attempt"], status["runs"][RUN]["attempt"]) == (2, 2)
    assert status["counts"] == {"runs": 1, "failed": 1, "consecutiveFailures": 1, "retries": 1}


@pytest.mark.parametrize(
    ("limit", "retried"), [("2m", True), ("70s", False), ("0s", True)], ids=["before", "after", "no-limit"]
)
def test_an_attempt_that_would_begin_after_the_run_timeout_is_not_made(limit, retried):
    assert is_retried(died(retry={"delay": "1m"}, runTimeout=limit)) is retried


def test_the_delays_follow_the_policy():
    task = died(
        run={"failedAttempts": 2},
        retry={"limit": 5, "delay": "10s", "backoff": "Exponential", "maxDelay": "1m"},
    )
    assert after(task)["runs"][RUN]["failures"][0]["delay"] == "40s"


def test_the_jitter_is_the_same_for_the_same_launch():
    def next_at(launch):
        task = died(launch=launch, retry={"delay": "10s", "jitter": "1h"})
        return written(decide(task.situation()))["runs"][RUN]["nextAttemptTime"]

    assert next_at(1) == next_at(1)
    assert len({next_at(launch) for launch in range(1, 6)}) == 5
    assert instant(seconds=20) <= min(next_at(launch) for launch in range(1, 6))
    assert max(next_at(launch) for launch in range(1, 6)) <= instant(hours=1, seconds=20)


# --- whose policy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said", "defaults", "delay"),
    [
        pytest.param({"retry": {"delay": "7s"}}, {"delay": "8s"}, {"delay": "9s"}, "7s", id="the-tasks"),
        pytest.param({}, {"delay": "8s"}, {"delay": "9s"}, "8s", id="the-classes"),
        pytest.param({}, None, {"delay": "9s"}, "9s", id="the-administrators"),
        pytest.param({}, None, None, "500ms", id="the-products"),
    ],
)
def test_the_first_policy_that_there_is_counts(spec, said, defaults, delay):
    task = died(said=said and note(said), defaults=defaults, **spec)
    assert after(task)["runs"][RUN]["failures"][0]["delay"] == delay


def test_a_class_that_is_not_retried_by_exits_is_not():
    assert not is_retried(died(said=note({"limit": 0})))


def test_a_note_knows_of_attempts_that_were_not_written_in_time():
    run = after(died(said=note({"limit": 9}, attempt=4)))["runs"][RUN]
    assert (run["failedAttempts"], run["failures"][0]["attempt"]) == (4, 4)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(note({"limit": 0}, run="s1"), id="another-run"),
        pytest.param(note({"limit": 0}, launch=2), id="another-launch"),
        pytest.param(note({"limit": 0}, attempt=0), id="no-attempt"),
        pytest.param(note({"limit": -1}), id="no-policy"),
        pytest.param(note({"limit": 0, "on": "x"}), id="an-unknown-field"),
        pytest.param(note({"delays": ["1s"], "limit": 0}), id="two-ways"),
        pytest.param({"run": RUN, "launch": 1, "attempt": 1, "exits": {}}, id="an-empty-note"),
        pytest.param(json.dumps(note({"limit": 0}))[:-1], id="cut"),
    ],
)
def test_a_note_that_is_none_is_not_believed(said):
    assert is_retried(died(said=said))  # by the default


def test_a_note_is_no_log():
    status = after(died(said=note({"limit": 0})))
    assert "logTail" not in status["error"]


def test_deciding_takes_its_time_from_the_situation():
    task = died(retry={"delay": "30s"}).at(hours=1)
    assert after(task)["runs"][RUN]["nextAttemptTime"] == instant(hours=1, seconds=30)
    assert CREATED + timedelta(hours=1) == task.situation().now
