"""The operator's complete lists under trouble: half of one is none, and nothing is dropped by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.errors import EverTaskError
from evertask_operator.cluster import Reads, Writes
from evertask_operator.health import Health
from evertask_operator.metrics import Metrics
from evertask_operator.observer import Observer
from evertask_operator.reconciler import Reconciler
from evertask_operator.settings import Settings
from evertask_operator.store import Store
from tests.support.fault_proxy_faults import (
    Answer,
    CutInside,
    Garbage,
    LostAnswer,
    Truncated,
    gone,
    html,
    refusal,
    too_many,
)

if TYPE_CHECKING:
    from evertask.connection import Connection

KINDS = {"jobs": r"/jobs\?", "pods": r"/pods\?", "tasks": r"/evertasks\?"}

TROUBLES = {
    "401": refusal(401, "Unauthorized"),
    "403": refusal(403, "Forbidden"),
    "404": Answer(404, (("Content-Type", "text/plain"),), b"404 page not found"),
    "429": too_many("1"),
    "500": refusal(500, "InternalError"),
    "502-html": html(502),
    "503": refusal(503, "ServiceUnavailable"),
    "html": Garbage(),
    "an-empty-object": Garbage(b"{}"),
    "another-kind": Garbage(b"[1]"),
    "a-list-of-nothing": Garbage(b'{"items": null, "metadata": {"resourceVersion": "1"}}'),
    "a-list-without-version": Garbage(b'{"items": [], "metadata": {}}'),
    "truncated": Truncated(),
    "answer-lost": LostAnswer(),
    "cut-inside": CutInside(),
}


@pytest.fixture
def observer(connection: Connection, namespace: str) -> Observer:
    metrics, reads = Metrics(), Reads(connection, [namespace])
    reconciler = Reconciler(Settings(), Store(), reads, Writes(connection, "test"), metrics)
    return Observer(reconciler, reads, metrics, Health())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("fault", TROUBLES.values(), ids=TROUBLES)
async def test_a_list_that_fails_changes_nothing_and_is_an_error_of_ours(stage, proxy, observer, kind, fault):
    stage.task("a", suspend=True)
    await observer.relist()
    known, listed_at = dict(observer._store.tasks), dict(observer.listed_at)
    failing = proxy.inject(fault, path=kind, times=2)  # a read whose connection broke is sent once more
    with pytest.raises(EverTaskError):
        await observer.relist()
    assert failing.happened
    assert (observer._store.tasks, observer.listed_at) == (known, listed_at)


@pytest.fixture
def many(stage):
    return [stage.task(f"t-{number}", suspend=True) for number in range(501)]


@pytest.mark.usefixtures("many")
async def test_a_list_whose_token_has_expired_is_begun_again(proxy, observer):
    expired = proxy.inject(gone(), path="continue=")
    await observer.relist()
    expired.wait(0)
    assert len(observer._store.tasks) == 501


@pytest.mark.usefixtures("many")
async def test_a_list_whose_second_chunk_fails_drops_nothing(proxy, observer):
    await observer.relist()
    failing = proxy.inject(html(502), path="continue=")
    with pytest.raises(EverTaskError):
        await observer.relist()
    failing.wait(0)
    assert len(observer._store.tasks) == 501
