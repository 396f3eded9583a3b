"""Which rights looking after tasks needs, and what is said where one is missing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertask import Dispatcher, PermissionDeniedError
from tests.support.sdk_tasks import Operator

if TYPE_CHECKING:
    from collections.abc import Callable

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"


async def first_of(events: Any) -> Any:
    async with aclosing(events) as listening:
        return await anext(listening)


async def watched(dispatcher: Dispatcher) -> None:
    """Listen for longer than the first list takes."""
    async with aclosing(dispatcher.watch()) as events:
        await anext(events)
        async with asyncio.timeout(1):
            await anext(events)


@pytest.fixture
def grant(admin, namespace, service_account) -> Callable[..., None]:
    """Grant verbs on EverTasks to the service account."""
    assert service_account

    def write(*verbs: str) -> None:
        rule = {"apiGroups": ["evertask.io"], "resources": ["evertasks"], "verbs": list(verbs)}
        role = {"metadata": {"name": "web"}, "rules": [rule]}
        binding = {
            "metadata": {"name": "web"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "web"},
            "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": namespace}],
        }
        for kind, body in (("roles", role), ("rolebindings", binding)):
            assert admin("POST", RBAC.format(namespace, kind), body).status == 201

    return write


@pytest.fixture(autouse=True)
def series(admin, namespace) -> None:
    Operator(admin, namespace).make("series", recurrence={"every": "1h"})


CALLS: list[tuple[str, Any, list[str]]] = [
    ("get", lambda d: d.get("series"), ["get"]),
    ("query", lambda d: d.query(), ["list"]),
    ("query_all", lambda d: first_of(d.query_all()), ["list"]),
    ("children", lambda d: d.children("series"), ["get", "list"]),
    ("suspend", lambda d: d.suspend("series"), ["get", "patch"]),
    ("run_now", lambda d: d.run_now("series"), ["get", "patch"]),
    ("cancel", lambda d: d.cancel("series"), ["get", "patch"]),
    ("wait", lambda d: d.wait("series", timedelta(seconds=1)), ["get", "list", "watch"]),
    ("wait-many", lambda d: d.wait(["series"] * 2, timedelta(seconds=1)), ["get", "list", "watch"]),
    ("watch", watched, ["list", "watch"]),
]


@pytest.mark.parametrize(
    ("call", "missing", "granted"),
    [
        pytest.param(call, missing, verbs[: verbs.index(missing)], id=f"{name}-without-{missing}")
        for name, call, verbs in CALLS
        for missing in verbs
    ],
)
async def test_a_missing_right_is_named(stranger, grant, namespace, call, missing, granted):
    if granted:
        grant(*granted)
    said = rf"no right to {missing} evertasks in namespace {namespace}; grant system:serviceaccount:{namespace}:web"
    async with asyncio.timeout(20):
        while True:
            try:
                await call(stranger)
            except PermissionDeniedError as error:
                if f"no right to {missing} " in str(error):
                    with pytest.raises(PermissionDeniedError, match=said):
                        raise
                    return
            await asyncio.sleep(0.1)  # rights take the API server moments


@pytest.mark.parametrize(
    ("call", "verbs"), [pytest.param(call, verbs, id=name) for name, call, verbs in CALLS]
)
async def test_no_further_right_is_needed(stranger, grant, call, verbs):
    grant(*verbs)
    async with asyncio.timeout(20):
        while True:
            try:
                await call(stranger)
            except TimeoutError:
                return  # of a wait, or of a watch, in which nothing happens
            except PermissionDeniedError:
                await asyncio.sleep(0.1)
            else:
                return
