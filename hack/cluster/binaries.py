"""Compile the cluster's binaries from their own Go modules, once per machine.

Go modules and Debian packages reach places where container registries do not. Each binary has a stamp:
a hash of its go.mod, go.sum and flags. While the stamp matches, nothing is built again; when it differs,
Go's own build cache keeps the second build short. A lock makes two callers share one build.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.cluster.paths import SOURCES, ClusterError, binary_folder, locked, say
from hack.cluster.prerequisites import require_go

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KUBERNETES_VERSION = "v1.34.4"
"""The newest minor release whose kubelet still accepts a host with cgroup v1."""

PROGRESS_SECONDS = 15
"""How often a running build says that it still runs."""

_VERSION = "k8s.io/component-base/version"
_KUBERNETES_FLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES_VERSION} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=34"
)
"""Without a version the API server reports v0.0.0, and charts with ``kubeVersion`` refuse it."""


@dataclass(frozen=True)
class Binary:
    """One binary: the Go package, the module folder that pins it, and the linker's flags."""

    name: str
    module: str
    package: str
    link_flags: str = "-s -w"

    @property
    def module_folder(self) -> Path:
        """The folder of the go.mod."""
        return SOURCES / "modules" / self.module

    @property
    def path(self) -> Path:
        """Where the built binary is."""
        return binary_folder() / self.name

    def stamp(self) -> str:
        """Return the hash of everything that decides what is built."""
        digest = hashlib.sha256(f"{self.package} {self.link_flags}".encode())
        for file in ("go.mod", "go.sum"):
            digest.update((self.module_folder / file).read_bytes())
        return digest.hexdigest()

    def is_built(self) -> bool:
        """Tell whether the binary on disk is what the sources of this checkout say."""
        stamp = self.path.with_suffix(".stamp")
        return self.path.exists() and stamp.exists() and stamp.read_text() == self.stamp()


def _kubernetes(name: str) -> Binary:
    return Binary(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS)


LIGHT = ("kube-apiserver", "kube-controller-manager", "kubectl")
"""What the light control plane and its users need."""

FULL = (*LIGHT, "kube-scheduler", "kubelet", "kube-proxy", "coredns", "helm")
"""What the full cluster and its users need."""

BINARIES = {
    binary.name: binary
    for binary in (
        *map(_kubernetes, ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")),
        *map(_kubernetes, ("kube-proxy", "kubectl")),
        Binary("helm", "kubernetes", "helm.sh/helm/v3/cmd/helm"),
        Binary("coredns", "coredns", "github.com/coredns/coredns"),
        Binary("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    )
}
"""Every binary by name; kwok is built only when somebody asks for it by name."""


def path(name: str) -> str:
    """Return the path of the binary ``name`` (built or not)."""
    return str(BINARIES[name].path)


def _compile(go: str, binary: Binary, position: str) -> None:
    log = binary_folder() / f"{binary.name}.build.log"
    draft = binary_folder() / f".{binary.name}.new"
    command = [go, "build", "-trimpath", "-ldflags", binary.link_flags, "-o", str(draft), binary.package]
    environment = {**os.environ, "CGO_ENABLED": "0"}
    started = time.monotonic()
    say(f"building {binary.name} ({position})")
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=binary.module_folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as build,
    ):
        while True:
            try:
                build.wait(timeout=PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"building {binary.name} ({position}): {time.monotonic() - started:.0f} s so far")
            except BaseException:
                build.terminate()
                raise
    if build.returncode:
        raise ClusterError(f"building {binary.name} failed; {log} ends:\n{log.read_text()[-2000:]}")
    # A rename: the old file may be running and cannot be written to.
    draft.replace(binary.path)
    binary.path.with_suffix(".stamp").write_text(binary.stamp())
    say(f"built {binary.name} ({position}) in {time.monotonic() - started:.0f} s")


def ensure(names: Iterable[str]) -> None:
    """Build those of ``names`` that are not built yet; instant when all are.

    Raises:
        ClusterError: a build failed, or there is no suitable Go compiler.
    """
    wanted = [BINARIES[name] for name in names]
    if all(binary.is_built() for binary in wanted):
        return
    go = require_go()
    with locked("build"):
        missing = [binary for binary in wanted if not binary.is_built()]
        binary_folder().mkdir(parents=True, exist_ok=True)
        if missing:
            say(f"{len(missing)} binaries to build; the first time takes some minutes, later ones seconds")
        for number, binary in enumerate(missing, 1):
            _compile(go, binary, f"{number} of {len(missing)}")
