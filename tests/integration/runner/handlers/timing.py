"""Notes when the user's import begins."""

import sys
import time

FOUND = {name.partition(".")[0] for name in sys.modules}
IMPORTED_AT = time.clock_gettime(time.CLOCK_BOOTTIME)


def imported_after() -> float:
    """Give the seconds from the start of this runner's parent process to the import of this module."""
    import os
    from pathlib import Path

    ticks = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19])
    return IMPORTED_AT - ticks / os.sysconf("SC_CLK_TCK")


def imported_before() -> list[str]:
    """Give the top-level modules that were loaded before this one and are not Python's own."""
    return sorted(FOUND - sys.stdlib_module_names - {"__main__", "timing"})
