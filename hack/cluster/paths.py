"""Where the cluster of this machine keeps its state.

The cluster belongs to the machine, not to a checkout: one fixed folder outside every checkout holds
the binaries, the images and the running cluster, so that a second checkout finds what the first one
built and started.

    <home>/bin/          compiled binaries, shared by all
    <home>/images/       root file systems and the image builder's storage
    <home>/full/         the full cluster (removed by ``down``)
    <home>/light/<id>/   one folder for each light control plane (removed when its users are gone)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME_VARIABLE = "EVERTASK_CLUSTER_HOME"
"""Environment variable that moves the state folder, for instance for a test of these scripts."""

DEFAULT_HOME = Path("/var/lib/evertask-cluster")

SOURCES = Path(__file__).resolve().parent
"""The folder of these scripts; the Go modules to compile are in its ``modules/``."""


class ClusterError(Exception):
    """Something that the person at the keyboard must know; the message says the way out."""


def home() -> Path:
    """Return the state folder of this machine; of this user, for one who is not root (light mode only)."""
    default = DEFAULT_HOME if os.geteuid() == 0 else Path.home() / ".local/state/evertask-cluster"
    return Path(os.environ.get(HOME_VARIABLE) or default)


def binary_folder() -> Path:
    """Return the folder of the compiled binaries."""
    return home() / "bin"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-wide lock ``name``; say so when somebody else holds it, and wait.

    The kernel releases it when this process ends, however it ends.
    """
    folder = home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process holds the lock '{name}'; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(message: str) -> None:
    """Print one line of progress, at once; to stderr, because stdout is for results."""
    print(f"[cluster] {message}", file=sys.stderr, flush=True)
