"""Liveness, readiness and metrics, as Kubernetes and Prometheus ask for them."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from http import HTTPStatus

import pytest

from evertask.api.protocol import State
from evertask_operator import health
from evertask_operator.health import Health
from evertask_operator.metrics import Metrics
from hack.cluster.light import free_ports
from tests.support.waiting import eventually


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
async def served():
    """Signs of life, served on a port."""
    signs, (port,) = Health(), free_ports(1)
    runners = await health.serve(signs, Metrics(), health_port=port, metrics_port=0)
    yield signs, port
    for runner in runners:
        await runner.cleanup()


async def test_a_loop_that_hangs_is_answered_with_500(served, monkeypatch):
    _, port = served
    assert await asyncio.to_thread(ask, port, "healthz") == (HTTPStatus.OK, "ok")
    monkeypatch.setattr(health, "LOOP_SECONDS", -1.0)
    status, text = await asyncio.to_thread(ask, port, "healthz")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "the loop has not come round" in text


async def test_a_silent_watch_is_answered_with_500(served, monkeypatch):
    signs, port = served
    monkeypatch.setattr(health, "WATCH_SECONDS", -1.0)
    signs.listed_up_to("pods", 7)
    status, text = await asyncio.to_thread(ask, port, "healthz")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "the watch of pods has been silent" in text


async def test_it_is_ready_when_everything_was_listed(served):
    signs, port = served
    assert (await asyncio.to_thread(ask, port, "readyz"))[0] == HTTPStatus.SERVICE_UNAVAILABLE
    signs.listed = True
    assert (await asyncio.to_thread(ask, port, "readyz"))[0] == HTTPStatus.OK


def test_without_an_api_server_it_lives_and_is_not_ready(stage):
    proxy = stage.proxy()
    proxy.close_the_way()
    operator = stage.operator(through=proxy, start=False)
    operator.start(until_ready=False)
    eventually(lambda: operator.log, lambda log: "cannot list" in log, 30)
    assert (operator.probe("healthz"), operator.probe("readyz")) == (
        HTTPStatus.OK,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    proxy.heal()
    eventually(lambda: operator.probe("readyz"), lambda code: code == HTTPStatus.OK, 30)


def test_the_metrics_tell_what_happened(stage):
    operator = stage.operator()
    stage.pods()
    task = stage.task()
    task.until_state(State.COMPLETED)
    task.until_nothing_is_left()
    eventually(lambda: operator.metric("evertask_slots_taken"), lambda taken: taken == 0, 10)
    assert operator.metric("evertask_run_lateness_seconds_count") == 1
    assert operator.metric("evertask_launch_seconds_count") == 1
    assert 0 < operator.metric("evertask_launch_seconds_sum") < 60
    assert operator.metric('evertask_tasks{state="Completed"}') == 1
    assert operator.metric('evertask_api_requests_total{code="201",resource="jobs",verb="create"}') == 1
    assert (
        operator.metric('evertask_api_requests_total{code="200",resource="evertasks/status",verb="patch"}')
        == 1
    )
    assert operator.metric("evertask_reconcile_errors_total") == 0
    assert "evertask_reconcile_errors_total{" not in operator.metrics()
    assert operator.metric("process_resident_memory_bytes") > 0


def test_no_metric_bears_the_name_of_an_object(stage):
    operator = stage.operator()
    stage.pods()
    stage.task("a-name-that-shows").until_state(State.COMPLETED)
    assert "a-name-that-shows" not in operator.metrics()
    assert stage.namespace not in operator.metrics()


@pytest.mark.parametrize(
    "settings", [{"maxRuning": 1}, {"maxRunning": "many"}], ids=["misspelt", "no-number"]
)
def test_settings_that_cannot_be_used_end_it_with_a_sentence(stage, settings):
    operator = stage.operator(start=False, **settings)
    operator.start(until_ready=False)
    eventually(lambda: operator.running, lambda running: not running, 30)
    assert next(iter(settings)) in operator.log
    assert "cannot be used" in operator.log
