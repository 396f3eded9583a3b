"""Ends a light control plane when its last user is gone: ``python3 -m hack.cluster.watchdog FOLDER``.

A process of its own, in a session of its own, because the users may be killed without a chance to clean
up. It holds nothing and knows nothing but the lease (see light.py).
"""

from __future__ import annotations

import fcntl
import sys
import time
from pathlib import Path

from hack.cluster.light import take_lease, tear_down

INTERVAL_SECONDS = 0.5


def watch(folder: Path) -> None:
    """Wait until nobody holds the lease of the plane in ``folder``, then end the plane."""
    while folder.exists():
        lease = take_lease(folder, fcntl.LOCK_EX)
        if lease is not None:
            tear_down(folder)
            return
        time.sleep(INTERVAL_SECONDS)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
