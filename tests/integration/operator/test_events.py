"""Events on tasks, as ``kubectl describe`` finds them: failures, cancellations; equal ones are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api.protocol import Phase, State
from evertask.connection import Connection, load_credentials
from evertask.connection.paths import event_path
from evertask_operator.cluster import Reads, Writes, events
from evertask_operator.decisions.plans import Note
from tests.support.live_tasks import checked
from tests.support.simulated_pods import hold
from tests.support.waiting import eventually, throughout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.simulated_pods import SimulatedPod

NOTE = Note("Warning", "Because", "it is so")


def fail(pod: SimulatedPod) -> None:
    pod.claim()
    pod.commit(Phase.FAILED, error="no such report\nin the shop")
    pod.end()


def told(stage, task):
    return [(event["type"], event["reason"], event["message"]) for event in stage.events(task)]


def counts(stage, task):
    return sorted((event.get("series") or {}).get("count", 1) for event in stage.events(task))


# --- of an operator ------------------------------------------------------------------------------------------


def test_a_failure_that_the_runner_has_reported_is_told_once_in_one_line(stage):
    stage.operator(resyncInterval="1s")
    stage.pods(fail)
    task = stage.task()
    task.until_state(State.FAILED)
    eventually(lambda: told(stage, task), bool, 10)
    expected = [("Warning", "Failed", "ValueError: no such report")]
    throughout(lambda: told(stage, task), lambda found: found == expected, 3)
    assert counts(stage, task) == [1]


def test_a_success_is_not_told(stage):
    stage.operator(resyncInterval="1s")
    stage.pods()
    task = stage.task()
    task.until_state(State.COMPLETED)
    throughout(lambda: told(stage, task), lambda found: found == [], 2)


def test_a_cancellation_is_told(stage):
    stage.operator()
    stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    task.cancel()
    task.until_state(State.CANCELLED)
    eventually(lambda: told(stage, task), bool, 10)
    assert told(stage, task) == [("Normal", "Cancelled", "cancelled while it ran")]


def test_a_series_that_fails_again_and_again_has_one_event_that_counts(stage):
    stage.operator()
    stage.pods(fail)
    task = stage.task(recurrence={"every": "1s"})
    status = task.until(lambda s: (s.get("counts") or {}).get("failed", 0) >= 3)
    eventually(lambda: counts(stage, task), lambda found: found[-1:] >= [3], 10)
    assert told(stage, task) == [("Warning", "Failed", "ValueError: no such report")]
    assert status["history"][0]["error"]["type"] == "ValueError"


@pytest.mark.parametrize("spec", [{}, {"recurrence": {"every": "1s"}}], ids=["one-shot", "series"])
def test_at_the_level_none_no_end_is_told_and_nothing_kept(stage, spec):
    stage.operator(resyncInterval="1s")
    stage.pods(fail)
    task = stage.task(auditLevel="None", **spec)
    status = task.until(lambda s: (s.get("counts") or {}).get("failed", 0) >= (2 if spec else 1))
    throughout(lambda: told(stage, task), lambda found: found == [], 2)
    assert "history" not in status
    assert "transitions" not in status


# --- of the writer alone -------------------------------------------------------------------------------------


@pytest.fixture
async def connection(control_plane) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials(kubeconfig=control_plane.kubeconfig)) as made:
        yield made


@pytest.fixture
def live(stage):
    return stage.task(suspend=True)


@pytest.fixture
async def task(connection, stage, live):
    return (await Reads(connection, [stage.namespace]).tasks()).items[0]


@pytest.fixture
def writes(connection):
    return Writes(connection, "test")


async def test_equal_events_are_one_that_says_when_it_was_last_seen(stage, live, task, writes):
    for _ in range(3):
        await writes.note(task, NOTE)
    (event,) = stage.events(live)
    assert event["series"]["count"] == 3
    assert event["series"]["lastObservedTime"] > event["eventTime"]


@pytest.mark.parametrize(
    "other",
    [
        Note("Normal", "Because", "it is so"),
        Note("Warning", "Why", "it is so"),
        Note("Warning", "Because", "not"),
    ],
    ids=["type", "reason", "message"],
)
async def test_differing_events_are_two(stage, live, task, writes, other):
    await writes.note(task, NOTE)
    await writes.note(task, other)
    assert counts(stage, live) == [1, 1]


async def test_an_event_that_has_expired_or_was_changed_is_made_anew(stage, live, task, writes):
    await writes.note(task, NOTE)
    name = stage.events(live)[0]["metadata"]["name"]
    checked(stage.admin("DELETE", event_path(stage.namespace, name)))
    await writes.note(task, NOTE)
    assert counts(stage, live) == [1]
    name = stage.events(live)[0]["metadata"]["name"]
    checked(stage.admin.patch(event_path(stage.namespace, name), {"metadata": {"labels": {"a": "b"}}}))
    await writes.note(task, NOTE)
    assert counts(stage, live) == [1, 1]


async def test_a_restarted_operator_begins_to_count_anew(connection, stage, live, task, writes):
    await writes.note(task, NOTE)
    await Writes(connection, "another").note(task, NOTE)
    assert counts(stage, live) == [1, 1]


async def test_a_long_message_is_cut_to_what_an_event_takes(stage, live, task, writes):
    await writes.note(task, Note("Warning", "Because", "ü" * 3000))
    message = stage.events(live)[0]["message"]
    assert 900 < len(message.encode()) <= 1024
    assert message.endswith("…")


async def test_an_event_that_cannot_be_recorded_is_logged_and_harms_nothing(stage, task, caplog):
    async with Connection(await load_credentials(kubeconfig=stage.plane.kubeconfig)) as closed:
        writes = Writes(closed, "test")
    await writes.note(task, NOTE)
    assert "the event Because was not recorded" in caplog.text


async def test_of_too_many_events_the_oldest_is_forgotten_and_counts_no_more(
    stage, live, task, writes, monkeypatch
):
    monkeypatch.setattr(events, "REMEMBERED", 1)
    for note in (NOTE, Note("Warning", "Because", "another"), NOTE, NOTE):
        await writes.note(task, note)
    assert counts(stage, live) == [1, 1, 2]
