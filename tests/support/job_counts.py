"""How many Jobs there are at once, from a watch: between two looks at a list, one could be missed."""

from __future__ import annotations

import contextlib
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl

EVENT = r'jsonpath={.type} {.object.metadata.name}{"\n"}'


class JobCount:
    """Counts Jobs as a watch tells of them."""

    def __init__(self) -> None:
        self._present: set[str] = set()
        self.most = 0
        """The most that there were at once."""
        self.seen = 0
        """How many there were in all."""

    def read(self, watch: IO[str]) -> None:
        """Take in all events of the watch: ``ADDED name``, ``MODIFIED name``, ``DELETED name``."""
        for line in watch:
            event, _, name = line.strip().partition(" ")
            if event == "DELETED":
                self._present.discard(name)
            elif event == "ADDED":
                self._present.add(name)
                self.seen += 1
                self.most = max(self.most, len(self._present))


@contextlib.contextmanager
def counting_jobs(kubectl: Kubectl, namespace: str) -> Iterator[JobCount]:
    """Count the Jobs of a namespace for the length of the block."""
    count = JobCount()
    command = ("get", "jobs", "-n", namespace, "--watch", "--output-watch-events", "-o", EVENT)
    with kubectl.stream(*command) as watch:
        assert watch.stdout is not None
        thread = threading.Thread(target=count.read, args=(watch.stdout,))
        thread.start()
        try:
            yield count
        finally:
            watch.terminate()
            thread.join()
