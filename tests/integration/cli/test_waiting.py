"""``evertask wait``, ``run --wait`` and ``list --watch`` against a real API server: the test writes the status."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.api_client import tasks_path
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    import subprocess


def read_until(process: subprocess.Popen[str], text: str, *, stream: str = "stderr") -> str:
    """Read line by line until a text comes; the process must not end before."""
    told = ""
    while text not in told:
        line = getattr(process, stream).readline()
        assert line, f"ended before {text!r}: {told}"
        told += line
    return told


def test_wait_shows_each_change_and_ends_with_the_result(start, stored):
    task = stored("a", {"state": "Queued"})
    process = start("wait", "a")
    read_until(process, "a Queued")
    run = {"scheduledTime": "2026-11-24T07:00:00Z", "launch": 1, "phase": "Running"}
    task.patch_status(
        {"state": "InProgress", "runs": {"s1": {**run, "progress": {"percent": 40, "message": "at\x1bwork"}}}}
    )
    assert "a InProgress (40%) at\\x1bwork\n" in read_until(process, "40%")
    task.patch_status({"state": "Completed", "result": {"rows": 7}})
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, 'a   Completed   {"rows": 7}\n')


def test_wait_shows_attempts_failures_and_what_is_waited_for(start, stored):
    task = stored("a", {"state": "Queued"})
    process = start("wait", "a")
    read_until(process, "a Queued")
    failure = {"attempt": 1, "time": "2026-11-24T07:00:01Z", "type": "OSError", "message": "no route"}
    run = {"scheduledTime": "2026-11-24T07:00:00Z", "launch": 1, "phase": "Running", "failures": [failure]}
    waits = {"attempt": 1, "failedAttempts": 1, "nextAttemptTime": "2026-11-24T07:00:31Z"}
    task.patch_status({"state": "InProgress", "runs": {"s1": {**run, **waits}}})
    told = read_until(process, "waits for")
    assert told == "a InProgress (waits for attempt 2) until 2026-11-24T07:00:31Z after OSError: no route\n"
    task.patch_status({"runs": {"s1": {"attempt": 2, "nextAttemptTime": None}}})
    assert read_until(process, "attempt 2)") == "a InProgress (attempt 2)\n"
    task.patch_status({"state": "Completed"})
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("states", "code"),
    [
        pytest.param(["Completed", "Completed"], 0, id="all-completed"),
        pytest.param(["Completed", "Failed"], 1, id="one-failed"),
        pytest.param(["Cancelled", "Completed"], 1, id="one-cancelled"),
    ],
)
def test_wait_for_several_tells_by_its_code_how_they_ended(evertask, stored, states, code):
    for name, state in zip("ab", states, strict=True):
        stored(name, {"state": state})
    answer = evertask("wait", "a", "b")
    assert answer.exit_code == code
    assert [line.split()[1] for line in answer.stdout.splitlines()] == states


def test_wait_gives_up_after_its_time(evertask, stored):
    stored("a", {"state": "Completed"})
    stored("b", {"state": "Queued"})
    answer = evertask("wait", "a", "b", "--timeout", "1s")
    assert (answer.exit_code, answer.stdout.split()) == (124, ["a", "Completed"])
    assert "not finished within the time given: b; they go on" in answer.stderr


def test_a_task_that_is_deleted_meanwhile_ends_the_waiting(start, stored, admin, namespace):
    stored("a", {"state": "Queued"})
    process = start("wait", "a")
    read_until(process, "a Queued")
    admin("DELETE", tasks_path(namespace, "a"))
    _, err = process.communicate(timeout=20)
    assert (process.returncode, "task a was deleted before it finished" in err) == (3, True)


def test_ctrl_c_leaves_the_task_and_says_how_to_cancel_it(start, stored, namespace):
    task = stored("a", {"state": "Queued"})
    process = start("wait", "a")
    read_until(process, "a Queued")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"cancel with: evertask cancel a -n {namespace}" in err
    assert "Traceback" not in err
    assert not task.get()["spec"].get("cancel")


def test_run_and_wait_ends_with_the_result_alone_on_the_standard_output(start, admin, namespace):
    process = start("run", "a:b", "--name", "x", "--wait")
    read_until(process, "x Pending")
    StoredTask(admin, namespace, "x").patch_status({"state": "Completed", "result": [1, 2]})
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, json.loads(out)) == (0, [1, 2])


def test_run_and_wait_for_one_that_fails_says_why(start, admin, namespace):
    process = start("run", "a:b", "--name", "x", "--wait", "-o", "json")
    read_until(process, "x Pending")
    error = {"type": "KeyError", "message": "'region'"}
    StoredTask(admin, namespace, "x").patch_status({"state": "Failed", "error": error})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, json.loads(out)["status"]["state"]) == (1, "Failed")
    assert "evertask: task x failed: KeyError: 'region'" in err


def test_run_and_wait_gives_up_after_its_time(evertask, admin, namespace):
    answer = evertask("run", "a:b", "--name", "x", "--wait-timeout", "1")
    assert (answer.exit_code, answer.stdout) == (124, "")
    assert admin("GET", tasks_path(namespace, "x")).status == 200


def test_a_watched_list_tells_each_change(start, stored, admin, namespace):
    task = stored("a", {"state": "Queued"})
    process = start("list", "--watch")
    read_until(process, "Queued", stream="stdout")
    task.patch_status({"state": "Completed"})
    read_until(process, "Completed", stream="stdout")
    stored("b")
    read_until(process, "b ", stream="stdout")
    admin("DELETE", tasks_path(namespace, "b"))
    read_until(process, "(deleted)", stream="stdout")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_watched_list_of_a_state_tells_of_what_leaves_it(start, stored):
    task = stored("a", {"state": "Queued"})
    process = start("list", "--watch", "--state", "queued", "-o", "json")
    read_until(process, '"Queued"', stream="stdout")
    stored("b", {"state": "Completed"})
    task.patch_status({"state": "Failed"})
    told = read_until(process, '"Failed"', stream="stdout")
    assert [json.loads(line)["metadata"]["name"] for line in told.splitlines()] == ["a"]


def test_many_tasks_are_waited_for_by_one_watch(start, stored):
    tasks = [stored(f"t{number}", {"state": "Queued"}) for number in range(20)]
    process = start("wait", *(task.name for task in tasks))
    read_until(process, "t0 Queued")
    for task in tasks:
        task.patch_status({"state": "Completed"})
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, len(out.splitlines())) == (0, 20)
