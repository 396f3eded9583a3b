"""Helm on a real API server: install, upgrade, uninstall, install again; tasks outlive all of it unless told otherwise.

A control plane of its own: the CRD comes and goes here.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from evertask.api import protocol
from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient, tasks_path
from tests.support.chart import CHART, NAMESPACE, RELEASE, ChartRefusedError, helm
from tests.support.tasks import manifest
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Release = Callable[..., str]

CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{protocol.PLURAL}.{protocol.GROUP}"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}"
TASK = tasks_path("default", "kept")
SECONDS = 30.0


@pytest.fixture
def plane() -> Iterator[LightControlPlane]:
    with LightControlPlane() as started:
        yield started


@pytest.fixture
def admin(plane: LightControlPlane) -> Iterator[ApiClient]:
    with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
        yield client


@pytest.fixture
def release(plane: LightControlPlane) -> Release:
    """Run a Helm command for the release: `upgrade` installs too."""

    def run(command: str, *options: str) -> str:
        chart = [str(CHART), "--install", "--create-namespace"] if command == "upgrade" else []
        return helm(
            command, RELEASE, *chart, f"--kubeconfig={plane.kubeconfig}", f"--namespace={NAMESPACE}", *options
        )

    return run


def make_task(admin: ApiClient) -> str:
    """Make a task as soon as the API is served; give its uid."""
    made = eventually(
        lambda: admin("POST", tasks_path("default"), manifest("kept")),
        lambda answer: answer.status == 201,
        SECONDS,
    )
    return str(made.body["metadata"]["uid"])


def test_tasks_outlive_upgrade_and_uninstall(release: Release, admin: ApiClient) -> None:
    assert "STATUS: deployed" in release("upgrade")
    uid = make_task(admin)

    release("upgrade", "--set=maxRunning=7")
    assert '"maxRunning": 7' in admin("GET", CONFIG).body["data"]["settings.json"]
    assert admin("GET", TASK).body["metadata"]["uid"] == uid

    assert "kept" in release("uninstall")
    assert admin("GET", CONFIG).status == 404
    assert admin("GET", TASK).body["metadata"]["uid"] == uid

    release("upgrade")
    assert admin("GET", TASK).body["metadata"]["uid"] == uid


def test_uninstalling_takes_the_tasks_along_when_told_so(release: Release, admin: ApiClient) -> None:
    release("upgrade", "--set=crds.keep=false")
    make_task(admin)
    release("uninstall")
    eventually(lambda: admin("GET", CRD), lambda answer: answer.status == 404, SECONDS)


def test_the_api_server_takes_everything_that_can_be_switched_on(release: Release, admin: ApiClient) -> None:
    for name in ("shop", "mail"):
        assert admin("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).status == 201
    said = release(
        "upgrade",
        "--set=watchNamespaces={shop,mail}",
        "--set=runners.createTasks=true",
        "--set=podDisruptionBudget.enabled=true",
        "--set=networkPolicy.enabled=true",
        "--set=commonLabels.team=a",
        "--set=runner.tmpSizeLimit=1Gi",
        f"--set=image.digest=sha256:{'0' * 64}",
    )
    assert "It runs the tasks of shop, mail." in said
    roles = admin("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles").body["items"]
    assert [role["metadata"]["name"] for role in roles] == [RELEASE]
    bindings = admin("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings").body["items"]
    names = {binding["metadata"]["name"] for binding in bindings}
    assert names == {RELEASE, f"{RELEASE}-runner", f"{RELEASE}-runner-tasks"}


def test_a_monitor_without_its_crd_installs_nothing(release: Release, admin: ApiClient) -> None:
    with pytest.raises(ChartRefusedError, match="install the Prometheus operator first"):
        release("upgrade", "--set=metrics.serviceMonitor.enabled=true")
    assert admin("GET", CONFIG).status == 404
