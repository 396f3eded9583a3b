"""Pods that are made before their time: the handler starts at its instant, and until then everything can be taken back.

Each of those tests has a one-shot and a series that are due at the same instant. Their pods may come up late on a busy
machine; what they prove is that nothing runs.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from evertask.api.protocol import Condition, State
from evertask.api.times import format_time
from tests.support.executions import read_executions
from tests.support.live_series import counts_of, sleep_until
from tests.support.live_tasks import condition_of
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.live_tasks import LiveTask
    from tests.support.workspaces import Workspace

EARLY_SECONDS = 6.0
"""Longer than any lead on a quiet machine (3 s at first)."""
SHOWN_EARLY = timedelta(seconds=0.3)
"""A pod claims its run at most 250 ms early."""
CLOSE = timedelta(seconds=1)
LAST_MOMENT = timedelta(seconds=1.2)
"""So long before the instant a pod is not waited for any more."""
PAST = timedelta(seconds=3)


class Prepared(NamedTuple):
    """Two tasks of one instant, whose pods are made."""

    instant: datetime
    once: LiveTask
    series: LiveTask

    @property
    def tasks(self) -> tuple[LiveTask, LiveTask]:
        """Both."""
        return self.once, self.series


def _soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _is_up(task: LiveTask) -> bool:
    return any(pod["status"].get("phase") == "Running" for pod in task.pods())


@pytest.fixture
def prepared(ledger: Workspace) -> Prepared:
    """Make two tasks, and wait until their pods are there, and up if that does not take too long."""
    instant = _soon(EARLY_SECONDS)
    at = format_time(instant)
    once = ledger.start("ledger:take_a_while", "once", runAt=at)
    recurrence = {"first": {"at": at}, "every": "1h"}
    series = ledger.start("ledger:take_a_while", "series", recurrence=recurrence)
    for task in (once, series):
        task.until_pod(lambda pod: True, EARLY_SECONDS)
    while datetime.now(UTC) < instant - LAST_MOMENT and not all(map(_is_up, (once, series))):
        time.sleep(0.1)
    assert datetime.now(UTC) < instant
    return Prepared(instant, once, series)


def test_handlers_start_at_their_instants(ledger: Workspace):
    instants = {f"task-{number}": _soon(EARLY_SECONDS + 1.37 * number) for number in range(3)}
    for name, instant in instants.items():
        # The time in which the pod only waits is none of the handler's.
        ledger.start("ledger:take_a_while", name, runAt=format_time(instant), timeout="4s")
    calls = eventually(ledger.calls, lambda calls: len(calls) == len(instants), 60)
    told = {call["task"]: datetime.fromisoformat(call["scheduled"]) for call in calls}
    assert told == instants
    late = sorted(execution.lateness for execution in read_executions(calls, []))
    assert late[0] >= timedelta(0)
    assert late[1] < CLOSE  # the median: a machine that is busy with other tests may be late once


def test_a_pod_that_is_up_early_waits_and_its_task_is_not_shown_in_progress(prepared: Prepared):
    def seen() -> bool:
        states = [task.state for task in prepared.tasks]
        early = datetime.now(UTC) < prepared.instant - SHOWN_EARLY
        assert not early or set(states) <= {State.PENDING, State.QUEUED}
        return not early

    eventually(seen, bool, EARLY_SECONDS, pause=0.05)
    prepared.once.until_state(State.COMPLETED)
    status = prepared.series.until(lambda s: counts_of(s, "runs") == (1,))
    assert (status["launches"], prepared.once.status["launches"]) == (1, 1)


def test_cancelled_before_its_instant_a_task_never_starts(ledger: Workspace, prepared: Prepared):
    for task in prepared.tasks:
        task.cancel()
    for task in prepared.tasks:
        task.until_state(State.CANCELLED)
        task.until_nothing_is_left()
    sleep_until(prepared.instant + PAST)
    assert ledger.calls() == []
    for task in prepared.tasks:
        task.until_nothing_is_left(0)


def test_suspended_before_its_instant_a_task_does_not_start(ledger: Workspace, prepared: Prepared):
    for task in prepared.tasks:
        task.change(suspend=True)
    for task in prepared.tasks:
        task.until(lambda s: condition_of(s, Condition.SUSPENDED).get("status") == "True")
        task.until_nothing_is_left()
    sleep_until(prepared.instant + PAST)
    assert ledger.calls() == []
    for task in prepared.tasks:
        task.change(suspend=False)
    prepared.once.until_state(State.COMPLETED)
    prepared.series.until(lambda s: counts_of(s, "runs", "skipped") == (0, 1))
    assert [call["task"] for call in ledger.calls()] == ["once"]


def test_moved_to_a_later_instant_a_task_starts_then(ledger: Workspace, prepared: Prepared):
    later = prepared.instant + timedelta(seconds=8)
    early_pods = {pod["metadata"]["name"] for task in prepared.tasks for pod in task.pods()}
    prepared.once.change(runAt=format_time(later))
    prepared.series.change(recurrence={"first": {"at": format_time(later)}})
    prepared.once.until_state(State.COMPLETED)
    prepared.series.until(lambda s: counts_of(s, "runs") == (1,))
    calls = ledger.calls()
    executions = read_executions(calls, [])
    assert sorted(call["task"] for call in calls) == ["once", "series"]
    assert early_pods.isdisjoint(call["pod"] for call in calls)
    assert all(execution.scheduled == later <= execution.start for execution in executions)


def test_deleted_before_its_instant_a_task_leaves_nothing(ledger: Workspace, prepared: Prepared):
    for task in prepared.tasks:
        task.delete()
    for task in prepared.tasks:
        task.until_gone()
    ledger.until_no_pods_are_left()
    sleep_until(prepared.instant + PAST)
    assert ledger.calls() == []
    ledger.until_no_pods_are_left(0)
