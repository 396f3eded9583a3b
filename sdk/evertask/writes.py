"""The writes of a dispatch: creating a task, and registering one under a key.

A registration creates the object, or finds it there and puts its own spec in the place of the old one by a JSON Patch
that tests the uid and the version of what was decided from; where the test fails something has changed, and the
decision is made anew. It signs what it writes with a token of its own: whose answer was lost knows its own write by it,
and does not start a task a second time that has run meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from evertask.api.protocol import ANNOTATION_REGISTRATION, LABEL_TASK_ID
from evertask.connection.http import JSON_PATCH
from evertask.connection.paths import evertask_path
from evertask.errors import (
    ApiError,
    ApiUnavailableError,
    Cause,
    ConflictError,
    DispatchRefusedError,
    PermissionDeniedError,
)
from evertask.manifests import differences
from evertask.registration import Leave, Registration, Rewrite, Wait, decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.objects import TaskObjects
    from evertask.registration import Wanted

STRICT = {"fieldValidation": "Strict"}
"""The API server refuses fields that it does not know; else it would drop them with a warning."""

LOOK_AGAIN_SECONDS = 0.25
"""Between two looks at a task whose end is waited for."""

_log = logging.getLogger(__name__)

Json = dict[str, Any]


async def create(
    objects: TaskObjects, manifest: Mapping[str, Any], *, ignoring: frozenset[str], remedy: str
) -> Registration:
    """Create an object; one that exists and says the same is a success.

    Args:
        objects: of the manifest's namespace.
        manifest: of ``evertask.manifests``.
        ignoring: fields of the spec in which the existing one may differ.
        remedy: what to do about another one of the same name.

    Returns:
        Created, or Unchanged.

    Raises:
        DispatchRefusedError: the API server refuses it, or the name belongs to another task.
    """
    if await _post(objects, manifest):
        return Registration.CREATED
    name = manifest["metadata"]["name"]
    found = await objects.read(name)
    # None: it was created, has finished and expired since.
    if found is not None and (different := differences(manifest, found, ignoring=ignoring)):
        message = f"{name} exists already, with another handler, payload or options ({', '.join(different)}); {remedy}"
        raise DispatchRefusedError(message, causes=[Cause(field, message) for field in different])
    return Registration.UNCHANGED


async def register(objects: TaskObjects, wanted: Wanted, patience: float) -> Registration:
    """Register a task under its key, whatever is there.

    Args:
        objects: of the manifest's namespace.
        wanted: what is registered.
        patience: seconds for which conflicts, and the end of a task that is being cancelled, are met by trying again.

    Raises:
        DispatchRefusedError: the API server refuses it, the object is another task's, or the old one does not end.
        ApiUnavailableError: the object changed at each try.
    """
    return await _Registering(objects, wanted, patience).run()


class _Registering:
    """One registration, from its first look to its one write."""

    def __init__(self, objects: TaskObjects, wanted: Wanted, patience: float) -> None:
        self._objects, self._wanted = objects, wanted
        self._name: str = wanted.manifest["metadata"]["name"]
        self._patience = patience
        self._deadline = time.monotonic() + patience
        self._token = uuid4().hex
        self._tried = Registration.CREATED

    async def run(self) -> Registration:
        found = None
        while True:
            if found is None and await self._create():
                return Registration.CREATED
            found = await self._objects.read(self._name)
            if found is not None and (outcome := await self._settle(found)):
                return outcome
            if time.monotonic() > self._deadline:
                raise ApiUnavailableError(
                    f"task {self._name} changed each time that its registration was tried; try again"
                )

    async def _create(self) -> bool:
        """Create the object; False where there is one."""
        manifest = dict(self._wanted.manifest)
        annotations = manifest["metadata"].get("annotations") or {}
        signed = annotations | {ANNOTATION_REGISTRATION: self._token}
        manifest["metadata"] = {**manifest["metadata"], "annotations": signed}
        try:
            return await _post(self._objects, manifest)
        except DispatchRefusedError:
            # A quota, or a rule about creations, comes before the look whether there is such an object.
            if await self._objects.read(self._name) is None:
                raise
            return False

    async def _settle(self, found: Mapping[str, Any]) -> Registration | None:
        """Do what is to be done with the object that is there; None: look again."""
        if (found["metadata"].get("annotations") or {}).get(ANNOTATION_REGISTRATION) == self._token:
            return self._tried  # the answer was lost, the write was not
        step = decide(self._wanted, found)
        if isinstance(step, Wait):
            await self._wait(step)
            return None
        if isinstance(step, Rewrite):
            self._tried = step.outcome
            signature = _set(found, "annotations", ANNOTATION_REGISTRATION, self._token)
            rewritten = [{"op": "add", "path": "/spec", "value": step.spec}, *signature, *self._label(found)]
            return step.outcome if await self._patch(found, rewritten) else None
        return await self._leave(step, found)

    async def _wait(self, step: Wait) -> None:
        if time.monotonic() + LOOK_AGAIN_SECONDS > self._deadline:
            raise DispatchRefusedError(
                f"task {self._name} {step.reason}, and that was not over within {self._patience:g} s; nothing was "
                "changed: dispatch it again later, or under another key"
            )
        await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _leave(self, step: Leave, found: Mapping[str, Any]) -> Registration | None:
        # An object that was made by other means is given the label by which its id is looked up.
        label = self._label(found)
        if label and not await self._patch(found, label):
            return None
        if step.reason:
            key = self._wanted.spec["taskKey"]
            _log.warning("task %s, key %r: left as it is, because %s", self._name, key, step.reason)
        return Registration.UNCHANGED

    def _label(self, found: Mapping[str, Any]) -> list[Json]:
        label = LABEL_TASK_ID
        return _set(found, "labels", label, self._wanted.manifest["metadata"]["labels"][label])

    async def _patch(self, found: Mapping[str, Any], operations: list[Json]) -> bool:
        """Change an object exactly as it was read; False where it has changed since."""
        metadata = found["metadata"]
        tests = [
            {"op": "test", "path": f"/metadata/{field}", "value": metadata[field]}
            for field in ("uid", "resourceVersion")
        ]
        path = evertask_path(self._objects.namespace, self._name)
        try:
            await self._objects.call(
                "PATCH", path, body=[*tests, *operations], content_type=JSON_PATCH, params=STRICT
            )
        except PermissionDeniedError:
            raise
        except ApiError as error:
            # A failed test is a 422 without causes; a refusal by the schema names its fields.
            failed_test = error.status == HTTPStatus.UNPROCESSABLE_ENTITY and not error.causes
            if failed_test or error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return False
            raise _refusal(error) from error
        return True


def _set(found: Mapping[str, Any], kind: str, key: str, value: str) -> list[Json]:
    """Give the operations that set a label or an annotation; none where it is set."""
    present = found["metadata"].get(kind)
    if not present:
        return [{"op": "add", "path": f"/metadata/{kind}", "value": {key: value}}]
    if present.get(key) == value:
        return []
    return [{"op": "add", "path": f"/metadata/{kind}/{key.replace('/', '~1')}", "value": value}]


async def _post(objects: TaskObjects, manifest: Mapping[str, Any]) -> bool:
    """Create an object; False where there is one of that name."""
    try:
        await objects.call("POST", evertask_path(objects.namespace), body=manifest, params=STRICT)
    except PermissionDeniedError:
        raise
    except ConflictError:
        return False
    except ApiError as error:
        raise _refusal(error) from error
    return True


def _refusal(error: ApiError) -> DispatchRefusedError:
    """Say in the caller's words why the API server did not carry out a write."""
    remedies: dict[int, str] = {
        HTTPStatus.NOT_FOUND: "create the namespace, or name another by Dispatcher(namespace=…)",
        HTTPStatus.FORBIDDEN: "a rule of the cluster forbids it, and nothing was changed",
    }
    remedy = remedies.get(error.status, "change what the message names")
    return DispatchRefusedError(f"the API server refused the task: {error}; {remedy}", causes=error.causes)
