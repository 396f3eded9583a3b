"""A second node that only says that it is ready.

Where all nodes are lost at once, Kubernetes takes it for its own fault and evicts nothing. Beside a ready node, the one
of a single-node cluster can be lost as it would be in a large cluster.
"""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.live_tasks import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api_client import ApiClient

NAME = "e2e-witness"
_NODES = "/api/v1/nodes"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
RENEW_SECONDS = 3.0


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _register(client: ApiClient) -> None:
    client("DELETE", f"{_NODES}/{NAME}")
    taint = {"key": "evertask.io/witness", "effect": "NoSchedule"}
    node = {"metadata": {"name": NAME}, "spec": {"unschedulable": True, "taints": [taint]}}
    checked(client("POST", _NODES, node))
    now = _now()[:19] + "Z"
    ready = {"type": "Ready", "status": "True", "reason": "Witness", "message": "a test's"}
    condition = ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}
    checked(client.patch(f"{_NODES}/{NAME}/status", {"status": {"conditions": [condition]}}))
    client("DELETE", f"{_LEASES}/{NAME}")
    lease = {"holderIdentity": NAME, "leaseDurationSeconds": 16, "renewTime": _now()}
    checked(client("POST", _LEASES, {"metadata": {"name": NAME}, "spec": lease}))


@contextlib.contextmanager
def witness_node(client: ApiClient) -> Iterator[None]:
    """Have a ready second node for the length of the block; nothing is scheduled on it."""
    stopped = threading.Event()

    def renew() -> None:
        while not stopped.wait(RENEW_SECONDS):
            client.patch(f"{_LEASES}/{NAME}", {"spec": {"renewTime": _now()}})

    _register(client)
    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        client("DELETE", f"{_NODES}/{NAME}")
        client("DELETE", f"{_LEASES}/{NAME}")
