"""The operator as a process of this machine, with settings and an identity that a test chooses.

``InstalledOperator`` (in ``operators``) is another: the one that Helm installed into a cluster.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.cluster.light import free_ports
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("sdk", "operator", "runner")

READY_SECONDS = 60.0
"""Two seconds on an idle machine."""

OWN_NAMESPACE = "evertask-system"


def write_kubeconfig(path: Path, server: str, token: str, ca: str | None = None) -> Path:
    """Write a kubeconfig for one server and one token; without an authority for plain HTTP."""
    cluster = {"server": server} | ({"certificate-authority": ca} if ca else {})
    named = {"name": "test", "cluster": cluster}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [named],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(json.dumps(document))
    return path


class OperatorProcess:
    """One operator; as a context manager it runs for the length of the block."""

    def __init__(self, folder: Path, kubeconfig: Path, **settings: Any) -> None:
        """Describe it; ``start`` runs it.

        Args:
            folder: for its settings and its log.
            kubeconfig: where and who it is.
            settings: by their names on the wire, over the defaults of a test.
        """
        self.folder = folder
        self.health_port, self.metrics_port = free_ports(2)
        self._kubeconfig = kubeconfig
        self._process: subprocess.Popen[bytes] | None = None
        defaults = {
            "ports": {"health": self.health_port, "metrics": self.metrics_port},
            "runner": {"image": "localhost/evertask/runner:test"},
            "jobs": {"keepSucceeded": "0s", "keepFailed": "0s"},
            "logLevel": "DEBUG" if os.environ.get("EVERTASK_TEST_DEBUG") else "INFO",
        }
        (folder / "settings.json").write_text(json.dumps(defaults | settings))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self, *, until_ready: bool = True) -> None:
        """Run it, and wait until it has listed everything."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(ROOT / source) for source in SOURCES),
            "KUBECONFIG": str(self._kubeconfig),
            "EVERTASK_SETTINGS": str(self.folder / "settings.json"),
            "EVERTASK_NAMESPACE": OWN_NAMESPACE,
        }
        with (self.folder / "operator.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evertask_operator"], env=environment, stderr=log, cwd=self.folder
            )
        if until_ready:
            eventually(
                lambda: self.probe("readyz"), lambda code: code == HTTPStatus.OK, READY_SECONDS, pause=0.05
            )

    @property
    def log(self) -> str:
        """What it has logged, over all its lives."""
        return (self.folder / "operator.log").read_text()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end by SIGTERM; gives the exit code."""
        self.signal(signal.SIGTERM)
        assert self._process is not None
        return self._process.wait(seconds)

    def probe(self, path: str) -> int:
        """Ask its health port; 0 when nobody answers."""
        if not self.running:
            raise AssertionError(f"the operator has ended:\n{self.log[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def metrics(self) -> str:
        """Read its metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, sample: str) -> float:
        """Give the value of a sample, such as ``evertask_slots_taken``; 0 while there is none."""
        for line in self.metrics().splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0
