"""Dispatches made inside a run: the same run dispatches the same tasks under the same ids, however often it starts.

A run whose pod was lost is launched again and begins from its beginning; what it dispatched before must not be there
twice. So the id of a child follows from what makes it that child: the run, the child's handler, its payload and its
timing, and how many equal ones the run has dispatched before. A dispatch that failed does not count: to repeat it is to
dispatch the same child. Each attempt of a run counts from where the first began, so that the second meets what the
first dispatched; what ``on_retry`` dispatches is counted for each retry by itself.

There is one run in a process. It is known to the whole process, threads included, and not by the context of one
asyncio task only.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Child(NamedTuple):
    """A task that a run is about to dispatch, without a key and an id of the caller's own."""

    id: UUID
    kind: str
    """Digest of handler, payload and timing."""
    number: int
    """How many of this kind come before it, from 0."""
    attempt: int
    """The attempt that dispatches it, as the scope counts."""


@dataclass
class RunScope:
    """The run that this process works for, as a parent of tasks."""

    task_uid: str
    """UID of the parent in the cluster."""
    task_name: str
    namespace: str
    run_id: str
    pod_template: Mapping[str, Any] | None = None
    """``spec.podTemplate`` of the parent: its children run in the same kind of pod."""
    report: Callable[[str], object] | None = None
    """Is told the name of each child."""
    _equal: Counter[str] = field(default_factory=Counter, repr=False)
    _free: dict[str, set[int]] = field(default_factory=dict, repr=False)
    _attempt: int = 0
    _first: Counter[str] | None = field(default=None, repr=False)
    """As it was counted when the first attempt began: ``on_started`` may have dispatched."""
    _stage: str = ""
    """Part of the ids of what ``on_retry`` dispatches."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin_attempt(self) -> None:
        """Count equal children as the first attempt did: the handler begins from its beginning."""
        with self._lock:
            if self._first is None:
                self._first = self._equal.copy()
            self._begin("", self._first)

    def begin_retry(self, number: int) -> None:
        """Count what ``on_retry`` dispatches by itself: the same retry, told of again, dispatches the same.

        Args:
            number: of the retry, from 1.
        """
        with self._lock:
            if self._first is None:
                self._first = self._equal.copy()
            self._begin(f"retry-{number}/", Counter())

    def _begin(self, stage: str, equal: Counter[str]) -> None:
        self._stage, self._equal = stage, equal.copy()
        self._free.clear()
        self._attempt += 1

    def child(self, handler: str, payload: Mapping[str, Any], timing: Mapping[str, Any]) -> Child:
        """Give the next child of its kind.

        Args:
            handler: its path.
            payload: as JSON.
            timing: as the caller said it, as JSON: a delay as a delay, because the instant differs each time.
        """
        text = json.dumps([handler, payload, timing], sort_keys=True, separators=(",", ":"), default=str)
        kind = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            number, attempt, stage = self._next_number(kind), self._attempt, self._stage
        name = f"{self.run_id}/{stage}{kind}/{number}"
        return Child(uuid5(UUID(self.task_uid), name), kind, number, attempt)

    def _next_number(self, kind: str) -> int:
        if free := self._free.get(kind):
            number = min(free)
            free.remove(number)
            return number
        number = self._equal[kind]
        self._equal[kind] += 1
        return number

    def give_back(self, child: Child) -> None:
        """Take note that a child's dispatch failed: the next equal one is this child."""
        with self._lock:
            if child.attempt == self._attempt:
                self._free.setdefault(child.kind, set()).add(child.number)

    def dispatched(self, name: str) -> None:
        """Tell the runner of a child that is in the cluster."""
        if self.report is not None:
            self.report(name)


_current: list[RunScope] = []


def current_run() -> RunScope | None:
    """Give the run that this process works for; None outside of a runner."""
    return _current[-1] if _current else None


@contextmanager
def inside_run(scope: RunScope) -> Iterator[RunScope]:
    """Let dispatches be children of a run."""
    _current.append(scope)
    try:
        yield scope
    finally:
        _current.remove(scope)
