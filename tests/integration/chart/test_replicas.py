"""From one replica to two and back by Helm: the API server takes both, and what only several need comes and goes."""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus

from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient
from tests.support.chart import CHART, NAMESPACE, RELEASE, helm

DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/{RELEASE}-leadership"
BUDGET = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/{RELEASE}"


def upgrade(plane: LightControlPlane, *options: str) -> None:
    """Install the release, or upgrade it."""
    where = (f"--kubeconfig={plane.kubeconfig}", f"--namespace={NAMESPACE}", "--create-namespace")
    helm("upgrade", "--install", RELEASE, str(CHART), *where, *options)


def found(admin: ApiClient) -> tuple[str, int | None, int, int]:
    """Say how the Deployment is rolled out, and whether the Role and the budget are there."""
    strategy = admin("GET", DEPLOYMENT).body["spec"]["strategy"]
    unavailable = strategy.get("rollingUpdate", {}).get("maxUnavailable")
    return strategy["type"], unavailable, admin("GET", ROLE).status, admin("GET", BUDGET).status


def test_a_release_goes_from_one_replica_to_two_and_back() -> None:
    one = ("Recreate", None, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND)
    two = ("RollingUpdate", 0, HTTPStatus.OK, HTTPStatus.OK)
    with (
        LightControlPlane() as plane,
        closing(ApiClient(plane.server, plane.ca, plane.token)) as admin,
    ):
        upgrade(plane)
        assert found(admin) == one
        upgrade(plane, "--set=replicas=2")
        assert found(admin) == two
        upgrade(plane, "--set=replicas=1")  # without any option Helm takes those of before
        assert found(admin) == one
