"""How long pods take to be ready, and how long before its time a pod is therefore made: the lead.

The lead is what all but the slowest launches of late have taken, and a margin. Each launch weighs less than the one
after it, so that one slow pull of an image does not keep the lead long for ever, and a cluster that has become
slower is noticed at once. Launches are told apart by queue, because a queue's pods are alike.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.protocol import CLAIM_LEAD_SECONDS

if TYPE_CHECKING:
    from evertask_operator.settings import PrelaunchSettings

ENOUGH_SAMPLES = 5
"""Launches until they are believed alone; with fewer, the lead is not shorter than the cold-start guess."""

SAMPLES = 100
"""Launches that are remembered of a queue; the weight of older ones is next to nothing."""

FADING = 0.96
"""Weight of a launch, relative to the one after it."""

SLOWEST_SHARE = 0.01
"""Share by weight of the slowest launches that the lead does not wait for: it is the 99th percentile. With the fading
above, a launch that was slow once is left aside after some 35 others."""

ABSURD_SECONDS = 60.0
"""A launch that took longer waited for a node, a quota or an image: it says nothing about how long pods take."""

BUSY_SECONDS = 0.25
"""Margin for what no launch shows: the operator may be busy when the lead begins, and the node's clock, which says when
the pod was ready, is not quite the operator's."""

NEXT_POD_SECONDS = 0.35
"""Each further pod that is started at the same time makes the last of them so much later: a node with two processors
starts fewer than three pods a second."""

QUEUES = 256
"""Queues that are remembered: of more, the one whose last launch was observed first is forgotten."""


@dataclass(slots=True)
class _Launches:
    """The newest launches of one queue, and what they say."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    """The newest last."""
    typical: float = 0.0
    """What all but the slowest have taken; worked out at each launch, because the lead is asked for far more often."""

    def add(self, seconds: float) -> None:
        self.seconds.append(seconds)
        weighted = [(took, FADING**age) for age, took in enumerate(reversed(self.seconds))]
        left_aside = SLOWEST_SHARE * sum(weight for _, weight in weighted)
        for took, weight in sorted(weighted, reverse=True):
            left_aside -= weight
            if left_aside < 0:
                self.typical = took
                return


class LaunchTimes:
    """The launches that were observed, by queue."""

    def __init__(self, settings: PrelaunchSettings) -> None:
        self._settings = settings
        self._queues: dict[str, _Launches] = {}

    def observe(self, queue: str, seconds: float) -> None:
        """Remember a launch.

        Args:
            queue: the queue that its task is in.
            seconds: from the decision to launch the pod until it was ready to take its run. What cannot be (the
                node's clock may differ) or says nothing is ignored.
        """
        if not 0 <= seconds <= ABSURD_SECONDS:
            return
        launches = self._queues.pop(queue, None) or _Launches()
        launches.add(seconds)
        self._queues[queue] = launches
        if len(self._queues) > QUEUES:
            del self._queues[next(iter(self._queues))]

    def lead(self, queue: str, due_together: int = 1) -> timedelta:
        """Say how long before its time a pod is to be made.

        Args:
            queue: the queue that its task is in.
            due_together: how many pods are to be ready at about the same time, this one included.

        Returns:
            Zero when no pod is to be made early; else within the bounds of the settings.
        """
        settings = self._settings
        if settings.max_lead <= timedelta(0):
            return timedelta(0)
        launches = self._queues.get(queue) or _Launches()
        lead = timedelta(seconds=launches.typical + CLAIM_LEAD_SECONDS + BUSY_SECONDS)
        if len(launches.seconds) < ENOUGH_SAMPLES:
            lead = max(lead, settings.cold_start_lead)
        lead += timedelta(seconds=NEXT_POD_SECONDS) * max(due_together - 1, 0)
        return min(max(lead, settings.min_lead), settings.max_lead)
