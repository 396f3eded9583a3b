"""The operator's watches under trouble: it does not end, misses nothing, drops what vanished, does not spin."""

from __future__ import annotations

import time

import pytest

from evertask.api.protocol import State
from tests.support.fault_proxy_faults import (
    Answer,
    Garbage,
    LostRequest,
    SilentStream,
    Told,
    error_event,
    gone,
    html,
    refusal,
)
from tests.support.live_tasks import checked
from tests.support.simulated_pods import hold
from tests.support.waiting import eventually

TASKS, JOBS, PODS = r"/evertasks(\?|$)", r"/jobs(\?|$)", r"/pods(\?|$)"
ALL = r"/(evertasks|jobs|pods)(\?|$)"
PENDING = 'evertask_tasks{state="Pending"}'

ENDINGS = {  # test_sdk_faults.py has more of them, for watches of our own
    "410-event": error_event(410),
    "410": gone(),
    "500-event": error_event(500),
    "401": refusal(401, "Unauthorized"),
    "404": Answer(404, (("Content-Type", "text/plain"),), b"404 page not found"),
    "502-html": html(502),
    "request-lost": LostRequest(),
    "ended-at-once": Told(),
    "html-in-the-stream": Told((b"<html>",)),
    "no-object": Told((b'{"type": "ADDED"}',)),
}


@pytest.mark.parametrize("fault", ENDINGS.values(), ids=ENDINGS)
def test_watches_that_fail_are_begun_anew_and_nothing_is_missed(stage, proxy, fault):
    operator = stage.troubled(proxy, resyncInterval="1h")
    stage.pods()
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    rules = [proxy.inject(fault, path=kind, stream=True) for kind in (TASKS, JOBS, PODS)]
    assert proxy.break_streams(ALL) == 3
    for rule in rules:
        rule.wait()
    stage.task().until_state(State.COMPLETED)
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 30)
    assert operator.running


def test_watches_that_fall_silent_for_ever_are_begun_anew_within_80_seconds(stage, proxy):
    """The operator's limits are 70 s (tasks) and 75 s (Jobs and pods); nothing relists meanwhile."""
    operator = stage.troubled(proxy, resyncInterval="1h")
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    assert proxy.silence_streams(ALL) == 3
    begun = time.monotonic()
    before = len(proxy.seen)
    task = stage.task(delay="1h")

    def anew() -> set[str]:
        return {
            kind
            for kind in (TASKS, JOBS, PODS)
            if len(proxy.seen_of("GET", kind, stream=True)) > 1 and len(proxy.seen) > before
        }

    eventually(anew, lambda kinds: len(kinds) == 3, 90)
    assert 60 < time.monotonic() - begun < 85
    task.until(lambda status: status.get("nextRunTime"), 20)
    assert operator.probe("healthz") == 200


def test_a_watch_that_is_opened_and_never_says_a_word_holds_up_no_outcome(stage, proxy):
    """The runner's outcome stands in the task at once; what the watches do not tell the relist finds."""
    operator = stage.troubled(proxy)
    stage.pods()
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    silent = proxy.inject(SilentStream(), path=ALL, stream=True, times=3)
    assert proxy.break_streams(ALL) == 3
    silent.wait()
    stage.task().until_state(State.COMPLETED)
    assert operator.running


def test_what_vanished_while_kopfs_watch_expired_is_dropped_at_once(stage, proxy):
    operator = stage.troubled(proxy, resyncInterval="1h")
    tasks = [stage.task(f"t-{number}", delay="1h") for number in range(5)]
    eventually(lambda: operator.metric(PENDING), lambda count: count == 5, 30)
    time.sleep(6)  # a list that comes sooner after the first is taken for a part of it
    held_off = proxy.inject(refusal(503, "ServiceUnavailable"), path=TASKS, stream=True, times=3)
    expired = proxy.inject(error_event(410), path=TASKS, stream=True)
    assert proxy.break_streams(TASKS) == 1
    for task in tasks[:3]:
        task.delete()
    held_off.wait()
    expired.wait()
    eventually(lambda: operator.metric(PENDING), lambda count: count == 2, 20)


def test_jobs_and_pods_that_vanished_while_their_watches_expired_are_dropped(stage, proxy):
    stage.troubled(proxy, resyncInterval="1h")
    stage.pods(hold)
    task = stage.task()
    task.until_state(State.IN_PROGRESS)
    held_off = [
        proxy.inject(refusal(503, "ServiceUnavailable"), path=kind, stream=True) for kind in (JOBS, PODS)
    ]
    expired = [proxy.inject(gone(), path=kind, stream=True) for kind in (JOBS, PODS)]
    assert proxy.break_streams(r"/(jobs|pods)\?") == 2
    path = f"/apis/batch/v1/namespaces/{stage.namespace}/jobs/{stage.jobs()[0]['metadata']['name']}"
    checked(stage.admin("DELETE", path, {"propagationPolicy": "Foreground"}))
    task.until_nothing_is_left()
    for rule in (*held_off, *expired):
        rule.wait()
    assert "deleted by hand" in task.until_state(State.CANCELLED)["message"]


def test_lists_that_fail_at_the_start_and_later_drop_nothing_and_are_tried_again(stage, proxy):
    """``test_lists.py`` has the other kinds of trouble."""
    rules = [proxy.inject(html(502), path=kind, stream=False) for kind in (JOBS, PODS, TASKS)]
    operator = stage.troubled(proxy)
    stage.task(delay="1h")
    eventually(lambda: operator.metric(PENDING), lambda count: count == 1, 30)
    later = proxy.inject(Garbage(), path=TASKS, stream=False)
    for rule in (*rules, later):
        rule.wait()
    assert operator.metric(PENDING) == 1
    assert operator.running


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        pytest.param(refusal(503, "ServiceUnavailable"), 9, id="503"),
        pytest.param(Told(), 9, id="ended-at-once"),
        pytest.param(error_event(410), 12, id="410-event"),
        pytest.param(LostRequest(), 9, id="request-lost"),
    ],
)
def test_watches_that_fail_again_and_again_slow_down(stage, proxy, fault, most):
    """In six seconds: without pauses there would be thousands of requests."""
    operator = stage.troubled(proxy, resyncInterval="1h")
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    proxy.inject(fault, path=ALL, stream=True, times=10_000)
    begun = time.monotonic()
    assert proxy.break_streams(ALL) == 3
    time.sleep(6)
    asked = [seen for seen in proxy.seen if seen.at > begun]
    proxy.calm()
    for kind in (TASKS, JOBS, PODS):
        watches = [seen for seen in asked if seen.is_stream and f"/{kind[1:5]}" in seen.target]
        assert 1 <= len(watches) <= most, kind
    lists = [seen for seen in asked if not seen.is_stream and "limit=" in seen.target]
    assert len(lists) <= 36, "three kinds a relist"
    stage.pods()
    stage.task().until_state(State.COMPLETED)
    assert operator.running
