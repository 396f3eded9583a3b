"""EverTask objects in memory, with what the API server does to them: checks, defaults, versions, a log of changes.

What an object may say is decided by the model that the CRD is generated from. Rights, quotas and admission policies are
the cluster's, and are not asked here.
"""

from __future__ import annotations

import copy
import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from pydantic import ValidationError

from evertask.api import protocol
from evertask.api.rules import field_path
from evertask.api.task import EverTask, EverTaskSpec
from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.testing.clock import VirtualClock
    from evertask.testing.selection import Selection

Json = dict[str, Any]

DEFAULTS: Json = {
    field.alias or name: field.default
    for name, field in EverTaskSpec.model_fields.items()
    if not field.is_required() and field.default is not None
}
"""What the API server adds to a spec that does not say it."""

_REASONS = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid",
}


class RefusedError(Exception):
    """The API server would refuse the request."""

    def __init__(self, code: HTTPStatus, message: str, *, reason: str = "", **details: Any) -> None:
        super().__init__(message)
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": int(code),
            "reason": reason or _REASONS[code],
            "message": message,
            "details": {"group": protocol.GROUP, "kind": protocol.PLURAL, **details},
        }
        """The answer."""


class Change(NamedTuple):
    """One change of one object."""

    version: int
    before: Json | None
    after: Json | None


class Storage:
    """The objects of one in-memory cluster; safe to use from any thread. What it gives is the caller's own copy."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._objects: dict[tuple[str, str], Json] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], object]] = []
        self.changes: list[Change] = []
        """Of all objects, the oldest first."""

    @property
    def version(self) -> int:
        """Of the newest change."""
        return len(self.changes)

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call something after each change, in the thread that makes it."""
        self._listeners.append(listener)

    def create(self, namespace: str, body: Json) -> Json:
        """Store a new object.

        Raises:
            RefusedError: there is one of that name, or a field cannot be used.
        """
        made = _json(body)
        metadata, name = made["metadata"], made["metadata"]["name"]
        made.pop("status", None)
        made["spec"] = {**DEFAULTS, **_pruned(made.get("spec") or {}, but="payload")}
        metadata |= {
            "namespace": namespace,
            "uid": str(uuid4()),
            "generation": 1,
            "creationTimestamp": format_time(self._clock.now),
        }
        with self._lock:
            if (namespace, name) in self._objects:
                message = f'{protocol.PLURAL}.{protocol.GROUP} "{name}" already exists'
                raise RefusedError(HTTPStatus.CONFLICT, message, reason="AlreadyExists", name=name)
            return self._store(None, made)

    def read(self, namespace: str, name: str) -> Json:
        """Give an object.

        Raises:
            RefusedError: there is none.
        """
        return copy.deepcopy(self._find(namespace, name))

    def find(self, uid: str) -> Json | None:
        """Give the object of a uid, which must not be changed; None where it is gone."""
        with self._lock:
            key = self._keys.get(uid)
            return self._objects.get(key) if key else None

    def select(self, selection: Selection) -> list[Json]:
        """Give the objects that are asked for, in the order of their names."""
        with self._lock:
            return [copy.deepcopy(task) for _, task in sorted(self._objects.items()) if selection.takes(task)]

    def change(self, namespace: str, name: str, change: Callable[[Json], Json], *, of_status: bool) -> Json:
        """Replace an object by what a function makes of it; the status or all the rest, as the subresources do.

        Raises:
            RefusedError: there is none, its version is not the one that is asked for, or a field cannot be used.
        """
        with self._lock:
            before = self._find(namespace, name)
            wanted = _json(change(copy.deepcopy(before)))
            if wanted["metadata"].get("resourceVersion") not in {None, before["metadata"]["resourceVersion"]}:
                message = (
                    f"{name}: the object has been modified; please apply your changes to the latest version"
                )
                raise RefusedError(HTTPStatus.CONFLICT, message, name=name)
            after = copy.deepcopy(before)
            if of_status:
                after["status"] = _pruned(wanted.get("status") or {}, but="result")
            else:
                for field in ("labels", "annotations"):
                    after["metadata"][field] = wanted["metadata"].get(field) or {}
                after["spec"] = {**DEFAULTS, **_pruned(wanted["spec"], but="payload")}
                after["metadata"]["generation"] += after["spec"] != before["spec"]
            return copy.deepcopy(before) if after == before else self._store(before, after)

    def delete(self, namespace: str, name: str) -> Json:
        """Remove an object and give its last form.

        Raises:
            RefusedError: there is none.
        """
        with self._lock:
            gone = self._find(namespace, name)
            del self._objects[namespace, name], self._keys[gone["metadata"]["uid"]]
            self._log(gone, None)
            return copy.deepcopy(gone)

    def _find(self, namespace: str, name: str) -> Json:
        with self._lock:
            found = self._objects.get((namespace, name))
        if found is None:
            message = f'{protocol.PLURAL}.{protocol.GROUP} "{name}" not found'
            raise RefusedError(HTTPStatus.NOT_FOUND, message, name=name)
        return found

    def _store(self, before: Json | None, after: Json) -> Json:
        _check(after)
        after["metadata"]["resourceVersion"] = str(self.version + 1)
        key = after["metadata"]["namespace"], after["metadata"]["name"]
        self._objects[key], self._keys[after["metadata"]["uid"]] = after, key
        self._log(before, after)
        return copy.deepcopy(after)

    def _log(self, before: Json | None, after: Json | None) -> None:
        self.changes.append(Change(self.version + 1, before, after))
        for listener in self._listeners:
            listener()


def _json(body: Json) -> Json:
    """Give what arrives at the other end of a connection."""
    arrived: Json = json.loads(json.dumps(body))
    return arrived


def _pruned(value: Json, but: str) -> Json:
    """Leave fields out that are null, as the API server does; within free-form JSON null is a value."""
    return {
        name: inner if name == but or not isinstance(inner, dict) else _pruned(inner, but)
        for name, inner in value.items()
        if inner is not None
    }


def _check(task: Json) -> None:
    try:
        EverTask.model_validate(task, strict=False, by_alias=True, by_name=False)
    except ValidationError as error:
        causes = [
            {"field": field_path(one["loc"]), "message": one["msg"].removeprefix("Value error, ")}
            for one in error.errors()
        ]
        name = task["metadata"]["name"]
        told = "; ".join(f"{cause['field']}: {cause['message']}" for cause in causes)
        message = f'{protocol.KIND}.{protocol.GROUP} "{name}" is invalid: {told}'
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, message, name=name, causes=causes) from error
