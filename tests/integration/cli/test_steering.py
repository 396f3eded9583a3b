"""``evertask cancel``, ``suspend``, ``resume``, ``run-now`` against a real API server."""

from __future__ import annotations

import json

import pytest

from evertask.api.protocol import run_now_run_id
from tests.support.waiting import eventually

HOURLY = {"recurrence": {"every": "1h"}}


def test_cancel_asks_once_and_says_so(evertask, stored):
    task = stored("a", {"state": "InProgress"})
    answers = [evertask("cancel", "a") for _ in range(2)]
    assert [answer.stdout for answer in answers] == ["a cancellation requested\n"] * 2
    assert task.get()["spec"]["cancel"] is True


@pytest.mark.parametrize(
    ("state", "said"),
    [
        pytest.param("Cancelled", "was cancelled already", id="cancelled"),
        pytest.param("Completed", "has finished already; nothing was changed", id="completed"),
    ],
)
def test_a_finished_task_is_not_cancelled(evertask, stored, state, said):
    stored("a", {"state": state})
    answer = evertask("cancel", "a")
    assert (answer.exit_code, answer.stdout) == (0, f"a {said}\n")


def test_one_that_is_not_there_does_not_keep_the_others_back(evertask, stored):
    task = stored("a")
    answer = evertask("cancel", "nobody", "a")
    assert (answer.exit_code, answer.stdout) == (3, "a cancellation requested\n")
    assert task.get()["spec"]["cancel"] is True


def test_suspend_and_resume_say_what_they_found(evertask, stored):
    task = stored("a", **HOURLY)
    said = [evertask(verb, "a").stdout for verb in ("suspend", "suspend")]
    assert said == ["a suspended\n", "a was suspended already\n"]
    assert task.get()["spec"]["suspend"] is True
    said = [evertask(verb, "a").stdout for verb in ("resume", "resume")]
    assert said == ["a resumed\n", "a was not suspended\n"]
    assert not task.get()["spec"].get("suspend")


def test_a_task_is_steered_by_its_key(evertask):
    evertask("run", "a:b", "--key", "Daily report!")
    answer = evertask("suspend", "--key", "Daily report!", "-o", "json")
    assert json.loads(answer.stdout)["spec"]["suspend"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="neither"),
        pytest.param(["a", "--key", "b"], id="both"),
        pytest.param(["A_b"], id="no-name"),
        pytest.param(["../a"], id="a-path"),
    ],
)
def test_what_names_no_task_is_bad_usage(evertask, arguments):
    answer = evertask("cancel", *arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "NAME" in answer.stderr


def test_run_now_asks_for_a_new_run_each_time(evertask, stored):
    task = stored("a", {"state": "Pending"}, **HOURLY)
    tokens = set()
    for _ in range(2):
        answer = evertask("run-now", "a")
        token = task.get()["spec"]["runNow"]
        assert answer.stdout == f"a extra run {run_now_run_id(token)} requested\n"
        tokens.add(token)
    assert len(tokens) == 2


def test_a_one_shot_has_no_extra_run(evertask, stored):
    stored("a")
    answer = evertask("run-now", "a")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "a is no series" in answer.stderr


@pytest.mark.parametrize(
    ("phase", "code", "said"),
    [
        pytest.param("Succeeded", 0, "succeeded", id="succeeded"),
        pytest.param("Failed", 1, "failed: KeyError: 'a'", id="failed"),
    ],
)
def test_run_now_waits_for_its_own_run(start, stored, phase, code, said):
    task = stored("a", {"state": "Pending"}, **HOURLY)
    process = start("run-now", "a", "--wait")
    token = eventually(lambda: task.get()["spec"].get("runNow"), bool, 20)
    run = run_now_run_id(token)
    answer = {"token": token, "time": "2026-11-24T07:00:00Z", "run": run, "answer": "Started"}
    opened = {"scheduledTime": "2026-11-24T07:00:00Z", "launch": 1, "phase": "Running"}
    other = {"scheduledTime": "2026-11-24T06:00:00Z", "launch": 2, "phase": "Running"}
    task.patch_status({"runNow": answer, "runs": {run: opened, "s1": other}, "state": "InProgress"})
    message = {"message": "KeyError: 'a'"} if code else {}
    task.patch_status({"runs": {run: {"phase": phase, **message}}})
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, f"a extra run {run} {said}\n")


def test_a_skipped_extra_run_ends_with_code_1(start, stored):
    task = stored("a", {"state": "InProgress"}, **HOURLY)
    process = start("run-now", "a", "--wait")
    token = eventually(lambda: task.get()["spec"].get("runNow"), bool, 20)
    task.patch_status({"runNow": {"token": token, "time": "2026-11-24T07:00:00Z", "answer": "Skipped"}})
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, "was skipped" in out) == (1, True)


def test_run_now_gives_up_after_its_time(evertask, stored):
    stored("a", {"state": "Pending"}, **HOURLY)
    answer = evertask("run-now", "a", "--timeout", "1s")
    assert (answer.exit_code, answer.stdout) == (124, "")
    assert "it goes on" in answer.stderr
