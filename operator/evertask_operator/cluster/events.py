"""Kubernetes Events about tasks: what a person looks for with ``kubectl describe``.

The first of its kind is created; an equal one (same task, type, reason and message) makes that Event count, as the
cluster's own components do. What is counted is known to this process only: after a restart the next one is created.
An Event is a courtesy, and the status says the same: one that cannot be recorded is logged, and the task goes on.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.api.outcomes import bounded
from evertask.connection.http import MERGE_PATCH
from evertask.connection.paths import event_path
from evertask.errors import ApiError, EverTaskError

if TYPE_CHECKING:
    from evertask.connection import Connection
    from evertask_operator.decisions.plans import Note
    from evertask_operator.records import TaskRecord, TaskUid

Json = dict[str, Any]
_Same = tuple["TaskUid", "Note"]

logger = logging.getLogger(__name__)

NOTE_LIMIT = 1000
"""Characters of a message: the API server takes 1,024 bytes at most, and cuts nothing itself."""

REMEMBERED = 1000
"""Events that may still count; of more, the one that was last recorded first is forgotten."""


class _Recorded(NamedTuple):
    """An Event as it was last written."""

    name: str
    uid: str
    version: str
    times: int


class Events:
    """Records Events."""

    def __init__(self, connection: Connection, instance: str) -> None:
        self._connection = connection
        self._instance = instance
        self._recorded: OrderedDict[_Same, _Recorded] = OrderedDict()

    async def record(self, task: TaskRecord, note: Note) -> None:
        """Record what is to be said of a task."""
        same = (task.uid, note)
        known = self._recorded.pop(same, None)
        try:
            recorded = await self._count(task, known) if known else None
            self._recorded[same] = recorded or await self._create(task, note)
        except EverTaskError as error:
            logger.warning("task %s: the event %s was not recorded: %s", task.key, note.reason, error)
        if len(self._recorded) > REMEMBERED:
            self._recorded.popitem(last=False)

    async def _count(self, task: TaskRecord, known: _Recorded) -> _Recorded | None:
        """Let a known Event count one more; None when it has expired, was changed, or must not be changed by us."""
        body = {
            "metadata": {"uid": known.uid, "resourceVersion": known.version},
            "series": {"count": known.times + 1, "lastObservedTime": _now()},
        }
        path = event_path(task.key.namespace, known.name)
        try:
            raw = await self._connection.call("PATCH", path, body=body, content_type=MERGE_PATCH)
        except ApiError:
            return None
        return _recorded(raw, known.times + 1)

    async def _create(self, task: TaskRecord, note: Note) -> _Recorded:
        namespace = task.key.namespace
        body = {
            "metadata": {"name": f"{task.key.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
            "eventTime": _now(),
            "type": note.type,
            "reason": note.reason,
            "note": _note(note.message),
            "action": "Reconcile",
            "reportingController": f"{protocol.GROUP}/operator",
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": protocol.API_VERSION,
                "kind": protocol.KIND,
                "name": task.key.name,
                "namespace": namespace,
                "uid": task.uid,
            },
        }
        return _recorded(await self._connection.call("POST", event_path(namespace), body=body), 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _note(message: str) -> str:
    """Cut a message to what an Event takes, which counts bytes."""
    cut = bounded(message, NOTE_LIMIT)
    while len(cut.encode()) > protocol.MESSAGE_LIMIT:
        cut = bounded(cut, len(cut) * 9 // 10)
    return cut


def _recorded(raw: Json, times: int) -> _Recorded:
    meta = raw["metadata"]
    return _Recorded(meta["name"], meta["uid"], meta["resourceVersion"], times)
