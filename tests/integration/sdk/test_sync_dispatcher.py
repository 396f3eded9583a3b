"""``SyncDispatcher`` against a real API server, from threads, interrupted, and in a program of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evertask import (
    CancelOutcome,
    ConfigurationError,
    DispatchRefusedError,
    PermissionDeniedError,
    Registration,
    SyncDispatcher,
    TaskFailedError,
    TaskNotFoundError,
)
from tests.support.sdk_tasks import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SOON = timedelta(seconds=30)


@pytest.fixture
def operator(admin, namespace) -> Operator:
    return Operator(admin, namespace)


@pytest.fixture
def blocking(control_plane, namespace) -> Iterator[SyncDispatcher]:
    with SyncDispatcher(kubeconfig=control_plane.kubeconfig, namespace=namespace) as made:
        yield made


def test_a_task_is_dispatched_and_looked_after(blocking, report, operator):
    task_id = blocking.dispatch(report(), task_key="nightly")
    assert (task_id.name, task_id.outcome) == ("nightly", Registration.CREATED)
    assert (blocking.suspend(task_id), blocking.resume(key="nightly")) == (True, True)
    assert blocking.cancel(key="nightly") is CancelOutcome.REQUESTED
    operator.set("nightly", state="Cancelled")
    assert blocking.wait(key="nightly", raise_on_failure=False).state == "Cancelled"
    assert [view.name for view in blocking.query(state="Cancelled").items] == ["nightly"]
    operator.delete("nightly")
    assert blocking.get(task_id) is None


def test_a_series_has_an_extra_run_and_children(blocking, operator):
    parent = operator.make("series", recurrence={"every": "1h"})
    operator.make("child", parent_uid=parent["metadata"]["uid"])
    assert blocking.run_now("series", "t") == "t"
    assert [view.name for view in blocking.children("series")] == ["child"]


def test_several_are_waited_for_while_another_thread_goes_on(blocking, report, operator):
    ids = [blocking.dispatch(report()) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        end = pool.submit(blocking.wait, iter(ids), SOON)
        for made in ids:
            assert blocking.get(made) is not None
            operator.set(made.name, state="Completed", result=made.name)
        assert [view.result for view in end.result(30)] == [made.name for made in ids]


def test_errors_are_those_of_the_dispatcher(blocking, operator):
    operator.make("a", "Failed", handler="shop:x")
    with pytest.raises(TaskFailedError, match="task a failed"):
        blocking.wait("a")
    with pytest.raises(TaskNotFoundError, match="there is no task b"):
        blocking.suspend("b")
    with pytest.raises(DispatchRefusedError, match="is no series"):
        blocking.run_now("a")
    with pytest.raises(TypeError, match="name one task"):
        blocking.get()
    operator.make("c")
    with pytest.raises(TimeoutError, match="task c has not finished within"):
        blocking.wait("c", timedelta(seconds=0.2))


def test_many_threads_share_one(blocking, report):
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda number: blocking.dispatch(report(region=number)), range(64)))
    assert {view.id for view in blocking.query_all()} == set(ids)


def test_a_batch_is_read_and_told_in_the_callers_thread(blocking, report):
    def tasks() -> Iterator[Any]:
        for number in range(20):
            threads.add(threading.get_ident())
            if number == 10:
                assert blocking.get("nothing") is None  # it may itself call
            yield report(region=number)

    def progress(over: int, failed: int) -> None:
        threads.add(threading.get_ident())
        told.append((over, failed))

    threads: set[int] = set()
    told: list[tuple[int, int]] = []
    results = blocking.dispatch_many(tasks(), concurrency=4, progress=progress)
    assert [result.task.region for result in results] == list(range(20))
    assert all(result.ok for result in results)
    assert told == [(over, 0) for over in range(1, 21)]
    assert threads == {threading.get_ident()}


def test_a_stream_takes_no_more_tasks_than_it_has_under_way(blocking, report):
    taken = count()
    with closing(
        blocking.dispatch_stream((report(region=next(taken)) for _ in range(1000)), concurrency=3)
    ) as results:
        assert [next(results).ok for _ in range(5)] == [True] * 5
    assert next(taken) <= 5 + 2 * 3


def test_a_watch_is_a_plain_iterator_that_can_be_left(blocking, operator):
    operator.make("a")
    with closing(blocking.watch(key=None)) as events:
        first = next(events)
        operator.set("a", state="Completed")
        second = next(events)
    assert [(event.kind, str(event.view.state)) for event in (first, second)] == [
        ("added", "Pending"),
        ("changed", "Completed"),
    ]
    assert blocking.get("a") is not None


def test_a_watch_ends_when_the_dispatcher_is_closed(blocking, operator):
    operator.make("a")
    events = blocking.watch()
    next(events)
    with ThreadPoolExecutor() as pool:
        following = pool.submit(next, events)
        time.sleep(0.2)
        blocking.close()
        with pytest.raises(ConfigurationError, match="was closed while a call was under way"):
            following.result(10)
    with pytest.raises(ConfigurationError, match="this SyncDispatcher is closed"):
        blocking.get("a")


async def test_in_a_running_loop_it_refuses_every_call(blocking, report):
    for call in (
        lambda: blocking.get("a"),
        lambda: blocking.dispatch(report()),
        lambda: blocking.dispatch_many([report()]),
        lambda: blocking.dispatch_stream([report()]),
        blocking.watch,
    ):
        with pytest.raises(ConfigurationError, match="use Dispatcher here"):
            call()


def test_a_missing_right_is_named(control_plane, namespace, service_account, tmp_path):
    config = json.loads(control_plane.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"][0]["user"] = {"token": service_account}
    (tmp_path / "config").write_text(json.dumps(config))
    with SyncDispatcher(kubeconfig=str(tmp_path / "config"), namespace=namespace) as blocking:
        with pytest.raises(PermissionDeniedError, match="no right to get evertasks"):
            blocking.get("a")
        with pytest.raises(PermissionDeniedError, match="no right to list evertasks"):
            next(blocking.query_all())


PROGRAM = """
import os, sys
from datetime import timedelta
from evertask import ConfigurationError, SyncDispatcher, Task

class Report(Task):
    handler = "shop.reports:MonthlyReport"

dispatcher = SyncDispatcher(kubeconfig=sys.argv[1], namespace=sys.argv[2])
task_id = dispatcher.dispatch(Report(), task_key="of-a-program")
{rest}
"""


def run(control_plane: Any, namespace: str, rest: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", PROGRAM.format(rest=rest), control_plane.kubeconfig, namespace],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT / "sdk"), "PATH": ""},
        text=True,
    )


def test_a_program_may_end_without_closing_it(control_plane, namespace, operator):
    said, complaints = run(control_plane, namespace, "print('done')").communicate(timeout=60)
    assert (said, complaints) == ("done\n", "")
    assert operator.stored("of-a-program")["spec"]["taskKey"] == "of-a-program"


def test_ctrl_c_ends_a_program_that_waits(control_plane, namespace):
    program = run(control_plane, namespace, "print('waits', flush=True); dispatcher.wait(task_id)")
    assert program.stdout is not None
    assert program.stdout.readline() == "waits\n"
    time.sleep(1)
    program.send_signal(signal.SIGINT)
    _, complaints = program.communicate(timeout=20)
    assert program.returncode == -signal.SIGINT
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    assert "never awaited" not in complaints


def test_a_fork_is_told_the_way_out_and_its_parent_goes_on(control_plane, namespace):
    rest = """
process = os.fork()
if process == 0:
    try:
        dispatcher.get(task_id)
    except ConfigurationError as error:
        print(error, flush=True)
    with SyncDispatcher(kubeconfig=sys.argv[1], namespace=sys.argv[2]) as own:
        print(own.get(task_id).name, flush=True)
    sys.exit(0)
print(os.waitpid(process, 0)[1], dispatcher.get(task_id).name)
"""
    said, complaints = run(control_plane, namespace, rest).communicate(timeout=60)
    refusal, *others = said.splitlines()
    assert "make a SyncDispatcher in each process, after the fork" in refusal
    assert others == ["of-a-program", "0 of-a-program"]
    assert complaints == ""
