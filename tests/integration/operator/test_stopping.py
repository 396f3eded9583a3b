"""An operator that is told to stop finishes what it has begun, begins nothing, and is gone in time."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.times import parse_time
from tests.support.live_series import sleep_until
from tests.support.operator_processes import OperatorProcess, write_kubeconfig
from tests.support.replicas import Stopwatch
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS = 150
PROMPT_SECONDS = 8.0
"""For what takes one or two on an idle machine."""

LONGEST_SECONDS = 25.0
"""Less than the chart's terminationGracePeriodSeconds."""


def runs_and_jobs(stage) -> tuple[set[str], set[str]]:
    """Give the UIDs of the tasks that have an open run, and of those that have a Job."""
    path = f"/apis/evertask.io/v1alpha1/namespaces/{stage.namespace}/evertasks"
    tasks = stage.admin("GET", path).body["items"]
    opened = {task["metadata"]["uid"] for task in tasks if (task.get("status") or {}).get("runs")}
    return opened, {job["metadata"]["labels"]["evertask.io/task-uid"] for job in stage.jobs()}


def test_told_to_stop_under_load_it_leaves_no_run_without_its_job(stage):
    for number in range(TASKS):
        stage.task(f"task-{number}")
    operator = stage.operator(maxRunning=1000, start=False)
    operator.start(until_ready=False)
    eventually(stage.jobs, lambda jobs: len(jobs) > TASKS // 10, 60, pause=0.01)
    watch = Stopwatch()
    assert operator.stop() == 0
    seconds = watch.seconds
    opened, jobs = runs_and_jobs(stage)
    print(f"stopped in {seconds:.2f} s; {len(jobs)} of {TASKS} tasks were launched")
    assert seconds < PROMPT_SECONDS
    assert opened == jobs
    assert len(jobs) < TASKS, "it was stopped in the middle"


@contextmanager
def behind(proxy: TcpProxy, stage, folder) -> Iterator[OperatorProcess]:
    """Give an operator, not started, whose way to the API server is a proxy's."""
    kubeconfig = write_kubeconfig(folder / "kubeconfig", proxy.url, stage.plane.token, stage.plane.ca)
    settings = {"watchNamespaces": [stage.namespace], "prelaunch": {"maxLead": "0s"}}
    operator = OperatorProcess(folder, kubeconfig, **settings)
    try:
        yield operator
    finally:
        operator.kill()


def test_told_to_stop_before_it_has_listed_anything_it_ends_at_once(stage, tmp_path):
    with TcpProxy(stage.plane.settings.apiserver_port) as proxy, behind(proxy, stage, tmp_path) as operator:
        proxy.refuse()
        operator.start(until_ready=False)
        eventually(lambda: operator.log, lambda log: "cannot list" in log, 60)
        watch = Stopwatch()
        assert operator.stop() == 0
        assert watch.seconds < PROMPT_SECONDS


def test_told_to_stop_while_nothing_answers_it_ends_in_time(stage, tmp_path):
    with TcpProxy(stage.plane.settings.apiserver_port) as proxy, behind(proxy, stage, tmp_path) as operator:
        operator.start()
        tasks = [stage.task(f"task-{number}", delay="3s") for number in range(3)]
        for task in tasks:
            task.until(lambda s: s.get("nextRunTime"))
        proxy.freeze()
        sleep_until(
            parse_time(tasks[0].status["nextRunTime"]) + timedelta(seconds=0.5)
        )  # passes are under way
        watch = Stopwatch()
        assert operator.stop() == 0
        print(f"stopped in {watch.seconds:.2f} s, cut off")
        assert watch.seconds < LONGEST_SECONDS
