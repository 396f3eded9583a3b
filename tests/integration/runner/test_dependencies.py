"""What a handler is made with, in a real runner."""

from __future__ import annotations

from tests.support.runner_pods import RUN


def test_setup_provides_what_the_handler_is_made_with(launched, pod):
    task = launched("wired:Wired")
    with pod(task) as runner:
        assert runner.wait(30) == 0, runner.log
    assert task.get()["status"]["result"] == {
        "sameLoop": True,
        "logger": "evertask.handler",
        "dispatcher": True,
        "currency": "EUR",
        "limit": 5,
        "setups": 1,
    }


def test_a_setup_that_raises_fails_the_run_with_its_traceback(launched, pod):
    task = launched("unready:Handler")
    with pod(task) as runner:
        assert runner.wait(30) == 0, runner.log
    error = task.get()["status"]["error"]
    assert error["type"] == "HandlerInvalid"
    assert error["message"] == "setup() of unready raised ConnectionError: the database is away"
    assert 'raise ConnectionError("the database is away")' in error["traceback"]
    assert task.get()["status"]["runs"][RUN]["phase"] == "Failed"
