"""Retries, times and interruptions as Python says them, against a real API server: what arrives, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from evertask import (
    TRANSIENT_DATABASE_ERRORS,
    Dispatch,
    DispatchRefusedError,
    ExitRetry,
    Registration,
    Retry,
    SyncDispatcher,
)
from tests.support.api_client import tasks_path
from tests.support.retry_policies import policies
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from evertask import Dispatcher

SAID: dict[str, Any] = {
    "retry": Retry(
        limit=5,
        delay=timedelta(seconds=2),
        backoff="Exponential",
        jitter=timedelta(milliseconds=250),
        only_for=[ConnectionError, "httpx.TransportError"],
        on_exit=ExitRetry("Fail", [137]),
    ),
    "run_timeout": timedelta(hours=1),
    "max_interruptions": 2,
    "fence_after": timedelta(seconds=15),
}
STORED = {
    "retry": {
        "limit": 5,
        "delay": "2s",
        "backoff": "Exponential",
        "maxDelay": "5m",
        "jitter": "250ms",
        "onlyFor": ["ConnectionError", "httpx.TransportError"],
        "onExit": {"action": "Fail", "codes": [137]},
    },
    "runTimeout": "1h",
    "maxInterruptions": 2,
    "fenceAfter": "15s",
}


async def test_each_option_arrives(dispatcher: Dispatcher, report: Any) -> None:
    view = await dispatcher.get(await dispatcher.dispatch(report(), **SAID))
    assert view is not None
    assert STORED.items() <= view.raw["spec"].items()


async def test_each_option_arrives_from_a_batch(dispatcher: Dispatcher, report: Any) -> None:
    (made,) = await dispatcher.dispatch_many([Dispatch(report(), **SAID)])
    view = await dispatcher.get(made.id)
    assert view is not None
    assert STORED.items() <= view.raw["spec"].items()


def test_each_option_arrives_from_a_blocking_dispatcher(kubeconfig_dispatcher: SyncDispatcher, report: Any):
    view = kubeconfig_dispatcher.get(kubeconfig_dispatcher.dispatch(report(), **SAID))
    assert view is not None
    assert STORED.items() <= view.raw["spec"].items()


@pytest.fixture
def kubeconfig_dispatcher(control_plane, namespace):
    with SyncDispatcher(kubeconfig=control_plane.kubeconfig, namespace=namespace) as made:
        yield made


async def test_to_register_the_same_policy_again_changes_nothing(dispatcher: Dispatcher, report: Any) -> None:
    first = await dispatcher.dispatch(report(), task_key="daily", **SAID)
    again = await dispatcher.dispatch(report(), task_key="daily", **SAID)
    other = await dispatcher.dispatch(report(), task_key="daily", **{**SAID, "retry": Retry.none()})
    assert [one.outcome for one in (first, again, other)] == [
        Registration.CREATED,
        Registration.UNCHANGED,
        Registration.UPDATED,
    ]


@pytest.mark.parametrize(
    ("said", "field", "sentence"),
    [
        pytest.param({"max_interruptions": 1001}, "spec.maxInterruptions", "1000", id="interruptions"),
        pytest.param({"max_interruptions": -1}, "spec.maxInterruptions", "0", id="interruptions-negative"),
        pytest.param({"run_timeout": timedelta(days=366)}, "spec.runTimeout", "from 0s to 8760h", id="run"),
        pytest.param({"fence_after": timedelta(seconds=9)}, "spec.fenceAfter", "from 10s to 24h", id="fence"),
    ],
)
async def test_what_the_cluster_refuses_is_said_with_its_field(
    dispatcher: Dispatcher, report: Any, said, field, sentence
) -> None:
    with pytest.raises(DispatchRefusedError, match=sentence) as refused:
        await dispatcher.dispatch(report(), **said)
    assert [cause.field for cause in refused.value.causes] == [field]


@given(policies)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_policy_writes_the_cluster_takes(admin, policy: Retry) -> None:
    answer = admin(
        "POST",
        tasks_path("default") + "?dryRun=All&fieldValidation=Strict",
        manifest(retry=policy.to_spec()),
    )
    assert answer.status == 201, answer.message
    assert answer.body["spec"]["retry"] == policy.to_spec()


async def test_the_longest_list_of_errors_is_taken(dispatcher: Dispatcher, report: Any) -> None:
    view = await dispatcher.get(
        await dispatcher.dispatch(report(), retry=Retry(only_for=TRANSIENT_DATABASE_ERRORS))
    )
    assert view is not None
    assert view.raw["spec"]["retry"]["onlyFor"] == list(TRANSIENT_DATABASE_ERRORS)
