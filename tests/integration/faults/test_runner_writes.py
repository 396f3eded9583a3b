"""The runner's writes (4, 5 and 6) under every kind of trouble: let in once, its outcome committed once."""

from __future__ import annotations

import time

import pytest

from tests.support.fault_proxy_faults import (
    Answer,
    CutInside,
    Delay,
    Garbage,
    LostAnswer,
    LostRequest,
    Silence,
    Slow,
    Trickle,
    Truncated,
    conflict,
    html,
    refusal,
    too_many,
)
from tests.support.runner_pods import RUN, wait_for

STATUS = r"/evertasks/a/status$"

PASSING = {
    "answer-lost": LostAnswer(),
    "request-lost": LostRequest(),
    "cut-inside": CutInside(),
    "late": Delay(1),
    "answered-late": Slow(1),
    "html-instead-of-json": Garbage(),
    "another-object": Garbage(b"{}"),
    "truncated": Truncated(),
    "409": conflict(),
    "429": too_many(),
    "500": refusal(500, "InternalError"),
    "502-html": html(502),
    "503": refusal(503, "ServiceUnavailable"),
    "504": refusal(504, "Timeout"),
    "401": refusal(401, "Unauthorized"),
    "403": refusal(403, "Forbidden"),
    "404-of-a-load-balancer": Answer(404, (("Content-Type", "text/plain"),), b"404 page not found"),
}


@pytest.fixture
def waiting(launched, tmp_path):
    return launched("work:wait_for_file", payload={"folder": str(tmp_path)})


def finish(tmp_path) -> None:
    wait_for((tmp_path / "begun").exists)
    (tmp_path / "go").touch()


def assert_completed_once(task, proxy) -> None:
    status = task.get()["status"]
    assert (status["state"], status["counts"]["runs"]) == ("Completed", 1)
    assert status["runs"][RUN]["podName"] == "pod-a"
    assert {one.method for one in proxy.seen} == {"PATCH"}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_run_is_claimed_once_and_its_outcome_committed_once(waiting, pod, proxy, tmp_path, fault):
    on_the_claim = proxy.inject(fault, path=STATUS)
    with pod(waiting) as runner:
        wait_for((tmp_path / "begun").exists)
        on_the_claim.wait(0)
        on_the_outcome = proxy.inject(fault, path=STATUS, times=2)  # and what comes after it
        finish(tmp_path)
        assert runner.wait() == 0
    assert on_the_outcome.happened
    assert_completed_once(waiting, proxy)


def test_a_server_that_asks_for_time_is_given_it(waiting, pod, proxy, tmp_path):
    asked = proxy.inject(too_many("2"), path=STATUS)
    (tmp_path / "go").touch()
    with pod(waiting) as runner:
        assert runner.wait() == 0
    asked.wait(0)
    first, second = proxy.seen[:2]
    assert second.at - first.at >= 2
    assert_completed_once(waiting, proxy)


@pytest.mark.parametrize("fault", [Silence(), Trickle(pause=0.2)], ids=["silent", "byte-by-byte"])
def test_an_answer_that_does_not_end_is_given_up_after_ten_seconds(waiting, pod, proxy, tmp_path, fault):
    endless = proxy.inject(fault, path=STATUS)
    (tmp_path / "go").touch()
    with pod(waiting) as runner:
        assert runner.wait() == 0
    endless.wait(0)
    first, second = proxy.seen[:2]
    assert 9.9 < second.at - first.at < 20
    assert_completed_once(waiting, proxy)


def test_progress_that_meets_trouble_holds_up_neither_the_handler_nor_its_outcome(
    launched, pod, proxy, tmp_path
):
    task = launched("work:report_progress", payload={"folder": str(tmp_path)})
    lost = proxy.inject(LostAnswer(), path=STATUS, skip=1)
    with pod(task) as runner:
        lost.wait()
        finish(tmp_path)
        assert runner.wait() == 0
    assert task.get()["status"]["state"] == "Completed"
    assert task.get()["status"]["runs"][RUN]["progress"]["percent"] == 99


def test_while_the_api_server_refuses_the_runner_asks_more_and_more_rarely(waiting, pod, proxy, tmp_path):
    with pod(waiting) as runner:
        wait_for((tmp_path / "begun").exists)
        proxy.inject(refusal(503, "ServiceUnavailable"), path=STATUS, times=1000)
        before = len(proxy.seen)
        finish(tmp_path)
        message = wait_for(lambda: runner.termination_message)
        time.sleep(8)
        asked = len(proxy.seen) - before
        proxy.calm()
        assert runner.wait() == 0
    assert message["phase"] == "Succeeded"
    # 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5 s at most, half of it at least.
    assert 4 <= asked <= 11
    assert_completed_once(waiting, proxy)
