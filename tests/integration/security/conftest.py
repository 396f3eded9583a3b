"""An operator and the real runner together, without a kubelet: the pods of the Job controller are run as processes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api import protocol
from tests.integration.operator.conftest import Stage
from tests.support.runner_pods import RunnerPod
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient
    from tests.support.simulated_pods import SimulatedPod


class Kubelet:
    """Runs each pod's real runner as a process, and reports its end: given to ``stage.pods``."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage, self._folder = stage, folder
        self.runners: list[RunnerPod] = []
        """Those that were started, in order."""
        self.environment: dict[str, str] = {}
        """Further variables of the pods."""

    def __call__(self, pod: SimulatedPod) -> None:
        """Run one pod to its end."""
        runner = RunnerPod(
            StoredTask(pod.client, pod.namespace, pod.task),
            self._folder,
            self._stage.plane.server,
            launch=pod.launch,
            pod_name=pod.name,
            **{protocol.ENV_RUN: pod.holder.run, **self.environment},
        )
        self.runners.append(runner)
        with runner:
            code = runner.wait()
        # What the kubelet takes: the end of the file, whatever it is.
        path = self._folder / f"message-{pod.name}-{pod.launch}"
        message = path.read_bytes()[-4096:].decode(errors="replace") if path.exists() else ""
        pod.end(code if code >= 0 else 128 - code, message or runner.log[-2048:] * (code != 0))

    @property
    def log(self) -> str:
        """What all runners and handlers have printed."""
        return "\n".join(runner.log for runner in self.runners)


@pytest.fixture
def stage(
    control_plane: LightControlPlane, admin: ApiClient, namespace: str, tmp_path: Path
) -> Iterator[Stage]:
    made = Stage(control_plane, admin, namespace, tmp_path / "operators")
    (tmp_path / "operators").mkdir()
    yield made
    made.close()


@pytest.fixture
def kubelet(stage: Stage, control_plane: LightControlPlane, tmp_path: Path) -> Kubelet:
    """Run the namespace's pods; ask it for their runners."""
    folder = tmp_path / "pods"
    folder.mkdir()
    (folder / "token").write_text(control_plane.token)
    shutil.copy(control_plane.ca, folder / "ca.crt")
    made = Kubelet(stage, folder)
    stage.pods(made)
    return made


@pytest.fixture
def payload_folder(kubelet: Kubelet, tmp_path: Path) -> Path:
    """Where the volumes of ``payloadFrom`` are mounted: a folder for each source, by its index."""
    folder: Any = tmp_path / "pods" / "payload"
    folder.mkdir()
    return folder  # type: ignore[no-any-return]
