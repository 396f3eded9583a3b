"""The operator's writes (2, 3, 7, 8) under every kind of trouble: each run is launched once, and counted once."""

from __future__ import annotations

import pytest

from evertask.api.protocol import State
from tests.support.fault_proxy_faults import (
    Answer,
    CutInside,
    Garbage,
    LostAnswer,
    LostRequest,
    Slow,
    Truncated,
    conflict,
    html,
    refusal,
    too_many,
)
from tests.support.waiting import eventually

STATUS, JOBS, JOB = r"/evertasks/task/status", r"/jobs\?", r"/jobs/"

TROUBLES = {
    "answer-lost": LostAnswer(),
    "request-lost": LostRequest(),
    "cut-inside": CutInside(),
    "answered-late": Slow(1.5),
    "html-instead-of-json": Garbage(),
    "another-object": Garbage(b"[]"),
    "truncated": Truncated(),
    "401": refusal(401, "Unauthorized"),
    "403": refusal(403, "Forbidden"),
    "404-of-a-load-balancer": Answer(404, (("Content-Type", "text/plain"),), b"404 page not found"),
    "409": conflict(),
    "429": too_many(),
    "429-retry-after": too_many("1"),
    "502-html": html(502),
}


@pytest.mark.parametrize("fault", TROUBLES.values(), ids=TROUBLES)
def test_a_series_runs_as_often_as_it_should(stage, proxy, fault):
    """Every other write of a status meets the trouble, and the first of each other kind."""
    every_other = [proxy.inject(fault, method="PATCH", path=STATUS, skip=number > 0) for number in range(3)]
    others = [
        proxy.inject(fault, method="POST", path=JOBS),
        proxy.inject(fault, method="DELETE", path=JOB),
        proxy.inject(fault, method="POST", path="/events"),
    ]
    stage.troubled(proxy)
    pods = stage.pods()
    task = stage.task(recurrence={"every": "2s", "maxRuns": 2})
    status = task.until_state(State.COMPLETED)
    assert (status["counts"]["runs"], status["counts"]["succeeded"]) == (2, 2)
    assert len(pods.played) == status["launches"] == 2
    eventually(stage.jobs, lambda jobs: not jobs, 30)
    for rule in (*every_other[:2], *others[:2]):
        rule.wait()


def test_a_job_that_is_said_to_be_there_and_is_not_is_made_in_the_end(stage, proxy):
    taken = proxy.inject(refusal(409, "AlreadyExists"), method="POST", path=JOBS)
    stage.troubled(proxy)
    pods = stage.pods()
    status = stage.task().until_state(State.COMPLETED)
    taken.wait()
    assert len(pods.played) == status["launches"] == 1
