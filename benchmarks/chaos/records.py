"""What a run of the chaos suite has seen, as values: the ledger's word, the objects' word, and what was done to both.

    calls         what handlers really did: they write it themselves, to a ledger that no disturbance reaches
    lives         what the API server said of each task, version by version
    jobs          each Job that was made
    disturbances  what was done to operators, pods and API server
    deeds         what was asked of a task: cancel, suspend, delete and the like
    left          what is there after the calm

``World`` is all of it, and what the auditor judges. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class How(StrEnum):
    """How a handler's call ended, as the handler itself says."""

    RETURNED = "returned"
    RAISED = "raised"
    STOPPED = "stopped"
    """It was asked to stop, and did."""
    UNKNOWN = ""
    """It has not come to its end, or was killed before."""


@dataclass(frozen=True)
class Call:
    """One call of a handler."""

    uid: str
    """Of its task."""
    task: str
    run: str
    launch: int
    attempt: int
    pod: str
    start: float
    end: float | None = None
    how: How = How.UNKNOWN


@dataclass(frozen=True)
class Version:
    """A task as the API server gave it once."""

    seen: float
    spec: Json
    status: Json


@dataclass(frozen=True)
class Life:
    """One task from its creation on."""

    uid: str
    name: str
    created: float
    versions: tuple[Version, ...]
    gone: float | None = None
    """When its object had gone; None while it is there."""
    is_complete: bool = True
    """Whether each version was seen: a watch that expired has left some out."""
    parent: str = ""
    """Uid of the task whose run dispatched it."""

    @property
    def last(self) -> Version:
        """The newest version."""
        return self.versions[-1]


@dataclass(frozen=True)
class JobLife:
    """One Job from its creation on."""

    uid: str
    name: str
    task_uid: str
    run: str
    launch: int


class What(StrEnum):
    """Kinds of disturbance. The first group may take a pod's life."""

    POD_DELETE = "pod deleted"
    POD_FORCE_DELETE = "pod deleted without grace"
    EVICT = "pod evicted"
    RUNNER_KILL = "runner killed with its handler (SIGKILL)"
    HANDLER_KILL = "handler's process killed (SIGKILL)"
    OPERATOR_KILL = "operator killed (SIGKILL)"
    OPERATOR_STOP = "operator stopped for seconds (SIGSTOP)"
    LEADER_SWAP = "leading operator killed while another stands by"
    API_SERVER_RESTART = "API server killed and started again"
    ETCD_RESTART = "etcd killed and started again"
    PROXY_FAULTS = "seconds of faults between API server and clients"
    PROXY_BREAK = "all connections to the API server broken"
    WATCH_END = "all watches broken"


BY_HAND = frozenset({What.POD_DELETE, What.POD_FORCE_DELETE})
"""A person's deed: the run is cancelled."""
DEATHS = frozenset({What.RUNNER_KILL, What.HANDLER_KILL})


@dataclass(frozen=True)
class Disturbance:
    """Something that was done to a part."""

    at: float
    what: What
    pod: str = ""
    """The pod it was done to, where it was one."""


class Deed(StrEnum):
    """What was asked of a task."""

    CREATE = "created"
    CANCEL = "cancelled"
    SUSPEND = "suspended"
    RESUME = "resumed"
    EDIT = "edited"
    RUN_NOW = "run now"
    REARM = "registered again"
    DELETE = "deleted"


@dataclass(frozen=True)
class Asked:
    """One such request that the API server took."""

    at: float
    task: str
    deed: Deed


@dataclass(frozen=True)
class Left:
    """A Job or pod that is there after the calm."""

    kind: str
    name: str
    task_uid: str
    run: str
    launch: int
    is_over: bool
    """The Job has finished, the pod has ended."""


@dataclass(frozen=True)
class Trace:
    """What the API server said once of a Job or a pod, in short: for people, the auditor does not read it."""

    seen: float
    task_uid: str
    text: str


@dataclass(frozen=True)
class World:
    """All that one run of the suite has seen."""

    calls: tuple[Call, ...] = ()
    lives: tuple[Life, ...] = ()
    jobs: tuple[JobLife, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    asked: tuple[Asked, ...] = ()
    left: tuple[Left, ...] = ()
    keeps_jobs: bool = False
    """Whether the operator keeps the Jobs of runs that are over for some time."""
    traces: tuple[Trace, ...] = field(default=(), repr=False)
    stage: str = "light"
    """Where it was: light, or pods."""
    hit_pods: dict[str, frozenset[What]] = field(init=False)
    """Pod → what was done to it."""
    deeds: dict[str, frozenset[Deed]] = field(init=False)
    """Name of a task → what was asked of it."""

    def __post_init__(self) -> None:
        pods: dict[str, set[What]] = {}
        for one in self.disturbances:
            if one.pod:
                pods.setdefault(one.pod, set()).add(one.what)
        deeds: dict[str, set[Deed]] = {}
        for request in self.asked:
            deeds.setdefault(request.task, set()).add(request.deed)
        object.__setattr__(self, "hit_pods", {pod: frozenset(found) for pod, found in pods.items()})
        object.__setattr__(self, "deeds", {task: frozenset(found) for task, found in deeds.items()})

    def deeds_of(self, task: str) -> frozenset[Deed]:
        """Give what was asked of a task."""
        return self.deeds.get(task, frozenset())

    def done_to(self, pods: set[str]) -> frozenset[What]:
        """Give what was done to any of some pods."""
        return frozenset().union(*(self.hit_pods.get(pod, frozenset()) for pod in pods))
