"""Writes down everything that the API server says of tasks and Jobs: each version, in their order.

A watch that breaks goes on from the version it had come to, so that nothing is left out; where the API server does not
remember that far back, everything is listed anew, and the tasks know that their lives have a gap.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from benchmarks.chaos.api import AWAY, ExpiredError
from benchmarks.chaos.records import JobLife, Life, Trace, Version
from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from benchmarks.chaos.api import Api
    from benchmarks.chaos.records import Json

    Take = Callable[[str, Json], None]

PAUSE_SECONDS = 0.3
FINAL = frozenset({"Completed", "Failed", "Cancelled"})


@dataclass
class _Task:
    name: str
    namespace: str
    created: float
    parent: str
    versions: list[Version] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    """Their resourceVersions: one that is told twice is kept once."""
    gone: float | None = None
    is_complete: bool = True


class Observer:
    """Follows some namespaces for the length of the block."""

    def __init__(self, api: Api, namespaces: list[str]) -> None:
        self._api = api
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._listed = threading.Semaphore(0)
        self._tasks: dict[str, _Task] = {}
        self._jobs: dict[str, JobLife] = {}
        self._traces: list[Trace] = []
        self.relists = 0
        """How often a watch had expired."""
        self._threads = [
            threading.Thread(target=self._follow, args=(path, take), daemon=True, name=f"watch {path}")
            for namespace in namespaces
            for path, take in (
                (
                    f"/apis/{protocol.API_VERSION}/namespaces/{namespace}/{protocol.PLURAL}",
                    self._take_task,
                ),
                (f"/apis/batch/v1/namespaces/{namespace}/jobs", self._take_job),
                (f"/api/v1/namespaces/{namespace}/pods", self._trace),
            )
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            self._listed.acquire()  # what is made and gone before the first list would never be seen
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        while any(thread.is_alive() for thread in self._threads):
            self._api.end_watches()
            for thread in self._threads:
                thread.join(PAUSE_SECONDS)

    def lives(self) -> tuple[Life, ...]:
        """Give the tasks seen so far."""
        with self._lock:
            return tuple(
                Life(
                    uid,
                    task.name,
                    task.created,
                    tuple(task.versions),
                    task.gone,
                    task.is_complete,
                    task.parent,
                )
                for uid, task in self._tasks.items()
            )

    def open_tasks(self) -> int:
        """Count the tasks that are not over, but for the suspended."""
        with self._lock:
            return sum(
                task.gone is None
                and task.versions[-1].status.get("state") not in FINAL
                and not task.versions[-1].spec.get("suspend")
                for task in self._tasks.values()
            )

    def state_of(self, name: str) -> Version | None:
        """Give the newest version of the task of a name that is there."""
        with self._lock:
            found = [task for task in self._tasks.values() if task.name == name and task.gone is None]
            return found[-1].versions[-1] if found else None

    def jobs(self) -> tuple[JobLife, ...]:
        """Give the Jobs seen so far."""
        with self._lock:
            return tuple(self._jobs.values())

    def traces(self) -> tuple[Trace, ...]:
        """Give what was seen of Jobs and pods, in short."""
        with self._lock:
            return tuple(self._traces)

    def _follow(self, path: str, take: Take) -> None:
        version, is_first = "", True
        while not self._stop.is_set():
            try:
                if not version:
                    version = self._list(path, take)
                    if is_first:
                        self._listed.release()
                    is_first = False
                for event in self._api.watch(path, version):
                    version = event["object"]["metadata"]["resourceVersion"]
                    take(event["type"], event["object"])
            except ExpiredError:
                version = ""
                self.relists += 1
            except (*AWAY, ValueError, KeyError):
                self._stop.wait(PAUSE_SECONDS)

    def _list(self, path: str, take: Take) -> str:
        """List everything; what has changed since it was last seen has a gap, what is not there is gone."""
        listed = self._api("GET", path).body
        for item in listed["items"]:
            self._compare(item["metadata"])
            take("ADDED", item)
        if take == self._take_task:
            namespace = path.split("/")[5]
            self._forget_all_but(namespace, {item["metadata"]["uid"] for item in listed["items"]})
        return str(listed["metadata"]["resourceVersion"])

    def _compare(self, meta: Json) -> None:
        with self._lock:
            task = self._tasks.get(meta["uid"])
            if task is not None and task.numbers[-1] != meta["resourceVersion"]:
                task.is_complete = False

    def _forget_all_but(self, namespace: str, uids: set[str]) -> None:
        with self._lock:
            for uid, task in self._tasks.items():
                if task.namespace == namespace and task.gone is None and uid not in uids:
                    task.gone, task.is_complete = time.time(), False

    def _take_task(self, kind: str, item: Json) -> None:
        meta = item["metadata"]
        if kind == "BOOKMARK":
            return
        with self._lock:
            task = self._tasks.get(meta["uid"])
            if task is None:
                parent = (meta.get("labels") or {}).get(protocol.LABEL_PARENT_UID, "")
                created = datetime.fromisoformat(meta["creationTimestamp"]).timestamp()
                task = self._tasks[meta["uid"]] = _Task(meta["name"], meta["namespace"], created, parent)
            if meta["resourceVersion"] not in task.numbers:
                task.numbers.append(meta["resourceVersion"])
                task.versions.append(Version(time.time(), item["spec"], item.get("status") or {}))
            if kind == "DELETED":
                task.gone = time.time()

    def _take_job(self, kind: str, item: Json) -> None:
        labels = item["metadata"].get("labels") or {}
        if kind == "BOOKMARK" or protocol.LABEL_TASK_UID not in labels:
            return
        meta = item["metadata"]
        job = JobLife(
            meta["uid"],
            meta["name"],
            labels[protocol.LABEL_TASK_UID],
            labels[protocol.LABEL_RUN],
            int(labels[protocol.LABEL_LAUNCH]),
        )
        with self._lock:
            self._jobs.setdefault(job.uid, job)
        self._trace(kind, item)

    def _trace(self, kind: str, item: Json) -> None:
        uid = (item["metadata"].get("labels") or {}).get(protocol.LABEL_TASK_UID)
        if uid:
            with self._lock:
                self._traces.append(Trace(time.time(), uid, f"{kind} {_short(item)}"))


def _short(item: Json) -> str:
    """Say in a line how a Job or a pod is."""
    meta, status = item["metadata"], item.get("status") or {}
    conditions = [
        f"{one['type']}={one['status']}({one.get('reason', '')})" for one in status.get("conditions") or ()
    ]
    states = [one.get("state") for one in status.get("containerStatuses") or ()]
    codes = [state["terminated"]["exitCode"] for state in states if state and "terminated" in state]
    deleting = (
        f" deleted, grace {meta.get('deletionGracePeriodSeconds')}" if "deletionTimestamp" in meta else ""
    )
    return f"{meta['name']} {status.get('phase', 'Job')}{deleting} {' '.join(conditions)} exits {codes}"
