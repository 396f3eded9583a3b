"""A light control plane for integration tests: etcd and kube-apiserver, nothing that runs pods.

    with LightControlPlane(controller_manager=True) as plane:
        subprocess.run([plane.kubectl_path, "--kubeconfig", plane.kubeconfig, "get", "namespaces"])

Every plane is private to a folder and to free ports, so several run side by side. It lives as long as
somebody holds its *lease*: a shared file lock, which the kernel releases however the holder ends. A
watchdog beside the plane tries to take the lock exclusively; when it succeeds nobody is left, and it ends
the plane's processes and removes the folder. So nothing survives a test run that was killed.

``LightControlPlane.shared()`` joins or starts the plane of this test run, so that the parallel workers of
pytest-xdist use one. Tests that stop the API server take a plane of their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from hack.cluster import binaries, control_plane
from hack.cluster.control_plane import Settings
from hack.cluster.paths import SOURCES, ClusterError, home, locked
from hack.cluster.prerequisites import LIGHT_PACKAGES, require_packages
from hack.cluster.processes import ProcessFolder, Program

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

PORTS = range(23000, 26000)
"""Below the kernel's ephemeral range: while an API server is stopped nobody else may get its port."""

START_SECONDS = 60.0
RUN_VARIABLE = "PYTEST_XDIST_TESTRUNUID"
"""Set by pytest-xdist to one value in all workers of a run; names the shared plane."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of 127.0.0.1 that nobody listens on."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise ClusterError(f"fewer than {count} free ports in {PORTS.start}-{PORTS.stop}")


def take_lease(folder: Path, kind: int) -> int | None:
    """Lock the lease of the plane in ``folder`` without waiting; return the descriptor that holds it."""
    try:
        descriptor = os.open(folder / "lease", os.O_RDWR | os.O_CREAT, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def tear_down(folder: Path) -> None:
    """End the processes of the plane in ``folder`` and remove it; the caller holds the lease alone."""
    processes = ProcessFolder(folder)
    own = [name for name in processes.names() if processes.alive(name) != os.getpid()]
    for name in sorted(own, key=lambda name: name == "etcd"):
        processes.stop(name, seconds=0.2)
    # First out of the way by a rename: the next plane of this name must not lose files to our removal.
    removed = folder.with_name(f"{folder.name}.removed-{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(removed)
    shutil.rmtree(removed, ignore_errors=True)


def _holds_current(lease: int, folder: Path) -> bool:
    """Tell whether ``lease`` is the lease file that is in ``folder`` now."""
    try:
        return os.path.samestat(os.fstat(lease), (folder / "lease").stat())
    except FileNotFoundError:
        return False


def _sweep() -> None:
    """Remove planes that nobody holds and whose watchdog was killed too."""
    for folder in (home() / "light").iterdir():
        lease = take_lease(folder, fcntl.LOCK_EX)
        if lease is not None:
            tear_down(folder)
            os.close(lease)


class LightControlPlane:
    """One light control plane, started by entering it as a context and ended by leaving it."""

    def __init__(self, *, controller_manager: bool = False, name: str | None = None) -> None:
        """Describe a plane; ``controller_manager`` adds garbage collection, Jobs and service accounts."""
        self.with_controller_manager = controller_manager
        self.folder = home() / "light" / (name or secrets.token_hex(4))
        self.processes = ProcessFolder(self.folder)
        self._lease: int | None = None
        self._settings: Settings | None = None

    @classmethod
    def shared(cls, *, controller_manager: bool = True) -> Self:
        """Return a plane to enter that all workers of this test run share."""
        run = os.environ.get(RUN_VARIABLE) or f"pid{os.getpid()}"
        return cls(controller_manager=controller_manager, name=f"shared-{run}-{int(controller_manager)}")

    @property
    def settings(self) -> Settings:
        """Paths and ports; only while the plane is entered."""
        if self._settings is None:
            raise ClusterError("this light control plane is not started: enter it with `with`")
        return self._settings

    @property
    def kubeconfig(self) -> str:
        """Path of an administrator's kubeconfig, certificates embedded."""
        return str(self.settings.kubeconfig("admin"))

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self.settings.server

    @property
    def ca(self) -> str:
        """Path of the certificate authority that signed the server's certificate."""
        return str(self.settings.certificates / "ca.crt")

    @property
    def client_certificate(self) -> tuple[str, str]:
        """Paths of the administrator's certificate and key."""
        return str(self.settings.certificates / "admin.crt"), str(self.settings.certificates / "admin.key")

    @property
    def token(self) -> str:
        """An administrator's bearer token."""
        return (self.folder / "tokens.csv").read_text().split(",", 1)[0]

    @property
    def kubectl_path(self) -> str:
        """Path of the kubectl of the same release."""
        return binaries.path("kubectl")

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl as the administrator, ``text`` on its standard input, and return what it prints."""
        command = [self.kubectl_path, "--kubeconfig", self.kubeconfig, *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def __enter__(self) -> Self:
        require_packages(LIGHT_PACKAGES)
        binaries.ensure(binaries.LIGHT)
        (home() / "light").mkdir(parents=True, exist_ok=True)
        with locked("light"):
            self._lease = self._join()
            if self._settings is None:
                try:
                    self._start()
                except BaseException:
                    self._leave()
                    raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _join(self) -> int:
        """Take a share of the lease; when a plane serves in the folder already, use it."""
        _sweep()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.folder.mkdir(exist_ok=True, mode=0o700)
            lease = take_lease(self.folder, fcntl.LOCK_SH)
            if lease is not None:
                # The last user may have moved the folder away meanwhile: then this is no longer its lease.
                if _holds_current(lease, self.folder):
                    break
                os.close(lease)
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.folder} is being removed and never gone: remove it by hand")
            time.sleep(0.05)
        if (self.folder / "serves").exists():
            self._settings = self._make_settings()
        return lease

    def _make_settings(self) -> Settings:
        apiserver, etcd, peer, controller_manager = map(int, (self.folder / "ports").read_text().split())
        return Settings(
            folder=self.folder,
            apiserver_port=apiserver,
            etcd_port=etcd,
            etcd_peer_port=peer,
            controller_manager_port=controller_manager,
            tokens=self.folder / "tokens.csv",
        )

    def _start(self) -> None:
        python_path = {"PYTHONPATH": str(SOURCES.parents[1])}
        watch = (sys.executable, "-m", "hack.cluster.watchdog", str(self.folder))
        self.processes.start(Program("watchdog", watch, python_path))
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{secrets.token_urlsafe(24)},evertask-admin,0,"system:masters"\n')
        (self.folder / "ports").write_text(" ".join(map(str, free_ports(4))))
        self._settings = settings = self._make_settings()
        self.processes.start(control_plane.etcd(settings))
        control_plane.prepare(settings)
        self.processes.wait_healthy("etcd", lambda: control_plane.etcd_healthy(settings), START_SECONDS)
        self.start_apiserver()
        if self.with_controller_manager:
            name = "kube-controller-manager"
            self.processes.start(control_plane.controller_manager(settings))
            self.processes.wait_healthy(
                name, lambda: control_plane.controller_manager_healthy(settings), START_SECONDS
            )
        (self.folder / "serves").touch()

    def _leave(self) -> None:
        """Give the lease back; whoever is the last ends the plane."""
        lease, self._lease, self._settings = self._lease, None, None
        if lease is None:
            return
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tear_down(self.folder)
        os.close(lease)

    def stop_apiserver(self, *, abruptly: bool = False) -> None:
        """Stop the API server; ``abruptly`` is a crash (SIGKILL) and not a shutdown."""
        pid = self.processes.alive("kube-apiserver")
        if abruptly and pid is not None:
            os.kill(pid, signal.SIGKILL)
        self.processes.stop("kube-apiserver", seconds=30)

    def start_apiserver(self) -> None:
        """Start the API server again on the same port with the same data, and wait until it serves."""
        settings = self.settings
        self.processes.start(control_plane.apiserver(settings))
        self.processes.wait_healthy(
            "kube-apiserver", lambda: control_plane.apiserver_healthy(settings), START_SECONDS
        )
