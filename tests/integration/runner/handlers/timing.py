"""Notes when the user's import begins."""

import time

IMPORTED_AT = time.clock_gettime(time.CLOCK_BOOTTIME)


def imported_after() -> float:
    """Give the seconds from the start of this runner's parent process to the import of this module."""
    import os
    from pathlib import Path

    ticks = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19])
    return IMPORTED_AT - ticks / os.sysconf("SC_CLK_TCK")
