"""Tests that disturb the whole cluster: they run by themselves, one after the other.

``make test-e2e`` runs this folder in a pytest of its own, without ``-n``.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from hack.cluster.full import FullCluster
from hack.cluster.paths import locked
from tests.support.operators import InstalledOperator
from tests.support.releases import Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from hack.kubectl import Kubectl
    from tests.support.api_client import ApiClient

    Without = Callable[[str], AbstractContextManager[None]]

HERE = __file__.rpartition("/")[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip these tests where others run beside them."""
    if getattr(config, "workerinput", {}).get("workercount", 1) == 1:
        return
    alone = pytest.mark.skip(reason="disturbs the others; run it alone: pytest tests/e2e/disruptive")
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(alone)


@pytest.fixture(scope="session")
def is_local(kubeconfig: str) -> bool:
    """Tell whether the cluster is the one that hack.cluster runs on this machine."""
    return kubeconfig == str(FullCluster().kubeconfig)


@pytest.fixture
def operator(client: ApiClient, kubectl: Kubectl, is_local: bool) -> Iterator[InstalledOperator]:  # noqa: FBT001
    """Give the installed operator, ready; leave it ready, in a new pod."""
    operator = InstalledOperator(client, kubectl, on_this_machine=is_local)
    operator.until_ready()
    yield operator
    operator.refresh()


@pytest.fixture
def release(kubeconfig: str) -> Iterator[Release]:
    """Give the Helm release; install it again, as it was, if a test leaves it otherwise."""
    release = Release(kubeconfig)
    values = release.values()
    yield release
    if not release.is_installed() or release.values() != values:
        release.install(values)


@pytest.fixture
def without(is_local: bool) -> Without:  # noqa: FBT001
    """Give a way to be without a part of the local cluster for the length of a block.

    The cluster's lock is held meanwhile, so that nobody's ``hack.cluster up`` heals what is stopped on purpose.
    """
    if not is_local:
        reason = "stops a part of the cluster: only with the cluster of `python3 -m hack.cluster up`"
        print(reason)
        pytest.skip(reason)

    @contextlib.contextmanager
    def without(part: str) -> Iterator[None]:
        cluster = FullCluster()
        with locked("full"):
            cluster.stop(part)
            try:
                yield
            finally:
                cluster.start(part)

    return without
