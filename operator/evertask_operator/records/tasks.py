"""Tasks, cut so that ten thousand waiting ones stay small.

Payloads, results and tracebacks are left out; what is kept of the past is kept as text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NewType

from evertask.api import protocol
from evertask.api.outcomes import bounded_tail, is_one_shot
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

TaskUid = NewType("TaskUid", str)
Json = dict[str, Any]

_SPEC_LEFT_OUT = frozenset({"payload"})
_STATUS_LEFT_OUT = frozenset({"result", "history", "transitions"})
_ERROR_LEFT_OUT = frozenset({"traceback", "logTail"})
"""Up to 10 KiB for a person to read; the traceback is kept, cut, where a failed run waits for its place in the
history."""
EPOCH = datetime.fromtimestamp(0, UTC)


class TaskKey(NamedTuple):
    """Names one task for the work queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Parent(NamedTuple):
    """Who dispatched a task from inside a run."""

    uid: TaskUid
    run_id: str
    """Empty where nothing says which run it was."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One EverTask."""

    key: TaskKey
    uid: TaskUid
    version: int
    generation: int
    created: datetime
    deleting: bool
    spec: Json
    status: Json
    payload_bytes: int = 0
    """Size of the payload as JSON; the payload itself is not kept."""
    history: bytes = field(default=b"", repr=False)
    """``status.history`` as compact JSON, which is read only when a run is folded; empty when there is none."""
    transitions: bytes = field(default=b"", repr=False)
    """``status.transitions`` as compact JSON, which is read only when the state changes; empty when there is none."""
    parent: Parent | None = None

    @property
    def history_entries(self) -> list[Json]:
        """The past runs, newest first: a new list at each call."""
        return _entries(self.history)

    @property
    def transition_entries(self) -> list[Json]:
        """The changes of the state that are kept, newest first: a new list at each call."""
        return _entries(self.transitions)

    @property
    def state(self) -> protocol.State:
        """The state; Pending while there is none."""
        return protocol.State(self.status.get("state") or protocol.State.PENDING)

    @property
    def finished(self) -> bool:
        """Whether the state is terminal."""
        return self.state in protocol.TERMINAL_STATES

    @property
    def open_runs(self) -> dict[str, Json]:
        """Runs without an outcome, by run id."""
        runs: dict[str, Json] = self.status.get("runs") or {}
        return {run_id: run for run_id, run in runs.items() if run["phase"] in protocol.OPEN_PHASES}

    @property
    def runs_now(self) -> bool:
        """Whether a run has started and has no outcome yet: a pod was let in, or it waits for its next attempt."""
        return any(run.get("podName") or run.get("failedAttempts") for run in self.open_runs.values())


def version_of(raw: Mapping[str, Any]) -> int:
    """Give the resource version as a number: newer is greater on one object and kind."""
    return int(raw["metadata"]["resourceVersion"])


def read_task(raw: Mapping[str, Any]) -> TaskRecord:
    """Cut a record out of an EverTask."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    return TaskRecord(
        key=TaskKey(meta["namespace"], meta["name"]),
        uid=TaskUid(meta["uid"]),
        version=version_of(raw),
        generation=meta.get("generation", 0),
        created=parse_time(meta["creationTimestamp"]),
        deleting="deletionTimestamp" in meta,
        spec=_without(_SPEC_LEFT_OUT, spec),
        status=_read_status(status, spec),
        payload_bytes=len(_compact_json(spec.get("payload"))),
        history=_compact_json(status.get("history")),
        transitions=_compact_json(status.get("transitions")),
        parent=_read_parent(meta),
    )


def _read_status(status: Mapping[str, Any], spec: Mapping[str, Any]) -> Json:
    kept = _without(_STATUS_LEFT_OUT, status)
    if isinstance(error := kept.get("error"), dict):
        kept["error"] = _without(_ERROR_LEFT_OUT, error)
        if (traceback := error.get("traceback")) and _waits_for_its_fold(status, spec):
            kept["error"]["traceback"] = bounded_tail(traceback, protocol.HISTORY_TRACEBACK_LIMIT)
    return kept


def _waits_for_its_fold(status: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Tell whether a failed run is still to get its entry in the history, which needs the traceback."""
    if is_one_shot(spec):
        return False
    return any(run["phase"] == protocol.Phase.FAILED for run in (status.get("runs") or {}).values())


def _read_parent(meta: Mapping[str, Any]) -> Parent | None:
    uid = (meta.get("labels") or {}).get(protocol.LABEL_PARENT_UID)
    if not uid:
        return None
    return Parent(TaskUid(uid), (meta.get("annotations") or {}).get(protocol.ANNOTATION_PARENT_RUN, ""))


def _entries(text: bytes) -> list[Json]:
    entries: list[Json] = json.loads(text) if text else []
    return entries


def _without(fields: frozenset[str], document: Mapping[str, Any]) -> Json:
    return {k: v for k, v in document.items() if k not in fields}


def _compact_json(value: Any) -> bytes:
    """Write a value as JSON; nothing for none or an empty one."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() if value else b""
