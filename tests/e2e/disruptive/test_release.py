"""Helm: an upgrade keeps tasks, an uninstall keeps the API and every task, an installation takes them up again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evertask.api.protocol import State
from tests.support.live_tasks import run_of

if TYPE_CHECKING:
    from tests.support.releases import Release
    from tests.support.workspaces import Workspace


def test_an_upgrade_keeps_tasks(ledger: Workspace, release: Release):
    finished = ledger.start("answers:echo", "finished", payload={"n": 1})
    waits = ledger.start("ledger:take_a_while", "waits", delay="1h")
    runs = ledger.start("ledger:take_a_while", "runs", payload={"seconds": 12})
    before = finished.until_state(State.COMPLETED)
    waits.until_state(State.PENDING)
    pod = run_of(runs.until_running())["podName"]
    with release.changed(logLevel="DEBUG"):
        assert runs.until_state(State.COMPLETED)["result"] == {"launch": 1}
        waits.change(delay=None)
        waits.until_state(State.COMPLETED)
    assert finished.status["finishTime"] == before["finishTime"]
    assert run_of(runs.status)["podName"] == pod
    assert sorted(call["task"] for call in ledger.calls()) == ["runs", "waits"]


def test_an_uninstall_keeps_tasks_and_a_new_installation_goes_on(ledger: Workspace, release: Release):
    values = release.values()
    finished = ledger.start("answers:echo", "finished", payload={"n": 1})
    waits = ledger.start("ledger:take_a_while", "waits", delay="20s")
    runs = ledger.start("ledger:take_a_while", "runs", payload={"seconds": 6})
    before = finished.until_state(State.COMPLETED)
    waits.until_state(State.PENDING)
    runs.until_running()
    release.uninstall()
    assert [task.exists() for task in (finished, waits, runs)] == [True, True, True]
    assert waits.state == State.PENDING
    time.sleep(5)  # the running handler ends meanwhile, when nobody may report
    release.install(values)
    assert runs.until_state(State.COMPLETED)["result"] == {"launch": 1}
    waits.until_state(State.COMPLETED)
    assert finished.status["finishTime"] == before["finishTime"]
    assert sorted(call["task"] for call in ledger.calls()) == ["runs", "waits"]
