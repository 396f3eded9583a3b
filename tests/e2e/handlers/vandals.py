"""Handlers that mean harm to their own container."""

from __future__ import annotations

import os
import signal
import time


def kill_parent() -> str:
    """Kill the runner, as far as the kernel lets it."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(os.getppid(), 0)
    return "the runner lives"


def leave_daemons() -> int:
    """Leave processes behind that are of no group of the handler's."""
    for _ in range(20):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
            os._exit(0)
    return 20
