"""What pods leave on a machine once their kubelet is gone: processes, mounts, control groups.

Each is recognised as ours by something that no other software carries: the cluster's control group, its
containerd socket on a shim's command line, its state folder in the mount table.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hack.cluster.node import CGROUP, CGROUP_MOUNT
from hack.cluster.processes import send, start_time

if TYPE_CHECKING:
    from collections.abc import Iterator

KILL_SECONDS = 10.0
_POD_LOG_LINKS = Path("/var/log/containers")
"""Where the kubelet links each container's log; the path is not ours to choose."""


def _cgroups() -> Iterator[Path]:
    """Yield the cluster's group in each hierarchy."""
    for root in (CGROUP_MOUNT, *CGROUP_MOUNT.iterdir()):
        group = root / CGROUP
        if group.is_dir() and not root.is_symlink():
            yield group


def _shims(socket: Path) -> Iterator[int]:
    """Yield the pids of the containers' supervisors that belong to the containerd at ``socket``."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if words[0].endswith("containerd-shim-runc-v2") and str(socket) in words:
                yield int(entry.name)


def processes(socket: Path) -> set[int]:
    """Return the pids of every pod process and every container supervisor of the cluster."""
    found = set(_shims(socket))
    for group in _cgroups():
        for file in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(pid) for pid in file.read_text().split()}
    return {pid for pid in found if start_time(pid) is not None}


def end_processes(socket: Path) -> None:
    """Kill every pod process and supervisor, until none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    while (pids := processes(socket)) and time.monotonic() < deadline:
        for pid in pids:
            send(pid, signal.SIGKILL)
        time.sleep(0.1)


def mounts(folder: Path) -> list[str]:
    """Return the mount points under ``folder``, innermost first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return [point for point in reversed(points) if point.startswith(f"{folder}/")]


def unmount(folder: Path) -> None:
    """Unmount everything under ``folder``; a busy mount is detached."""
    for point in mounts(folder):
        for flags in ([], ["-l"]):
            done = subprocess.run(["umount", *flags, point], capture_output=True, check=False)
            if done.returncode == 0:
                break


def remove_cgroups() -> None:
    """Remove the cluster's control groups, innermost first; the kernel refuses those still in use."""
    for group in list(_cgroups()):
        inner = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
        for path in (*inner, group):
            with contextlib.suppress(OSError):
                path.rmdir()


def remove_log_links(folder: Path) -> None:
    """Remove the kubelet's links to logs in ``folder``."""
    if _POD_LOG_LINKS.is_dir():
        for link in _POD_LOG_LINKS.iterdir():
            if link.is_symlink() and link.readlink().is_relative_to(folder):
                link.unlink()


def remove_shim_sockets(folder: Path) -> None:
    """Remove the sockets of container supervisors that we killed: they are outside ``folder``."""
    for address in folder.glob("containerd-state/io.containerd.runtime.v2.task/*/*/address"):
        Path(address.read_text().strip().removeprefix("unix://")).unlink(missing_ok=True)


def leftovers(folder: Path, socket: Path) -> list[str]:
    """Return what is still there, for ``down`` to report."""
    found = [f"process {pid}" for pid in sorted(processes(socket))]
    found += [f"mount {point}" for point in mounts(folder)]
    return found + [f"control group {group}" for group in _cgroups()]
