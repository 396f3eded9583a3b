"""The installed operator: killed, away for a while, back."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.install import NAMESPACE, RELEASE
from tests.support.live_tasks import checked
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl
    from tests.support.api_client import ApiClient

Json = dict[str, Any]

READY_SECONDS = 90.0
"""The kubelet waits longer after each crash of a container: 10 s, 20 s, 40 s."""

_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_SCALE = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}/scale"


class InstalledOperator:
    """The operator of the release under test."""

    def __init__(self, client: ApiClient, kubectl: Kubectl, *, on_this_machine: bool) -> None:
        """Say where it is.

        Args:
            client: calls the API server.
            kubectl: for the same cluster.
            on_this_machine: the node is this machine, so that its processes can be seen and killed.
        """
        self._client = client
        self._kubectl = kubectl
        self._on_this_machine = on_this_machine

    def pods(self) -> list[Json]:
        """Give its pods, those that are ending too."""
        selector = f"app.kubernetes.io/instance%3D{RELEASE},app.kubernetes.io/component%3Doperator"
        items: list[Json] = checked(self._client("GET", f"{_PODS}?labelSelector={selector}"))["items"]
        return items

    def until_ready(self) -> Json:
        """Wait until there is exactly one pod and it is ready."""

        pods: list[Json] = []

        def states() -> list[str]:
            pods[:] = self.pods()
            return [_state(pod) for pod in pods]

        eventually(states, lambda found: found == ["ready"], READY_SECONDS)
        return pods[0]

    def kill(self) -> None:
        """Kill it with SIGKILL; something starts it again.

        Where its processes cannot be reached, its pod is removed by force: the nearest thing.
        """
        self.kill_pod(self.until_ready())

    def kill_pod(self, pod: Json) -> None:
        """Kill one of its pods, where there are several."""
        if self._on_this_machine:
            container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
            for pid in _processes_of(container):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            self._remove(pod)

    def kill_and_replace(self) -> Json:
        """Kill it and have another pod in its place, ready: the kubelet waits longer after each crash of one pod.

        Returns:
            The new pod.
        """
        killed = self.until_ready()
        self.kill()
        self._remove(killed)
        eventually(self._names, lambda names: _name(killed) not in names, READY_SECONDS)
        return self.until_ready()

    def _remove(self, pod: Json) -> None:
        checked(self._client("DELETE", f"{_PODS}/{_name(pod)}", {"gracePeriodSeconds": 0}))

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Kill it and keep it away for the length of the block."""
        self.kill()
        self._scale(0)
        # A pod that is on its way back must not come: it would be asked to end, and end politely.
        pods = self.pods()
        for pod in pods:
            self._remove(pod)
        eventually(self._names, lambda names: not names, READY_SECONDS)
        # A pod that is removed by force is gone from the API server before its processes are from the node, and the
        # kubelet may just have started it again.
        if self._on_this_machine:
            uids = [pod["metadata"]["uid"] for pod in pods]
            eventually(
                lambda: [pid for uid in uids for pid in _processes_in(uid)],
                lambda left: not left,
                READY_SECONDS,
            )
        try:
            yield
        finally:
            self.back()

    def back(self) -> None:
        """Bring it back and wait until it is ready."""
        self._scale(1)
        self.until_ready()

    def refresh(self) -> None:
        """Give it a new pod, so that earlier crashes do not delay the next start."""
        pod = self.until_ready()
        if pod["status"]["containerStatuses"][0]["restartCount"]:
            checked(self._client("DELETE", f"{_PODS}/{_name(pod)}"))
            eventually(self._names, lambda names: _name(pod) not in names, READY_SECONDS)
            self.until_ready()

    def _names(self) -> list[str]:
        return [_name(pod) for pod in self.pods()]

    def _scale(self, replicas: int) -> None:
        checked(self._client.patch(_SCALE, {"spec": {"replicas": replicas}}))


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _state(pod: Json) -> str:
    """Say in a word how a pod is."""
    if "deletionTimestamp" in pod["metadata"]:
        return "ending"
    statuses = pod["status"].get("containerStatuses") or []
    return "ready" if statuses and all(status["ready"] for status in statuses) else "not ready"


def _processes_of(container: str) -> list[int]:
    """Find the processes of a container by their control groups."""
    found = _processes_in(container)
    assert found, f"no process of container {container} on this machine"
    return found


def _processes_in(group: str) -> list[int]:
    """Find the processes in the control groups of a container or a pod, by its id."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):
            if group in file.read_text():
                found.append(int(file.parent.name))
    return found
