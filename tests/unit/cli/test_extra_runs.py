"""What became of an extra run, as looks at its series tell."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.cli.extra_runs import ExtraRun
from evertask.views import TaskView, view_of

RUN = ExtraRun("t").id
ANSWER = {"token": "t", "answer": "Started", "run": RUN}
OPEN = {"scheduledTime": "2026-11-24T11:00:00Z", "launch": 1, "phase": "Running"}


def view(**status: Any) -> TaskView:
    metadata = {"name": "a", "uid": "u", "namespace": "shop", "creationTimestamp": "2026-11-24T11:00:00Z"}
    spec = {"handler": "a:b", "recurrence": {"every": "1h"}}
    return view_of({"metadata": metadata, "spec": spec, "status": {"state": "Pending", **status}})


OTHER = view(runNow={**ANSWER, "token": "another"}, history=[{"run": "s1", "outcome": "Failed"}])
STARTED = view(runNow=ANSWER, runs={RUN: OPEN})
WAITING = view(
    runNow={**ANSWER, "answer": "Waiting"}, waiting=[{"run": RUN, "scheduledTime": OPEN["scheduledTime"]}]
)
FAILED = view(runNow=ANSWER, runs={RUN: {**OPEN, "phase": "Failed", "message": "boom"}})
FOLDED = view(runNow=ANSWER, history=[{"run": RUN, "outcome": "Succeeded"}])
FORGOTTEN = view(runNow=ANSWER)
SKIPPED = view(runNow={**ANSWER, "answer": "Skipped"})
ENDED = view(state="Completed")


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        pytest.param([OTHER, STARTED, FOLDED], ("succeeded", 0), id="folded"),
        pytest.param([WAITING, STARTED, FAILED], ("failed: boom", 1), id="failed"),
        pytest.param(
            [STARTED, FORGOTTEN], ("is over; its outcome was not recorded (auditLevel)", 0), id="no-history"
        ),
        pytest.param([SKIPPED], ("was skipped: a run is not over, and overlap is Skip", 1), id="skipped"),
        pytest.param([OTHER, ENDED], ("was not started: the series has ended", 1), id="ended"),
    ],
)
def test_it_is_over_at_the_last_look_and_not_before(looks, verdict):
    run = ExtraRun("t")
    assert [run.look(each) for each in looks] == [False] * (len(looks) - 1) + [True]
    assert run.verdict() == verdict
