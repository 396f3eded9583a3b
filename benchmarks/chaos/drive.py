"""Carries a plan out on a stage: makes its tasks, asks what is to be asked of them, and disturbs, all at the same time.

Tasks are made as fast as they end: never more than some are open, so that what is late is late by a fault and not for
want of processors. After the last task the disturbances go on until little is left to do; then comes the calm.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from benchmarks.chaos.api import AWAY, OK
from benchmarks.chaos.collect import left_in
from benchmarks.chaos.records import Asked, Deed, Disturbance
from benchmarks.figures import say
from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.chaos.api import Api
    from benchmarks.chaos.observer import Observer
    from benchmarks.chaos.plan import PlannedTask, Step
    from benchmarks.chaos.records import Json, What

CALM_SECONDS = 60.0
"""After the last disturbance: what is not over then is stuck."""
REST_SECONDS = 3.0
"""Of the calm, at least: the last Job goes after the last outcome."""
DRAIN_SECONDS = 90.0
"""Disturbances go on after the last task was made, at most."""
FEW = 5
"""Open tasks with which the calm begins."""
REARM_SECONDS = 1.0
PAUSE_SECONDS = 0.1
TELL_SECONDS = 30.0


class Stage(Protocol):
    """Where it happens."""

    name: str
    namespaces: list[str]
    api: Api
    most_open: int
    """Tasks that are open at once."""
    keeps_jobs: bool
    pod_template: Json | None
    """Of every task."""

    def disturb(self, what: What, dice: random.Random) -> str | None:
        """Do it; gives the pod it was done to (empty: it was no pod), None where nothing was there to do it to."""

    def be_calm(self) -> None:
        """End what goes on by itself."""

    def entries(self) -> bytes:
        """Give the ledger's entries, one a line."""

    def faults(self) -> list[str]:
        """Say what went wrong with the stage itself."""


@dataclass
class Drive:
    """One run of the suite on one stage."""

    stage: Stage
    observer: Observer
    plan: Sequence[PlannedTask]
    disturbances: Iterator[tuple[float, What]]
    seed: int
    done: list[Disturbance] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    refused: int = 0
    """Requests that the API server refused, as it must (a change that comes too late)."""
    calm: float = 0.0
    """Seconds from the last disturbance until all was over."""
    _places: dict[str, str] = field(default_factory=dict)
    _steps: list[tuple[float, int, PlannedTask, Step]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Do all of it, to the end of the calm."""
        with ThreadPoolExecutor(3) as threads:
            disturbing = threads.submit(self._disturb)
            asking = threads.submit(self._ask)
            try:
                self._make()
                self._drain()
            finally:
                self._end.set()
            disturbing.result()
            asking.result()
        self.stage.be_calm()
        self._wait_for_the_end()

    # --- tasks -------------------------------------------------------------------------------------------------

    def _make(self) -> None:
        told = time.monotonic()
        for number, task in enumerate(self.plan):
            while self.observer.open_tasks() >= self.stage.most_open:
                time.sleep(PAUSE_SECONDS)
            self._create(task, self.stage.namespaces[number % len(self.stage.namespaces)])
            if time.monotonic() > told + TELL_SECONDS:
                told = time.monotonic()
                say(f"{self.stage.name}: {number} of {len(self.plan)} tasks, {len(self.done)} disturbances")

    def _create(self, task: PlannedTask, namespace: str) -> None:
        template = {"podTemplate": self.stage.pod_template} if self.stage.pod_template else {}
        body = {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "metadata": {"name": task.name},
            "spec": task.spec | template,
        }
        path = f"/apis/{protocol.API_VERSION}/namespaces/{namespace}/{protocol.PLURAL}"
        self.stage.api.create(f"{path}?fieldValidation=Strict", body)
        self._note(task, Deed.CREATE)
        with self._lock:
            self._places[task.name] = f"{path}/{task.name}"
            for step in task.steps:
                self._plan(task, step, step.after)

    def _plan(self, task: PlannedTask, step: Step, seconds: float) -> None:
        heapq.heappush(self._steps, (time.monotonic() + seconds, next(self._number), task, step))

    def _note(self, task: PlannedTask, deed: Deed) -> None:
        self.asked.append(Asked(time.time(), task.name, deed))

    # --- requests ----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        while not self._end.wait(PAUSE_SECONDS):
            while (due := self._next_step()) is not None:
                self._carry_out(*due)

    def _next_step(self) -> tuple[PlannedTask, Step] | None:
        with self._lock:
            if self._steps and self._steps[0][0] <= time.monotonic():
                _, _, task, step = heapq.heappop(self._steps)
                return task, step
        return None

    def _carry_out(self, task: PlannedTask, step: Step) -> None:
        if step.deed is Deed.REARM:
            self._rearm(task, step)
            return
        # Noted before it is sent: its answer may be lost, and what it does must have been asked for.
        self._note(task, step.deed)
        path = self._places[task.name]
        api = self.stage.api
        answer = api("DELETE", path) if step.deed is Deed.DELETE else api.patch(path, {"spec": step.spec})
        if answer.status != OK:
            self.refused += 1

    def _rearm(self, task: PlannedTask, step: Step) -> None:
        """Register it again when it is over; until then look again each second."""
        version = self.observer.state_of(task.name)
        if version is None or version.status.get("state") not in protocol.TERMINAL_STATES:
            with self._lock:
                self._plan(task, step, REARM_SECONDS)
            return
        incarnation = (version.spec.get("incarnation") or 0) + 1
        self._note(task, Deed.REARM)
        self.stage.api.patch(
            self._places[task.name], {"spec": step.spec | {"incarnation": incarnation, "cancel": False}}
        )

    # --- disturbances ------------------------------------------------------------------------------------------

    def _disturb(self) -> None:
        dice = random.Random(f"{self.seed} targets")
        for gap, what in self.disturbances:
            if self._end.wait(gap):
                return
            begun = time.time()
            try:
                pod = self.stage.disturb(what, dice)
            except (*AWAY, AssertionError) as error:
                say(f"{self.stage.name}: not done: {what}: {error}")
                continue
            if pod is not None:
                self.done.append(Disturbance(begun, what, pod))

    # --- the end -----------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._is_busy() and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)

    def _is_busy(self) -> bool:
        with self._lock:
            return bool(self._steps) or self.observer.open_tasks() > FEW

    def _wait_for_the_end(self) -> None:
        say(f"{self.stage.name}: calm")
        begun = time.monotonic()
        while time.monotonic() < begun + CALM_SECONDS:
            waited = time.monotonic() - begun
            if waited > REST_SECONDS and not self.observer.open_tasks() and not self._is_left():
                break
            time.sleep(PAUSE_SECONDS)
        self.calm = time.monotonic() - begun

    def _is_left(self) -> bool:
        left = left_in(self.stage.api, self.stage.namespaces)
        return any(not (one.is_over and self.stage.keeps_jobs) for one in left)
