"""What the machine must have, checked before anything starts; each gap names the command that closes it.

Debian packages are installed automatically (we are root anyway); a compiler and the right to use the
machine are not ours to arrange, so those stop with a sentence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from hack.cluster.paths import ClusterError, locked, say

GO_VERSION = (1, 24)
"""The oldest Go release that compiles Kubernetes 1.34."""

LIGHT_PACKAGES = {"etcd": "etcd-server", "openssl": "openssl"}
"""Command → Debian package, for the light control plane."""

FULL_PACKAGES = {
    **LIGHT_PACKAGES,
    "etcdctl": "etcd-client",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "gpg": "gpg",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "gcc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
}
"""Command or file → Debian package, for the full cluster."""


def _present(item: str) -> bool:
    return Path(item).exists() if item.startswith("/") else shutil.which(item) is not None


def _missing(needed: dict[str, str]) -> list[str]:
    return sorted({package for item, package in needed.items() if not _present(item)})


def _install(packages: list[str]) -> None:
    say(f"installing Debian packages: {' '.join(packages)}")
    # Debian starts the services of what it installs (etcd, containerd); policy-rc.d says no. Ours are
    # separate processes on ports and sockets of their own.
    policy = Path("/usr/sbin/policy-rc.d")
    own_policy = not policy.exists()
    if own_policy:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False)
        done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
    finally:
        if own_policy:
            policy.unlink()
    if done.returncode:
        raise ClusterError(f"`{' '.join(install)}` failed:\n{(done.stdout + done.stderr)[-1500:]}")


def require_packages(needed: dict[str, str]) -> None:
    """Install the Debian packages whose command or file is missing.

    Raises:
        ClusterError: something is missing and this machine is not Debian, or we are not root.
    """
    missing = _missing(needed)
    if not missing:
        return
    remedy = f"apt-get install {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise ClusterError(f"missing here: {', '.join(missing)}. On Debian 12 the remedy is `{remedy}`.")
    if os.geteuid() != 0:
        raise ClusterError(f"missing here: {', '.join(missing)}. Run `sudo {remedy}`.")
    with locked("packages"):
        # Another process may have installed them while we waited.
        if missing := _missing(needed):
            _install(missing)


def require_root() -> None:
    """Stop unless we may create bridges, mounts and cgroups.

    Raises:
        ClusterError: not root.
    """
    if os.geteuid() != 0:
        raise ClusterError(
            "the local cluster needs root (bridges, mounts, cgroups): run this with sudo, or give a "
            "cluster of your own with KUBECONFIG, or install Docker and kind"
        )


def require_go() -> str:
    """Return the path of a Go compiler that is new enough.

    Raises:
        ClusterError: there is none.
    """
    remedy = (
        f"install Go {GO_VERSION[0]}.{GO_VERSION[1]} or newer (go.dev/dl, or `apt-get install golang-go` "
        "from bookworm-backports) and put it on PATH"
    )
    go = shutil.which("go")
    if go is None:
        raise ClusterError(f"no `go` on PATH: {remedy}")
    text = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    numbers = text.removeprefix("go").split(" ", 1)[0].split(".")
    if (int(numbers[0]), int(numbers[1].split("rc")[0])) < GO_VERSION:
        raise ClusterError(f"{go} is {text}: {remedy}")
    return go
