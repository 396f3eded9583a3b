"""The real runner as a process, with the environment that a pod would give it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from tests.support.tasks import StoredTask

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEDULED = "2025-01-01T10:00:00Z"
RUN = "s1735725600"


def wait_for(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until ``check`` gives something true, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return found


def open_run(task: StoredTask, *, launch: int = 1, run: str = RUN) -> StoredTask:
    """Write what the operator writes when it opens a run."""
    entry = {"scheduledTime": SCHEDULED, "launch": launch, "phase": "Launching"}
    answer = task.patch_status(
        {"state": "Queued", "launches": launch, "lastScheduledTime": SCHEDULED, "runs": {run: entry}}
    )
    assert answer.status == 200, answer
    return task


class RunnerPod:
    """One start of the runner for one launch; as a context it is killed at the end, if it still lives."""

    def __init__(
        self,
        task: StoredTask,
        folder: Path,
        server: str,
        *,
        launch: int = 1,
        pod_name: str = "pod-a",
        **environment: str,
    ) -> None:
        """Describe the pod.

        Args:
            task: a stored task whose run is open.
            folder: holds ``token`` and ``ca.crt``; the termination message is written there too.
            server: URL of the API server.
            launch: number of the launch.
            pod_name: name of the pod.
            environment: further variables; an empty one is left out.
        """
        stored = task.get()
        self.pod_name = pod_name
        self._message = folder / f"message-{pod_name}-{launch}"
        self._log = folder / f"log-{pod_name}-{launch}"
        values = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in ("sdk", "runner")),
            "PYTHONDONTWRITEBYTECODE": "1",
            protocol.ENV_TASK_NAMESPACE: stored["metadata"]["namespace"],
            protocol.ENV_TASK_NAME: stored["metadata"]["name"],
            protocol.ENV_TASK_UID: stored["metadata"]["uid"],
            protocol.ENV_RUN: RUN,
            protocol.ENV_LAUNCH: str(launch),
            protocol.ENV_POD_NAME: pod_name,
            protocol.ENV_HANDLER: stored["spec"]["handler"],
            protocol.ENV_API_SERVER: server,
            protocol.ENV_CREDENTIALS_PATH: str(folder),
            protocol.ENV_TERMINATION_MESSAGE_PATH: str(self._message),
            protocol.ENV_PAYLOAD_SOURCES_PATH: str(folder / "payload"),
            **environment,
        }
        self._environment = {name: value for name, value in values.items() if value}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evertask_runner"],
                env=self._environment,
                cwd=REPOSITORY / "tests/integration/runner/handlers",
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The parent process; only while entered."""
        assert self._process is not None
        return self._process

    def terminate(self) -> None:
        """Send what the kubelet sends."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for the end and give the exit code."""
        return self.process.wait(seconds)

    @property
    def log(self) -> str:
        """What parent and child have printed so far."""
        return self._log.read_text()

    @property
    def termination_message(self) -> Any:
        """The outcome in the termination message, None without one."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads(self._message.read_text())
        return None

    def children(self) -> list[int]:
        """Pids of the parent's children."""
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
