"""Nodes whose clocks are minutes apart: nothing is early by its own node's clock, lost, or done twice.

The clock of a process is set wrong by a library that is preloaded into it; TLS, which reads another one, is untouched.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evertask.api import protocol
from evertask.api.protocol import State
from evertask.api.times import format_time, parse_time
from tests.support.runner_pods import RUN

SKEW = 180
SOURCE = Path(__file__).parent / "clock/skew.c"


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> str:
    compiler = shutil.which("cc") or pytest.skip("no C compiler to build the wrong clock with")
    built = tmp_path_factory.mktemp("clock") / "skew.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-ldl"], check=True)
    return str(built)


def test_the_clock_is_wrong(library):
    """Without this the others would prove nothing."""
    environment = {"LD_PRELOAD": library, "EVERTASK_TEST_SKEW": str(SKEW)}
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
    told = subprocess.run(["python3", "-c", code], env=environment, check=True, capture_output=True)
    wall, date, monotonic = map(float, told.stdout.split())
    assert wall - time.time() == pytest.approx(SKEW, abs=5)
    assert date - time.time() == pytest.approx(SKEW, abs=5)
    assert monotonic - time.monotonic() == pytest.approx(0, abs=5)


# --- the node of the runner ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "told"),
    [pytest.param(SKEW, "ahead of", id="ahead"), pytest.param(-SKEW, "behind", id="behind")],
)
def test_an_early_pod_starts_by_its_own_nodes_clock_and_tells_of_the_skew(launched, pod, library, skew, told):
    task = launched("work:nothing")
    due = datetime.now(UTC) + timedelta(seconds=skew + 4)
    environment = {
        "LD_PRELOAD": library,
        "EVERTASK_TEST_SKEW": str(skew),
        protocol.ENV_SCHEDULED_TIME: format_time(due),
    }
    begun = time.monotonic()
    with pod(task, **environment) as runner:
        assert runner.wait() == 0
    assert time.monotonic() - begun > 3
    run = task.get()["status"]["runs"][RUN]
    assert parse_time(run["startTime"]) >= due
    assert parse_time(run["startTime"]) - due < timedelta(seconds=2)
    assert f"{told} the API server's" in runner.log
    assert "synchronise the two" in runner.log


# --- the node of the operator ----------------------------------------------------------------------------------


@pytest.mark.parametrize("skews", [(SKEW, 0), (0, SKEW)], ids=["set-back", "set-forward"])
def test_operators_whose_clocks_differ_run_no_occurrence_twice(stage, proxy, library, monkeypatch, skews):
    """One after the other on two nodes. Each follows its own clock; what one has run the other does not run again."""
    monkeypatch.setenv("LD_PRELOAD", library)
    pods = stage.pods()
    task = stage.task(recurrence={"every": "2s", "catchUp": {"policy": "Latest"}})
    for skew in skews:
        monkeypatch.setenv("EVERTASK_TEST_SKEW", str(skew))
        before = len(pods.played)
        operator = stage.troubled(proxy)
        if skew >= max(skews):
            task.until(lambda _, before=before: len(pods.played) >= before + 2)
        else:
            time.sleep(3)
        operator.kill()
    runs = [pod.holder.run for pod in pods.played]
    assert len(set(runs)) == len(runs) >= 2


def test_an_operator_whose_clock_is_behind_is_late_by_that_and_loses_nothing(
    stage, proxy, library, monkeypatch
):
    """What is due at its creation is due when the operator's clock shows that time."""
    behind = 6
    monkeypatch.setenv("LD_PRELOAD", library)
    monkeypatch.setenv("EVERTASK_TEST_SKEW", str(-behind))
    stage.troubled(proxy)
    pods = stage.pods()
    task, begun = stage.task(), time.monotonic()
    status = task.until_state(State.COMPLETED)
    assert time.monotonic() - begun >= behind - 1
    assert (status["launches"], len(pods.played)) == (1, 1)
