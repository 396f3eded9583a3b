"""The API server is away while a handler finishes: the outcome arrives when it is back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from evertask.api.times import parse_time
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.support.workspaces import Workspace

AWAY_SECONDS = 20.0
BACK_SECONDS = 120.0
"""Pods reach the API server through a Service, and kube-proxy, too, asks less and less often while it is away."""


def test_outcomes_arrive_after_the_api_server_was_away(
    ledger: Workspace, without: Callable[[str], AbstractContextManager[None]]
):
    succeeds = ledger.start("ledger:take_a_while", "succeeds", payload={"seconds": 10})
    fails = ledger.start("answers:broken_later", "fails", payload={"seconds": 10})
    too_long = ledger.start("obedience:asleep", "too-long", timeout="10s", gracePeriod="1s")
    due = ledger.start("ledger:take_a_while", "due", delay="15s")
    for task in (succeeds, fails, too_long):
        task.until_running()
    stopped = time.time()
    with without("kube-apiserver"):
        time.sleep(AWAY_SECONDS)
    back = time.time()
    status = succeeds.until_state(State.COMPLETED, BACK_SECONDS)
    assert stopped < parse_time(status["finishTime"]).timestamp() < back  # the handler did not wait
    assert (status["result"], status["launches"]) == ({"launch": 1}, 1)
    assert fails.until_state(State.FAILED, BACK_SECONDS)["error"]["type"] == "LookupError"
    assert too_long.until_state(State.FAILED, BACK_SECONDS)["error"]["type"] == "TimeoutError"
    assert run_of(due.until_state(State.COMPLETED, BACK_SECONDS))["launch"] == 1
    assert sorted(call["task"] for call in ledger.calls()) == ["due", "succeeds"]
