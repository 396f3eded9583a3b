"""Series on a real API server, their pods played by the test; prelaunch is off, so that a pod may claim at once."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State, Write
from evertask.api.times import parse_time
from tests.support.cutting_proxies import When
from tests.support.simulated_pods import SimulatedPod, hold, succeed

if TYPE_CHECKING:
    from tests.support.live_tasks import LiveTask

CUT_SECONDS = 30.0

ALL = {"policy": "All"}


def series(stage: Any, **recurrence: Any) -> LiveTask:
    made: LiveTask = stage.task(recurrence={"every": "1s", **recurrence})
    return made


def nominal(status: dict[str, Any]) -> list[Any]:
    """Nominal times of the past runs, oldest first."""
    return [parse_time(entry["scheduledTime"]) for entry in reversed(status["history"])]


def without_gap(times: list[Any], step: float = 1.0) -> bool:
    return all(later - earlier == timedelta(seconds=step) for earlier, later in itertools.pairwise(times))


def test_a_series_runs_until_its_runs_are_used_up(stage):
    stage.operator()
    pods = stage.pods()
    task = series(stage, maxRuns=4, catchUp=ALL, overlap="Queue")
    status = task.until_finished()
    assert (status["state"], status["counts"]["runs"]) == (State.COMPLETED, 4)
    assert without_gap(nominal(status))
    assert len(pods.played) == 4
    assert status["schedule"]
    task.until_pods_ended()


CUTS = [
    (Write.OPEN_RUN, 1),
    (Write.OPEN_RUN, 2),
    (Write.CREATE_JOB, 1),
    (Write.CREATE_JOB, 2),
    (Write.FOLD, 1),
    (Write.FOLD, 2),
    (Write.FOLD, 3),
    (Write.DELETE, 1),
]


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize(("number", "nth"), CUTS, ids=[f"write-{int(write)}-nr-{nth}" for write, nth in CUTS])
def test_a_killed_operator_loses_and_doubles_no_occurrence(stage, number, nth, when):
    proxy = stage.proxy()
    operator = stage.operator(through=proxy)
    cut = proxy.cut(number, nth, when, operator.kill)
    pods = stage.pods()
    task = series(stage, maxRuns=4, catchUp=ALL, overlap="Queue")
    assert cut.made.wait(CUT_SECONDS), operator.log

    proxy.heal()
    operator.start(until_ready=False)
    status = task.until_finished()
    assert (status["state"], status["counts"]["runs"]) == (State.COMPLETED, 4)
    assert without_gap(nominal(status))
    assert len(pods.played) == 4, "one pod for each occurrence"


def test_a_missed_occurrence_is_counted_and_told(stage):
    operator = stage.operator()
    stage.pods()
    task = series(stage, every="2s", catchUp={"policy": "None"})
    task.until(lambda s: s.get("counts", {}).get("runs"))
    operator.kill()
    ended = parse_time(task.status["history"][0]["scheduledTime"])
    time.sleep(7)
    operator.start()
    status = task.until(lambda s: s.get("counts", {}).get("missed"))
    assert status["counts"]["missed"] in {3, 4}
    status = task.until(lambda s: s.get("counts", {}).get("runs", 0) >= 3)
    assert (nominal(status)[-1] - ended).total_seconds() % 2 == 0


def test_a_run_that_goes_on_lets_the_next_ones_be_skipped(stage):
    stage.operator()
    pods = stage.pods(hold)
    task = series(stage)
    task.until_state(State.IN_PROGRESS)
    time.sleep(3)
    assert len(pods.played) == 1
    pods.play = succeed
    assert pods.played[0].commit()
    pods.played[0].end()
    status = task.until(lambda s: s.get("counts", {}).get("runs", 0) >= 2)
    assert status["counts"]["skipped"] >= 2


def test_a_suspended_series_starts_nothing_and_goes_on_when_it_is_resumed(stage):
    stage.operator()
    pods = stage.pods()
    task = series(stage)
    task.until(lambda s: s.get("counts", {}).get("runs"))
    task.change(suspend=True)
    task.until(lambda s: any(c["type"] == "Suspended" and c["status"] == "True" for c in s["conditions"]))
    task.until(lambda s: not s.get("runs"))
    before = len(pods.played)
    time.sleep(3)
    assert len(pods.played) == before
    task.change(suspend=False)
    status = task.until(lambda s: s["counts"].get("skipped"))
    assert status["counts"]["skipped"] >= 2
    task.until(lambda _: len(pods.played) > before)


def test_a_token_asks_for_one_extra_run(stage):
    stage.operator()
    pods = stage.pods()
    task = stage.task(recurrence={"cron": "0 0 1 1 *"})
    task.until(lambda s: s.get("nextRunTime"))
    task.change(runNow="once")
    status = task.until(lambda s: s.get("counts", {}).get("runs"))
    assert status["runNow"]["answer"] == "Started"
    assert status["history"][0]["run"] == status["runNow"]["run"]
    task.change(ttlAfterFinished="2h")  # the same token again
    task.until(lambda s: s["observedGeneration"] == task.read()["metadata"]["generation"])
    assert len(pods.played) == 1


@pytest.mark.parametrize(
    ("recurrence", "reason", "says"),
    [
        ({"cron": "0 0 30 2 *"}, "NeverFires", "spec.recurrence.cron"),
        ({"cron": "61 * * * *"}, "InvalidCron", "61"),
        ({"every": "5m", "timeZone": "Europe/Roma"}, "UnknownTimeZone", "Europe/Roma"),
        ({"calendar": {"unit": "Day", "atMinute": 5}}, "InvalidCalendar", "atMinute"),
    ],
    ids=["never-fires", "bad-cron", "unknown-zone", "bad-calendar"],
)
def test_a_recurrence_that_only_code_can_judge_is_held_and_healed(stage, recurrence, reason, says):
    stage.operator()
    stage.pods()
    task = stage.task(recurrence=recurrence)
    status = task.until(lambda s: s.get("conditions"))
    accepted = status["conditions"][0]
    assert (accepted["status"], accepted["reason"], status["state"]) == ("False", reason, State.PENDING)
    assert says in accepted["message"]
    task.change(recurrence=dict.fromkeys(recurrence) | {"every": "1s", "timeZone": None})
    assert task.until(lambda s: s.get("counts", {}).get("runs"))["counts"]["succeeded"] >= 1


def test_a_handler_that_fails_does_not_end_the_series(stage):
    stage.operator()

    def fail(pod: SimulatedPod) -> None:
        pod.claim()
        pod.end(3)

    stage.pods(fail)
    task = stage.task(recurrence={"every": "1s", "maxRuns": 2}, retry={"limit": 0})
    status = task.until_finished()
    assert status["state"] == State.COMPLETED
    assert status["counts"]["consecutiveFailures"] == 2
    assert status["error"]["type"] == "PodFailed"


def test_a_one_shot_task_becomes_a_series_without_a_past(stage):
    stage.operator()
    stage.pods()
    task = stage.task(delay="1h")
    task.until(lambda s: s.get("nextRunTime"))
    task.change(delay=None, recurrence={"every": "1s"})
    status = task.until(lambda s: s.get("counts", {}).get("runs"))
    assert status["counts"].get("missed", 0) == 0
