"""The command line on real pods: running, following, logs, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import LiveTask, run_of
from tests.support.workspaces import SHORT_GRACE, WORKING_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.workspaces import Workspace

TALKING = '''\
"""Handlers that write to their log."""

import time


def talk(payload, ctx):
    print("hello", payload["who"], flush=True)
    ctx.progress(50, "talking")
    print("\\x1b[31mgood bye", flush=True)
    return {"greeted": payload["who"]}


def fail(payload):
    print("about to fail", flush=True)
    raise LookupError(payload["what"])


def talk_for_long(payload, ctx):
    print("launched", flush=True)
    ctx.progress(10, "at work")
    ctx.cancellation.wait(payload["seconds"])
    ctx.cancellation.raise_if_cancelled()
    print("done", flush=True)
'''

PATIENCE_SECONDS = 90


@pytest.fixture
def pod_template(workspace: Workspace, tmp_path: Path) -> str:
    """Bring the handlers of this module; give the file of a pod template that mounts them."""
    workspace.create("configmaps", {"metadata": {"name": "talking"}, "data": {"talking.py": TALKING}})
    mount = {"name": "talking", "mountPath": WORKING_DIRECTORY, "readOnly": True}
    volume = {"name": "talking", "configMap": {"name": "talking"}}
    file = tmp_path / "pod.json"
    file.write_text(
        json.dumps(
            {"spec": {"containers": [{"name": "runner", "volumeMounts": [mount]}], "volumes": [volume]}}
        )
    )
    return str(file)


@pytest.fixture
def start(kubeconfig: str, workspace: Workspace) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a verb in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def call(verb: str, *arguments: str) -> subprocess.Popen[str]:
        where = ["--kubeconfig", kubeconfig, "-n", workspace.name]
        command = [sys.executable, "-u", "-m", "evertask.cli", verb, *arguments, *where]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def evertask(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str, str]]:
    """Run a verb to its end; give its exit code and what it has printed."""

    def call(verb: str, *arguments: str) -> tuple[int, str, str]:
        process = start(verb, *arguments)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out, err

    return call


@pytest.fixture
def run_talking(evertask, pod_template) -> Callable[..., tuple[int, str, str]]:
    """Run a handler of this module."""

    def call(handler: str, *arguments: str) -> tuple[int, str, str]:
        options = ["--pod-template", pod_template, "--grace-period", SHORT_GRACE]
        done: tuple[int, str, str] = evertask("run", f"talking:{handler}", *options, *arguments)
        return done

    return call


def said(log: str) -> list[str]:
    """Leave out what the runner itself writes into the log."""
    return [line for line in log.splitlines() if not line.startswith("evertask: ")]


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read the standard output up to a line."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line == f"{text}\n":
            return
    pytest.fail(f"it ended before {text!r}")


def test_run_and_wait_gives_the_result(run_talking):
    code, out, err = run_talking("talk", "-p", "who=ada", "--wait")
    assert (code, json.loads(out)) == (0, {"greeted": "ada"})
    assert "Completed" in err


def test_run_and_follow_gives_the_log_and_then_the_result(run_talking):
    code, out, _ = run_talking("talk", "-p", "who=ada", "--follow")
    log, _, result = out.partition("{")
    assert (code, json.loads("{" + result)) == (0, {"greeted": "ada"})
    assert said(log) == ["hello ada", "\\x1b[31mgood bye"]


def test_run_and_wait_for_a_handler_that_raises_ends_with_code_1(run_talking):
    code, out, err = run_talking("fail", "-p", "what=order 7", "--wait")
    assert (code, out) == (1, "")
    assert "failed: LookupError: order 7" in err


def test_the_log_of_a_failed_task_is_there_afterwards(run_talking, evertask):
    run_talking("fail", "-p", "what=x", "--name", "lost", "--wait")
    code, out, _ = evertask("logs", "lost")
    assert (code, said(out)[0]) == (0, "about to fail")
    assert len(evertask("logs", "lost", "--tail", "1")[1].splitlines()) == 1


def test_following_goes_on_in_the_next_pod_when_one_is_lost(run_talking, start, workspace):
    run_talking("talk_for_long", "-p", "seconds=8", "--name", "long")
    task = LiveTask(workspace.client, workspace.name, "long")
    following = start("logs", "long", "-f")
    first = run_of(task.until_running())["podName"]
    read_until(following, "launched")
    assert workspace.evict(first).status == 201
    read_until(following, "launched")
    out, err = following.communicate(timeout=PATIENCE_SECONDS)
    assert (following.returncode, said(out)) == (0, ["done"])
    assert "the log goes on in pod" in err


def test_ctrl_c_leaves_the_task_running_and_says_how_to_cancel_it(start, pod_template, evertask, workspace):
    options = ["--pod-template", pod_template, "--grace-period", SHORT_GRACE, "-p", "seconds=600"]
    process = start("run", "talking:talk_for_long", "--name", "long", "--follow", *options)
    read_until(process, "launched")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    task = LiveTask(workspace.client, workspace.name, "long")
    assert (process.returncode, task.state) == (130, State.IN_PROGRESS)
    assert f"evertask cancel long -n {workspace.name}" in err
    assert evertask("cancel", "long")[0] == 0
    assert evertask("wait", "long", "--timeout", "60s")[0] == 1
    assert task.state == State.CANCELLED


def test_an_extra_run_of_a_series_is_waited_for(run_talking, evertask):
    run_talking("talk", "-p", "who=ada", "--name", "hourly", "--every", "1h")
    code, out, _ = evertask("run-now", "hourly", "--wait", "--timeout", "60s")
    assert (code, out.rstrip().endswith("succeeded")) == (0, True)
    run = out.split()[3]
    history: Any = json.loads(evertask("history", "hourly", "-o", "json")[1])
    assert [one["run"] for one in history["runs"]] == [run]
    assert evertask("logs", "hourly", "--run", run)[0] in {0, 3}  # its pod may be gone by now
