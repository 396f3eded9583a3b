"""Tests that disturb the whole cluster: they run by themselves, one after the other.

``make test-e2e`` runs this folder in a pytest of its own, without ``-n``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hack.cluster.full import FullCluster
from hack.images.wheels import ROOT
from tests.support.operators import InstalledOperator
from tests.support.releases import Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hack.kubectl import Kubectl
    from tests.support.api_client import ApiClient

HERE = __file__.rpartition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one worker, should there be several (``--dist loadgroup``)."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.xdist_group("disruptive"))


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
def local_cluster(is_local: bool) -> Iterator[Callable[[str], None]]:  # noqa: FBT001
    """Give a way to stop and start parts of the local cluster; everything runs again afterwards."""
    if not is_local:
        reason = "stops a part of the cluster: only with the cluster of `python3 -m hack.cluster up`"
        print(reason)
        pytest.skip(reason)

    def run(command: str) -> None:
        subprocess.run([sys.executable, "-m", "hack.cluster", command], cwd=ROOT, check=True)

    yield run
    for part in ("apiserver", "kubelet"):
        run(f"start-{part}")
