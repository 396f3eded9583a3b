"""The EverTask objects of one namespace, as plain JSON: look up, list, change as they were read.

Below it is HTTP, above it the words of the application. A call waits out an API server that is away, for as
long as it was told; what is still wrong then is an error of ``evertask.errors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api import protocol
from evertask.api.keys import key_id
from evertask.connection.http import JSON_PATCH
from evertask.connection.paths import evertask_path
from evertask.connection.retries import worth_a_retry
from evertask.errors import (
    ApiError,
    ApiUnavailableError,
    ConfigurationError,
    ExpiredError,
    PermissionDeniedError,
    TaskNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from typing import Unpack
    from uuid import UUID

    from evertask.connection.http import Connection, RequestOptions
    from evertask.connection.watches import WatchEvent
    from evertask.references import Reference

Json = dict[str, Any]

STRICT = {"fieldValidation": "Strict"}
"""The API server refuses fields that it does not know; else it would drop them with a warning."""

CHUNK = 500
"""Objects of one answer of the API server, at most."""


@dataclass(frozen=True)
class Selection:
    """Which objects the API server gives."""

    fields: str = ""
    """A field selector."""
    labels: str = ""
    """A label selector."""

    @property
    def params(self) -> dict[str, str]:
        """As the query of a request."""
        given = {"fieldSelector": self.fields, "labelSelector": self.labels}
        return {name: text for name, text in given.items() if text}


class Chunk(NamedTuple):
    """One answer to a list."""

    items: list[Json]
    version: str
    """Of the list as a whole, to watch from."""
    following: str
    """The API server's token for the next chunk; empty at the end."""


class TaskObjects:
    """The EverTask objects of one namespace."""

    def __init__(self, connection: Connection, namespace: str, patience: float) -> None:
        """Describe where.

        Args:
            connection: to the API server.
            namespace: of the objects.
            patience: seconds for which a call goes on trying while the API server is away.
        """
        self.namespace = namespace
        self.patience = patience
        self._connection = connection

    async def read(self, name: str) -> Json | None:
        """Get an object; None where there is none."""
        try:
            return await self.call("GET", evertask_path(self.namespace, name))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def find(self, reference: Reference) -> Json | None:
        """Look a task up, as a caller named it; None where there is none."""
        for name in reference.names:
            if (found := await self.read(name)) is not None:
                return found
        return None if reference.id is None else await self._labelled(reference.id)

    async def get(self, reference: Reference) -> Json:
        """Do as ``find``.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        found = await self.find(reference)
        if found is None:
            raise self.missing(reference)
        return found

    def missing(self, reference: Reference) -> TaskNotFoundError:
        """Say that there is no such task."""
        return TaskNotFoundError(
            f"there is no {reference.said} in namespace {self.namespace}: it was never dispatched there, "
            "was deleted, or has expired after it finished (ttlAfterFinished)"
        )

    async def _labelled(self, task_id: UUID) -> Json | None:
        """Find the object with an id on its label: that of a key. What a label says, anybody may have written."""
        selection = Selection(labels=f"{protocol.LABEL_TASK_ID}={task_id}")
        items = (await self.chunk(selection)).items
        of_key = [item for item in items if self._is_of_key(item, task_id)]
        return next(iter(of_key or items), None)

    def _is_of_key(self, item: Mapping[str, Any], task_id: UUID) -> bool:
        key = item["spec"].get("taskKey")
        return key is not None and key_id(self.namespace, key) == task_id

    async def chunk(self, selection: Selection, *, limit: int = CHUNK, token: str = "") -> Chunk:
        """List objects in the order of their names, as many as an answer may have.

        Args:
            selection: which.
            limit: at most so many.
            token: of the chunk before.

        Raises:
            ExpiredError: the token is too old; begin anew.
        """
        params = {**selection.params, "limit": str(limit), **({"continue": token} if token else {})}
        answer = await self.call("GET", evertask_path(self.namespace), params=params)
        metadata = answer["metadata"]
        return Chunk(answer["items"], metadata["resourceVersion"], metadata.get("continue") or "")

    async def all(self, selection: Selection) -> Chunk:
        """List objects, however many they are, as they are at one moment."""
        while True:
            items, chunk = [], await self.chunk(selection)
            version = chunk.version
            try:
                while True:
                    items += chunk.items
                    if not chunk.following:
                        return Chunk(items, version, "")
                    chunk = await self.chunk(selection, token=chunk.following)
            except ExpiredError:
                continue  # it took longer than etcd keeps that moment

    def watch(self, selection: Selection, version: str) -> AsyncGenerator[WatchEvent]:
        """Follow a list from a version on; see ``Connection.watch``."""
        params = {**selection.params, "resourceVersion": version, "allowWatchBookmarks": "true"}
        return self._connection.watch(evertask_path(self.namespace), params=params)

    async def set_spec(self, found: Mapping[str, Any], field: str, value: Any) -> bool:
        """Set a field of the spec in an object exactly as it was read; False where it has changed since, or is gone.

        Raises:
            ApiError: the API server refuses the value; its causes name the field.
        """
        metadata = found["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "add", "path": f"/spec/{field}", "value": value},
        ]
        path = evertask_path(self.namespace, metadata["name"])
        try:
            await self.call("PATCH", path, body=patch, content_type=JSON_PATCH, params=STRICT)
        except PermissionDeniedError:
            raise
        except ApiError as error:
            # A failed test is a 422 without causes; a refusal by the schema names its fields.
            failed_test = error.status == HTTPStatus.UNPROCESSABLE_ENTITY and not error.causes
            if failed_test or error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return False
            raise
        return True

    async def call(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Json:
        """Call with retries, and name what is no matter of this one task."""
        try:
            return await self._connection.call_with_retries(method, path, patience=self.patience, **options)
        except ApiError as error:
            if worth_a_retry(error, method=method):
                raise ApiUnavailableError(f"the API server could not answer: {error}") from error
            if error.status == HTTPStatus.NOT_FOUND and not error.details.get("name"):
                raise ConfigurationError(
                    "the cluster does not know EverTask objects; install EverTask's Helm chart in it"
                ) from error
            raise
