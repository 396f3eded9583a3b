"""``evertask logs`` where no pod is: what there is to say then. With pods, it is tried end to end."""

from __future__ import annotations

ENDED = {"state": "Failed", "message": "the pod died"}


def test_a_task_that_has_not_started_has_no_log(evertask, stored):
    stored("a", {"state": "Queued"})
    answer = evertask("logs", "a")
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "there is no log of a: no pod has started (state Queued)" in answer.stderr


def test_the_end_of_a_log_that_the_status_has_kept_is_shown(evertask, stored):
    error = {"type": "PodFailed", "logTail": "line 1\n\x1b[31mline 2\n"}
    stored("a", {**ENDED, "error": error})
    answer = evertask("logs", "a")
    assert (answer.exit_code, answer.stdout) == (0, "line 1\n\\x1b[31mline 2\n")
    assert "from the status" in answer.stderr


def test_a_run_that_left_nothing_is_named_with_those_that_are_known(evertask, stored):
    run = {"scheduledTime": "2026-11-24T07:00:00Z", "launch": 1, "phase": "Failed"}
    stored("a", {**ENDED, "runs": {"s1": run}})
    answer = evertask("logs", "a", "--run", "s2")
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "no pod of the run 's2' of a is left, if there was one; runs that are known: s1" in answer.stderr


def test_following_ends_with_the_task(start, stored):
    task = stored("a", {"state": "Queued"})
    process = start("logs", "a", "-f")
    task.patch_status({"state": "Failed"})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (3, "")
    assert "there is no log of a" in err
