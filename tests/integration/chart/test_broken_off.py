"""A Helm run that was killed leaves a release that refuses every further one: `hack.install` undoes it first."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hack.cluster.light import LightControlPlane
from hack.install import Helm
from hack.tools import find
from tests.support.chart import CHART, NAMESPACE, RELEASE
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

UPGRADE = ("upgrade", RELEASE, str(CHART), "--install", "--create-namespace")
SECONDS = 30.0


@pytest.fixture
def helm() -> Iterator[Helm]:
    with LightControlPlane() as plane:
        yield Helm(plane.kubeconfig)


def kill_in_the_middle(helm: Helm, status: str) -> None:
    """Kill an upgrade that waits for the operator: nothing runs pods here, so it waits for ever."""
    options = ["--kubeconfig", helm.kubeconfig, "--namespace", NAMESPACE, *UPGRADE, "--wait"]
    with subprocess.Popen(
        [find("helm"), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as waiting:
        eventually(helm.status, lambda found: found == status, SECONDS)
        waiting.kill()


def test_a_broken_off_installation_is_undone(helm: Helm) -> None:
    kill_in_the_middle(helm, "pending-install")
    helm.heal()
    assert helm.status() == ""
    helm.run(*UPGRADE)
    assert helm.status() == "deployed"


def test_a_broken_off_upgrade_is_undone(helm: Helm) -> None:
    helm.run(*UPGRADE)
    kill_in_the_middle(helm, "pending-upgrade")
    helm.heal()
    assert helm.status() == "deployed"


def test_a_healthy_release_is_left_alone(helm: Helm) -> None:
    helm.run(*UPGRADE)
    helm.heal()
    assert helm.status() == "deployed"
    assert helm.run("history", RELEASE, "--output", "yaml").count("revision:") == 1
