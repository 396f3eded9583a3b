"""How often the kernel has killed a process of this container for want of memory.

Where the kernel kills the container as a whole (the kubelet's default on cgroup v2) the parent dies too, and the
operator reads OOMKilled from the pod; here it is about a child that was killed alone.
"""

from __future__ import annotations

SOURCES = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)
"""cgroup v2, cgroup v1. Both have a line ``oom_kill <count>``."""


def parse_oom_kills(text: str) -> int | None:
    """Find the counter in the content of one of :data:`SOURCES`."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return None


def oom_kills() -> int | None:
    """Give the count of this container, None where it cannot be read."""
    for path in SOURCES:
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123  (pathlib is not loaded)
                count = parse_oom_kills(file.read())
        except OSError:
            continue
        if count is not None:
            return count
    return None
