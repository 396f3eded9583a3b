"""Operators that are processes of this machine, and their keeper, who starts one that has ended as a kubelet does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.chaos.node import ROOT
from hack.cluster.light import free_ports
from tests.support.operator_processes import OWN_NAMESPACE, SOURCES

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from benchmarks.chaos.records import Json

PAUSE_SECONDS = 0.5
LEADERSHIP = {"enabled": True}


class Operators:
    """Some operators of which one leads, for the length of the block."""

    def __init__(self, folder: Path, kubeconfig: Path, settings: Json, count: int = 2) -> None:
        """Describe them.

        Args:
            folder: for settings and logs.
            kubeconfig: by which they reach the API server.
            settings: of each.
            count: how many.
        """
        self.names = [f"operator-{number}" for number in range(count)]
        self.metrics_ports: dict[str, int] = {}
        self._folder, self._kubeconfig = folder, kubeconfig
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.starts = 0
        """How often an operator was started."""
        for name in self.names:
            health, metrics = free_ports(2)
            self.metrics_ports[name] = metrics
            own = {"ports": {"health": health, "metrics": metrics}} | (
                {"leadership": LEADERSHIP} if count > 1 else {}
            )
            (folder / f"{name}.json").write_text(json.dumps(settings | own))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for process in self._processes.values():
            process.kill()
            process.wait()

    def kill(self, name: str) -> None:
        """Kill one with SIGKILL; it is started again within moments."""
        if name in self._processes:
            self._processes[name].kill()

    def pause(self, name: str, seconds: float) -> None:
        """Stop one with SIGSTOP for some seconds."""
        process = self._processes.get(name)
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)

    def _keep(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            for name in self.names:
                if name not in self._processes or self._processes[name].poll() is not None:
                    self._start(name)

    def _start(self, name: str) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(ROOT / source) for source in SOURCES),
            "KUBECONFIG": str(self._kubeconfig),
            "EVERTASK_SETTINGS": str(self._folder / f"{name}.json"),
            "EVERTASK_NAMESPACE": OWN_NAMESPACE,
            "HOSTNAME": name,
        }
        self.starts += 1
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "evertask_operator"], env=environment, stderr=log, cwd=self._folder
            )
