"""Which Job of a series is kept for its log where the history has not every run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evertask.api.protocol import Phase, State
from evertask_operator.decisions.keeping import stays_until
from evertask_operator.settings import JobSettings, Settings
from tests.support.situations import CREATED, instant, make_task

KEEP = Settings(jobs=JobSettings(keep_succeeded=timedelta(minutes=5), keep_failed=timedelta(minutes=10)))
SUCCESS, FAILURE = {"lastSuccessTime": instant(seconds=30)}, {"lastFailureTime": instant(seconds=20)}
AN_OLD_FAILURE = {
    "lastFailureTime": instant(seconds=20),
    "history": [{"run": "s1", "outcome": "Failed", "endTime": instant(seconds=20)}],
}


def series(level, *, run_id="s1", launch=1, **status):
    made = make_task(recurrence={"every": "1h"}, auditLevel=level).with_status(
        state=str(State.PENDING), **status
    )
    return made.with_job(launch, run_id=run_id, complete=True).knowing(settings=KEEP).at(seconds=40)


def minutes_kept(task, place=0):
    situation = task.situation()
    until = stays_until(situation, situation.jobs[place])
    return None if until is None else (until - CREATED).total_seconds() / 60


CASES = [
    pytest.param(series("None", **SUCCESS), 5.5, id="succeeded"),
    pytest.param(series("None", **FAILURE), 10 + 1 / 3, id="failed"),
    pytest.param(series("None", **FAILURE, **SUCCESS), 5.5, id="succeeded-after-a-failure"),
    pytest.param(series("ErrorsOnly", **SUCCESS), 5.5, id="succeeded-and-left-no-entry"),
    pytest.param(series("ErrorsOnly", **AN_OLD_FAILURE), 10 + 1 / 3, id="failed-and-left-one"),
    pytest.param(series("ErrorsOnly", **AN_OLD_FAILURE, **SUCCESS), None, id="an-old-failure"),
    pytest.param(series("None"), None, id="none-has-ended"),
    pytest.param(series("Full", **SUCCESS), None, id="every-run-leaves-an-entry-and-this-one-has-none"),
]


@pytest.mark.parametrize(("task", "minutes"), CASES)
def test_a_job_is_kept_for_its_log(task, minutes):
    assert minutes_kept(task) == (None if minutes is None else pytest.approx(minutes))


def test_of_several_jobs_the_newest_is_kept():
    task = series("None", **SUCCESS).with_job(2, run_id="s2", complete=True)
    assert [minutes_kept(task, 0), minutes_kept(task, 1)] == [None, pytest.approx(5.5)]


def test_a_job_made_after_the_newest_end_is_not_that_ends():
    task = (
        series("None", **SUCCESS)
        .knowing(jobs=())
        .with_job(created=CREATED + timedelta(seconds=35), complete=True)
    )
    assert minutes_kept(task) is None


def test_no_job_is_kept_while_the_next_run_is_open():
    task = series("None", **SUCCESS).claimed(2, run_id="s9").with_job(2, run_id="s9")
    assert task.situation().task.open_runs["s9"]["phase"] == Phase.RUNNING
    assert minutes_kept(task) is None
