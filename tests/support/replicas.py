"""Several operators of one release, as processes of this machine: one leads, the others stand by."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.support.live_tasks import checked
from tests.support.operator_processes import OWN_NAMESPACE, OperatorProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{OWN_NAMESPACE}/leases"

ELECTION_SECONDS = 30.0
"""For what takes ten at most, on a machine that does other things too."""


class Replica(OperatorProcess):
    """One of several operators."""

    @property
    def leads(self) -> bool:
        """Whether it says that it is the one that acts."""
        return self.metric("evertask_leader") == 1

    def until_ended(self, seconds: float = ELECTION_SECONDS) -> int:
        """Wait until it has ended by itself; gives the exit code."""
        assert self._process is not None
        return self._process.wait(seconds)


def make_own_namespace(admin: ApiClient) -> None:
    """Make the namespace in which the Lease is, unless it is there."""
    answer = admin("POST", "/api/v1/namespaces", {"metadata": {"name": OWN_NAMESPACE}})
    assert answer.status in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}, answer


def lease_spec(admin: ApiClient, name: str) -> dict[str, Any]:
    """Give the spec of a Lease; empty when there is none."""
    answer = admin("GET", f"{LEASES}/{name}")
    return {} if answer.status == HTTPStatus.NOT_FOUND else dict(checked(answer)["spec"])


def until_one_leads(*replicas: Replica) -> tuple[Replica, list[Replica]]:
    """Wait until exactly one leads, and give it and the others."""
    leading = eventually(
        lambda: [replica for replica in replicas if replica.leads],
        lambda found: len(found) == 1,
        ELECTION_SECONDS,
        pause=0.05,
    )
    return leading[0], [replica for replica in replicas if replica is not leading[0]]


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._began
