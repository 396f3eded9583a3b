"""Pods on nodes that do not answer: when their runs are given up although nobody knows what the pods do.

A pod that is to go is gone by its deletion's deadline, unless its node does not answer. Without ``spec.fenceAfter`` a
disrupted one is given up a margin after that: it may be running still, beside its successor. With it the runner kills
its handler when it has not reached the API server for so long, and the run is given up only when that must have
happened, counted from the last moment at which the node may have answered. So is then a run whose pod was deleted, or
whose cancellation was asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from evertask.api.durations import parse_duration

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.situation import OpenRun, Situation
    from evertask_operator.records import PodRecord

LOST_NODE_MARGIN = timedelta(seconds=30)
"""A disrupted pod that should have been gone this long ago is on a node that does not answer. And what is added to a
fence, for clocks and for the time that a kill takes."""


def given_up_at(situation: Situation, run: OpenRun, pod: PodRecord) -> datetime | None:
    """When the pod of a run is given up although it is there; None: it is waited for however long it takes."""
    if pod.delete_by is None:
        return None
    # A pod that was not let in cannot be after its run has got another launch: it needs no fence.
    fence = situation.task.spec.get("fenceAfter") if run.claimed else None
    if fence is None:
        return pod.delete_by + LOST_NODE_MARGIN if pod.disruption else None
    # A node that answers kills a pod by the deadline, and a node that is found silent makes its pods unready.
    last_sign_of_life = max(pod.delete_by, pod.unready_since or pod.delete_by)
    return last_sign_of_life + parse_duration(fence) + LOST_NODE_MARGIN
