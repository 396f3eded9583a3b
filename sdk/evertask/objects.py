"""The EverTask objects of one namespace: create, read, ask to cancel, follow to the end.

Below it is HTTP, above it the words of the application. A call waits out an API server that is away, for as
long as it was told; what is still wrong then is an error of ``evertask.errors``.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evertask.connection.http import JSON_PATCH
from evertask.connection.paths import evertask_path
from evertask.connection.retries import pause, worth_a_retry
from evertask.errors import (
    ApiError,
    ApiUnavailableError,
    ConfigurationError,
    ConflictError,
    DispatchRefusedError,
    ExpiredError,
    PermissionDeniedError,
    TaskNotFoundError,
)
from evertask.manifests import says_the_same
from evertask.views import TaskView, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from evertask.connection.http import Connection, RequestOptions

STRICT = {"fieldValidation": "Strict"}
"""The API server refuses fields that it does not know; else it would drop them with a warning."""


class TaskObjects:
    """The EverTask objects of one namespace, as plain JSON."""

    def __init__(self, connection: Connection, namespace: str, patience: float) -> None:
        """Describe where.

        Args:
            connection: to the API server.
            namespace: of the objects.
            patience: seconds for which a call goes on trying while the API server is away.
        """
        self.namespace = namespace
        self._connection = connection
        self._patience = patience

    async def create(self, manifest: Mapping[str, Any], *, ignoring: frozenset[str] = frozenset()) -> None:
        """Create an object; one that exists and says the same is a success (an earlier answer was lost).

        Args:
            manifest: of ``evertask.manifests``.
            ignoring: fields of the spec in which the existing one may differ.

        Raises:
            DispatchRefusedError: the API server refuses it, or the name belongs to another task.
        """
        try:
            await self.call("POST", evertask_path(self.namespace), body=manifest, params=STRICT)
        except PermissionDeniedError:
            raise
        except ConflictError as error:
            name = manifest["metadata"]["name"]
            found = await self.read(name)
            # None: it was created, has finished and expired since.
            if found is not None and not says_the_same(manifest, found, ignoring=ignoring):
                raise DispatchRefusedError(
                    f"{name} exists already, with another handler, payload or options; "
                    "use another task_id, or none"
                ) from error
        except ApiError as error:
            raise _refusal(error) from error

    async def read(self, name: str) -> dict[str, Any] | None:
        """Get an object; None where there is none."""
        try:
            return await self.call("GET", evertask_path(self.namespace, name))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def request_cancel(self, found: Mapping[str, Any]) -> bool:
        """Set ``spec.cancel`` in an object exactly as it was read; False where it has changed since."""
        metadata = found["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": "/spec/cancel", "value": True},
        ]
        path = evertask_path(self.namespace, metadata["name"])
        try:
            await self.call("PATCH", path, body=patch, content_type=JSON_PATCH)
        except ApiError as error:
            # A failed test is a 422 without causes; a refusal by the schema names its fields.
            failed_test = error.status == HTTPStatus.UNPROCESSABLE_ENTITY and not error.causes
            if failed_test or error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return False
            raise
        return True

    async def finished(self, name: str) -> TaskView:
        """Read an object and watch it from there until it is finished; whenever the watch ends, begin anew.

        Raises:
            TaskNotFoundError: there is none, or it was deleted before it finished.
        """
        failures = 0
        while True:
            found = await self.read(name)
            if found is None:
                raise TaskNotFoundError(
                    f"there is no task {name} in namespace {self.namespace}: it was never dispatched there, "
                    "was deleted, or has expired after it finished (ttlAfterFinished)"
                )
            view = view_of(found)
            if view.is_finished:
                return view
            try:
                ended = await self._follow(found)
            except (ApiError, ApiUnavailableError) as error:
                if not worth_a_retry(error) and not isinstance(error, ExpiredError):
                    raise
                failures += 1
                await asyncio.sleep(pause(failures, error, luck=random.random()))  # noqa: S311  (no secret)
                continue
            if ended is not None:
                return ended
            failures = 0

    async def _follow(self, found: Mapping[str, Any]) -> TaskView | None:
        """Watch an object as it was read until it is finished; None where the watch ends before."""
        metadata = found["metadata"]
        selection = {
            "fieldSelector": f"metadata.name={metadata['name']}",
            "resourceVersion": metadata["resourceVersion"],
        }
        watch = self._connection.watch(evertask_path(self.namespace), params=selection)
        async with aclosing(watch) as events:
            async for event in events:
                view = view_of(event.object)
                if view.is_finished:  # also in the last state of one that expires at once
                    return view
                if event.type == "DELETED":
                    raise TaskNotFoundError(f"task {view.name} was deleted in the state {view.state}")
        return None

    async def call(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        """Call with retries, and name what is no matter of this one task."""
        try:
            return await self._connection.call_with_retries(method, path, patience=self._patience, **options)
        except ApiError as error:
            if worth_a_retry(error):
                raise ApiUnavailableError(f"the API server could not answer: {error}") from error
            if error.status == HTTPStatus.NOT_FOUND and not error.details.get("name"):
                raise ConfigurationError(
                    "the cluster does not know EverTask objects; install EverTask's Helm chart in it"
                ) from error
            raise


def _refusal(error: ApiError) -> DispatchRefusedError:
    """Say in the caller's words why the API server did not create an object."""
    remedies: dict[int, str] = {
        HTTPStatus.NOT_FOUND: "create the namespace, or name another by Dispatcher(namespace=…)",
        HTTPStatus.FORBIDDEN: "a rule of the cluster forbids it, and nothing was created",
    }
    remedy = remedies.get(error.status, "change what the message names")
    return DispatchRefusedError(f"the API server refused the task: {error}; {remedy}", causes=error.causes)
